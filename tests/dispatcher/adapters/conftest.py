"""The adapter to the broker, and the server it speaks to."""

from collections.abc import Iterator

import pytest

from dispatcher.adapters.alpaca import AlpacaBroker
from tests.dispatcher.told import connected
from tests.fakes.venue import Venue, venue


@pytest.fixture
def server() -> Iterator[Venue]:
    """A broker's server that does as a test says."""
    with venue() as running:
        yield running


@pytest.fixture
def broker(server: Venue) -> Iterator[AlpacaBroker]:
    """The adapter, connected to that server."""
    with connected(server.url) as broker:
        yield broker
