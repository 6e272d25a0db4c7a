"""Leases in PostgreSQL: a row with an epoch is the authority, an advisory lock only speeds its takeover.

The advisory lock is our presence: it goes with our connection, so another process learns at once that we are gone and
need not wait for the lease to expire. Whoever holds the lease tries to be present; whoever loses it leaves.
"""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters import queries
from dispatcher.adapters.database import execute
from dispatcher.ports import DatabaseUnavailableError, Grant, Held


class PostgresLeases:
    """See ports.Leases. One account and one connection, opened again when it breaks; not shared between threads."""

    def __init__(self, connect: Callable[[], Connection[DictRow]], account: str) -> None:
        self._connect = connect
        self._account = account
        self._connection: Connection[DictRow] | None = None
        self._present = False

    def acquire(self, holder: str, seconds: float) -> Grant | Held:
        """See ports.Leases."""
        gone = not self._present and self._become_present()
        taken = self._run(queries.ACQUIRE_LEASE, holder=holder, seconds=seconds, gone=gone, present=self._present)
        if taken:
            return Grant(taken[0]["epoch"])
        if gone:
            self._make_way()
        row = self._run(queries.LEASE_HOLDER)[0]
        return Held(row["holder"], row["epoch"])

    def renew(self, epoch: int, seconds: float) -> bool:
        """See ports.Leases."""
        if not self._present:
            self._become_present()
        return bool(self._run(queries.RENEW_LEASE, epoch=epoch, seconds=seconds, present=self._present))

    def release(self, epoch: int) -> None:
        """See ports.Leases."""
        self._run(queries.RELEASE_LEASE, epoch=epoch)
        self.leave()

    def leave(self) -> None:
        """See ports.Leases."""
        self._present = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _become_present(self) -> bool:
        self._present = self._run(queries.TRY_PRESENCE)[0]["pg_try_advisory_lock"]
        return self._present

    def _make_way(self) -> None:
        """The holder lives and was not present yet: presence is its, and not of who stands by."""
        self._run(queries.END_PRESENCE)
        self._present = False

    def _run(self, statement: str, **parameters: object) -> list[DictRow]:
        if self._connection is None:
            self._connection = self._connect()
        try:
            return execute(self._connection, statement, {"account": self._account} | parameters)
        except DatabaseUnavailableError:
            self.leave()
            raise
