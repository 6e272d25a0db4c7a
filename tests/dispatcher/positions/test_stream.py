"""The bell: it rings for whatever happens, comes back after it was lost, and says both."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contract.strict import DocumentError
from dispatcher.adapters.stream import TradeUpdates
from dispatcher.shell.settings import stream_url
from tests.dispatcher.positions.stand import Stand
from tests.dispatcher.world import ACCOUNT

RING_SECONDS = 20.0


@contextmanager
def listening(stand: Stand, secret: str = ACCOUNT.secret) -> Iterator[TradeUpdates]:
    url = stand.exchange.url.replace("http", "ws") + "/stream"
    bell = TradeUpdates(url, ACCOUNT.key, secret, dice=lambda: 0.0)
    bell.listen()
    try:
        yield bell
    finally:
        bell.silence()


def test_a_fill_rings_the_bell(stand: Stand) -> None:
    with listening(stand) as bell:
        assert bell.wait(RING_SECONDS)
        assert bell.take() == ("connected",)
        stand.buy("AAPL", 1)
        assert bell.wait(RING_SECONDS)
        assert bell.take() == ()


def test_a_connection_that_breaks_rings_is_told_and_made_again(stand: Stand) -> None:
    with listening(stand) as bell:
        assert bell.wait(RING_SECONDS)
        bell.take()
        stand.exchange.fault(route="STREAM trade_updates", kind="stream-drop", nth=1)
        stand.buy("AAPL", 1)
        heard: list[str] = []
        while len(heard) < 2 and bell.wait(RING_SECONDS):
            heard += bell.take()

        assert heard[0].startswith("lost: ")
        assert heard[1] == "connected"


def test_a_key_that_is_refused_is_told_and_tried_again(stand: Stand) -> None:
    with listening(stand, secret="wrong") as bell:
        assert bell.wait(RING_SECONDS)

        assert bell.take()[0].startswith("lost: StreamRefusedError")


def test_a_bell_that_is_silenced_makes_room_for_another(stand: Stand) -> None:
    with listening(stand) as bell:
        assert bell.wait(RING_SECONDS)
    with listening(stand) as bell:
        assert bell.wait(RING_SECONDS)
        assert bell.take() == ("connected",)


@pytest.mark.parametrize(
    ("trading", "stream"),
    [
        ("https://paper-api.alpaca.markets", "wss://paper-api.alpaca.markets/stream"),
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/stream"),
    ],
)
def test_the_stream_is_at_the_trading_host_unless_another_is_said(trading: str, stream: str) -> None:
    assert stream_url({}, trading) == stream
    assert stream_url({"ALPACA_STREAM_URL": "ws://localhost:9/s"}, trading) == "ws://localhost:9/s"


@pytest.mark.parametrize("url", ["wss://api.alpaca.markets/stream", "ws://paper-api.alpaca.markets/stream", "nonsense"])
def test_no_other_host_is_listened_to(url: str) -> None:
    with pytest.raises(DocumentError, match="neither wss://paper-api"):
        stream_url({"ALPACA_STREAM_URL": url}, "https://paper-api.alpaca.markets")
