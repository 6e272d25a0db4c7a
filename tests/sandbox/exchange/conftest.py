"""An exchange on loopback whose clock stands still on a Monday morning, and two ways to speak to it."""

from collections.abc import Iterator

import pytest
from alpaca.trading.client import TradingClient

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, config


@pytest.fixture
def exchange() -> Iterator[Running]:
    with running(config()) as started:
        yield started


@pytest.fixture
def http(exchange: Running) -> Http:
    return Http(exchange.url)


@pytest.fixture
def client(exchange: Running) -> TradingClient:
    """Unmodified alpaca-py, pointed at the exchange."""
    return TradingClient(KEY, SECRET, paper=True, url_override=exchange.url)
