"""The processes and their leases in PostgreSQL, on one connection however many accounts there are."""

from collections.abc import Callable, Mapping

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters import queries
from dispatcher.adapters.database import execute
from dispatcher.ports import Attendance, DatabaseUnavailableError, Held

RENEWED_AT_ONCE = 50
"""A renewal holds its accounts' rows for as long as its commit takes, and an intent waits for its own row."""


class PostgresRoster:
    """See ports.Roster. For one thread; the connection is opened again when it breaks."""

    def __init__(self, connect: Callable[[], Connection[DictRow]], holder: str, accounts: tuple[str, ...]) -> None:
        self._connect = connect
        self._bound = {"holder": holder, "accounts": sorted(accounts)}
        self._connection: Connection[DictRow] | None = None

    def attend(self, held: Mapping[str, int], seconds: float) -> Attendance:
        """See ports.Roster."""
        self._run(queries.ATTEND, seconds=seconds)
        renewed = self._renew(held, seconds)
        self._run(queries.BURY)
        members = {row["holder"]: frozenset(row["accounts"]) for row in self._run(queries.MEMBERS)}
        holders = {row["account"]: Held(row["holder"], row["epoch"]) for row in self._run(queries.HOLDERS)}
        return Attendance(renewed, members, holders)

    def take(self, accounts: tuple[str, ...], seconds: float) -> dict[str, int]:
        """See ports.Roster."""
        rows = self._run(queries.TAKE_LEASES, wanted=sorted(accounts), seconds=seconds)
        return {row["account"]: row["epoch"] for row in rows}

    def release(self, account: str, epoch: int) -> None:
        """See ports.Roster."""
        self._run(queries.RELEASE_LEASE, account=account, epoch=epoch)

    def leave(self) -> None:
        """See ports.Roster."""
        if self._connection is not None:
            try:
                self._run(queries.LEAVE)
            finally:
                self._close()

    def _renew(self, held: Mapping[str, int], seconds: float) -> frozenset[str]:
        names, renewed = sorted(held), set[str]()
        for start in range(0, len(names), RENEWED_AT_ONCE):
            some = names[start : start + RENEWED_AT_ONCE]
            epochs = [held[name] for name in some]
            rows = self._run(queries.RENEW_LEASES, held=some, epochs=epochs, seconds=seconds)
            renewed.update(row["account"] for row in rows)
        return frozenset(renewed)

    def _run(self, statement: str, **parameters: object) -> list[DictRow]:
        if self._connection is None:
            self._connection = self._connect()
            execute(self._connection, queries.BE_PRESENT, dict(self._bound))
        try:
            return execute(self._connection, statement, self._bound | parameters)
        except DatabaseUnavailableError:
            self._close()
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
