"""A desk with fakes around it."""

from collections.abc import Iterator

import pytest

from tests.dispatcher.desks import Shop, shop


@pytest.fixture
def at_work() -> Iterator[Shop]:
    """One account under its lease, with nothing to do yet."""
    with shop() as shop_:
        yield shop_
