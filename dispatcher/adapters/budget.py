"""The shared budget in PostgreSQL: a row per account, drawn from a few requests at a time.

A draw is good for a short while only, so that a process that draws nothing hears within seconds that the broker has
closed the account's minute. Where the database is away nothing can be drawn, and nothing is held up either: without it
no order is sent anyway, and the broker's own 429 still holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters import queries
from dispatcher.adapters.database import Connections, execute, translated
from dispatcher.core import budget
from dispatcher.core.budget import Draw, Minute, Priority, Told
from dispatcher.ports import DatabaseAuthenticationError, DatabaseUnavailableError

GOOD_SECONDS = 2.0
"""A draw is used within this; what is left of it then goes back with the next one."""
FOR_EVER = float("-inf")


@dataclass(frozen=True, slots=True)
class _Held:
    """Requests that were drawn: how many are left, until when, and when the minute ends that they are of."""

    left: int
    good_until: float
    ends_at: float


_NOTHING = _Held(0, FOR_EVER, FOR_EVER)


class PostgresBudget:
    """See adapters.session.Budget. One account's, shared by the threads of the process."""

    def __init__(self, connections: Connections, account: str, limit: int, monotonic: Callable[[], float]) -> None:
        self._connections = connections
        self._account = account
        self._declared = self._limit = limit
        self._monotonic = monotonic
        self._lock = Lock()
        self._held: dict[Priority, _Held] = {}
        self._ends_at = FOR_EVER
        self._told: Told | None = None
        self._told_at = 0.0

    def take(self, priority: Priority) -> float:
        """Take one request; seconds to wait where there is none."""
        with self._lock:
            held = self._held.get(priority, _NOTHING)
            if held.left == 0 or self._monotonic() >= held.good_until:
                drawn = self._draw(priority)
                self._held.pop(priority, None)
                if drawn.requests == 0:
                    return drawn.wait_seconds
                held = _Held(drawn.requests, self._monotonic() + GOOD_SECONDS, self._ends_at)
            self._held[priority] = replace(held, left=held.left - 1)
            return 0.0

    def hear(self, told: Told) -> None:
        """Remember what the broker said; a 429 is told to the other processes at once."""
        with self._lock:
            self._told, self._told_at = told, self._monotonic()
            if told.limit > 0:
                self._limit = min(self._declared, told.limit)
            if told.refused:
                self._held.clear()
                self._draw(Priority.EXITS)

    def _draw(self, priority: Priority) -> Draw:
        try:
            with self._connections.lend() as connection, translated(), connection.transaction():
                return self._drawn(connection, priority)
        except (DatabaseUnavailableError, DatabaseAuthenticationError):
            return Draw(1)

    def _drawn(self, connection: Connection[DictRow], priority: Priority) -> Draw:
        (row,) = execute(connection, queries.BUDGET, {"account": self._account})
        now: float = row["now"]
        minute = Minute(row["ends_at"], row["drawn"], row["closed_until"])
        spare = self._held.get(priority, _NOTHING)
        minute = budget.give_back(minute, spare.left, spare.ends_at, now)
        if self._told is not None:
            minute = budget.hear(minute, self._told, now - (self._monotonic() - self._told_at))
            self._told = None
        minute, drawn = budget.draw(minute, self._limit, priority, now)
        values = {"ends_at": minute.ends_at, "drawn": minute.drawn, "closed_until": minute.closed_until}
        execute(connection, queries.SPEND, values | {"account": self._account})
        self._ends_at = minute.ends_at
        return drawn
