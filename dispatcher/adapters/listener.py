"""What the database tells of, heard on one connection for every account of the process.

A notification is a bell and no more: whoever missed one looks by the clock, and after a connection that broke everyone
is rung, because nobody knows what was said meanwhile.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition, Event, Thread

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters.database import translated
from dispatcher.ports import Channel, DatabaseAuthenticationError, DatabaseUnavailableError

LISTEN_SECONDS = 0.5
RETRY_SECONDS = 1.0
TICKERS_KEPT = 32
"""The last ones told. An account that stands by asks for none."""


class Ear:
    """What one account hears."""

    def __init__(self) -> None:
        self._told = Condition()
        self._news: set[Channel] = set()
        self._tickers: deque[str] = deque(maxlen=TICKERS_KEPT)
        self._rung = False

    def ring(self, *channels: Channel) -> None:
        """Say that something was told: on the channels, or elsewhere."""
        with self._told:
            self._rung = True
            self._news.update(channels)
            self._told.notify_all()

    def expect(self, ticker: str) -> None:
        """Keep what the bell that follows is about."""
        with self._told:
            self._tickers.append(ticker)

    def expected(self) -> frozenset[str]:
        """What was kept since the last time."""
        with self._told:
            tickers = frozenset(self._tickers)
            self._tickers.clear()
            return tickers

    def wait(self, seconds: float) -> frozenset[Channel]:
        """What was told since the last time; waits for it, but not longer than `seconds`."""
        with self._told:
            self._told.wait_for(lambda: self._rung, seconds)
            news, self._news, self._rung = frozenset(self._news), set(), False
            return news


class Listener:
    """Listens in a thread of its own until it is closed."""

    def __init__(self, connect: Callable[[], Connection[DictRow]]) -> None:
        self._connect = connect
        self._ears: dict[str, Ear] = {}
        self._enough = Event()
        self._thread = Thread(target=self._keep, name="listener", daemon=True)
        self.listening = Event()
        """Set while what is told is heard."""

    def ear(self, account: str) -> Ear:
        """The account's ear."""
        return self._ears.setdefault(account, Ear())

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._enough.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._enough.is_set():
            try:
                self._listen()
            except (DatabaseUnavailableError, DatabaseAuthenticationError):
                self.listening.clear()
                self._enough.wait(RETRY_SECONDS)  # whoever works with the database meets the same, and says so

    def _listen(self) -> None:
        connection = self._connect()
        try:
            with translated():
                for channel in Channel:
                    connection.execute(f"LISTEN {channel}".encode())
                self._ring_all()
                self.listening.set()
                while not self._enough.is_set():
                    for told in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        self._hear(Channel(told.channel), told.payload)
        finally:
            connection.close()

    def _hear(self, channel: Channel, message: str) -> None:
        """A ticker is for everyone to expect; any other message is the account to ring, without one everyone."""
        for name, ear in tuple(self._ears.items()):
            if channel is Channel.TICKERS:
                ear.expect(message)
            elif message in {"", name}:
                ear.ring(channel)

    def _ring_all(self) -> None:
        for ear in tuple(self._ears.values()):
            ear.ring(*Channel)
