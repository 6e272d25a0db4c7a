"""The stream of trade updates as a bell: it says that something happened, and the broker's answers say what.

So a message that is lost, doubled or out of order can do no harm: it only makes the next look earlier or later. Where
the stream is silent the look comes by the clock. A connection that is dead is noticed by its pings.
"""

import json
import random
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

OPEN_SECONDS = 10.0
PING_SECONDS = 10.0
LISTEN_SECONDS = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STREAM = "trade_updates"


class StreamRefusedError(Exception):
    """The stream does not take our key, or answers what it should not."""


class TradeUpdates:
    """See position_ports.Bell. The connection lives in a thread of its own; a lost one is made again after a pause."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        dice: Callable[[], float] = random.random,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._url, self._key, self._secret = url, key, secret
        self._dice = dice
        self._rung = Condition()
        self._ringing = False
        self._news: list[str] = []
        self._enough = Event()
        self._thread: Thread | None = None
        self._connection: ClientConnection | None = None
        self._first_pause = self._pause = first_pause

    def listen(self) -> None:
        """See position_ports.Bell."""
        self._enough = Event()
        self._thread = Thread(target=self._keep, args=(self._enough,), name="trade updates", daemon=True)
        self._thread.start()

    def silence(self) -> None:
        """See position_ports.Bell."""
        self._enough.set()
        if (connection := self._connection) is not None:
            connection.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait(self, seconds: float) -> bool:
        """See position_ports.Bell."""
        with self._rung:
            rang = self._rung.wait_for(lambda: self._ringing, seconds)
            self._ringing = False
            return rang

    def take(self) -> tuple[str, ...]:
        """See position_ports.Bell."""
        with self._rung:
            news, self._news = tuple(self._news), []
            return news

    def _keep(self, stop: Event) -> None:
        self._pause = self._first_pause
        while not stop.is_set():
            try:
                self._attend(stop)
            except Exception as error:  # noqa: BLE001  the outermost loop of its thread: told, and tried again
                self._ring(f"lost: {type(error).__name__}: {error}")
                stop.wait(self._pause * (0.5 + self._dice() / 2))
                self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _attend(self, stop: Event) -> None:
        """One connection, from the first word to its end."""
        with connect(
            self._url,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=1,
            compression=None,
            proxy=None,
        ) as connection:
            self._connection = connection
            try:
                self._introduce(connection)
                self._pause = self._first_pause
                self._ring("connected")  # there is no replay: what happened meanwhile is read from the broker
                self._hear(connection, stop)
            except ConnectionClosed:
                if not stop.is_set():
                    raise
            finally:
                self._connection = None

    def _introduce(self, connection: ClientConnection) -> None:
        connection.send(json.dumps({"action": "auth", "key": self._key, "secret": self._secret}))
        answer = _read(connection.recv(OPEN_SECONDS))
        if answer.get("status") != "authorized":
            raise StreamRefusedError(f"not authorized: {answer.get('status')}")
        connection.send(json.dumps({"action": "listen", "data": {"streams": [STREAM]}}))
        answer = _read(connection.recv(OPEN_SECONDS))
        if STREAM not in (answer.get("streams") or ()):
            raise StreamRefusedError("it does not tell trade updates")

    def _hear(self, connection: ClientConnection, stop: Event) -> None:
        while not stop.is_set():
            try:
                connection.recv(LISTEN_SECONDS)
            except TimeoutError:
                continue
            self._ring(None)

    def _ring(self, news: str | None) -> None:
        with self._rung:
            if news is not None:
                self._news.append(news)
            self._ringing = True
            self._rung.notify_all()


def _read(message: str | bytes) -> dict[str, Any]:
    """The data of a message; anything unreadable is no answer."""
    try:
        data = json.loads(message).get("data")
    except (ValueError, AttributeError):
        data = None
    return data if isinstance(data, dict) else {}
