"""The bell: it rings for whatever happens, comes back after it was lost, and says both."""

from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.adapters.stream import TradeUpdates
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
