"""How the database is reached: directly, in autocommit, with a lost peer noticed within seconds."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from queue import Empty, LifoQueue
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads

from dispatcher.ports import DatabaseAuthenticationError, DatabaseUnavailableError

CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 10_000
IDLE_IN_TRANSACTION_MILLISECONDS = 3_000
"""A process that sleeps in the middle of a transaction keeps its rows locked: for less than a lease lasts."""
KEEPALIVE_SECONDS = 5
LOOK_UPS_BY_KEY = "-c enable_seqscan=off"
"""A plan is made while a table is small and kept when it has grown: none reads the table whole where a key would do."""

# The libpq words and SQLSTATEs of a refused login; before a session exists psycopg has no class of its own for them.
_REFUSED_LOGIN = ("password authentication failed", "role ", "no password supplied")


def connect(url: str, password: str, *, name: str) -> Connection[DictRow]:
    """A connection of our own; `name` shows in pg_stat_activity.

    Raises:
        DatabaseAuthenticationError: the login was refused.
        DatabaseUnavailableError: anything else that kept us out.
    """
    try:
        connection = Connection.connect(
            url,
            password=password,
            autocommit=True,
            row_factory=dict_row,
            application_name=name,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_MILLISECONDS} -c timezone=UTC"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MILLISECONDS} {LOOK_UPS_BY_KEY}",
            keepalives=1,
            keepalives_idle=KEEPALIVE_SECONDS,
            keepalives_interval=KEEPALIVE_SECONDS,
            keepalives_count=2,
        )
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        words = str(error).strip()
        if any(each in words for each in _REFUSED_LOGIN):
            raise DatabaseAuthenticationError(words) from error
        raise DatabaseUnavailableError(words) from error
    # Prices in JSON stay exact: a float on the way in would be noise on the way out.
    set_json_loads(_loads, connection)
    return connection


def _loads(text: str | bytes) -> Any:
    """JSON of the database. What Python cannot hold is handed on as text that says so, for the reader to refuse."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        return f"unreadable JSON ({type(error).__name__})"


class Connections:
    """So many connections at most, each lent to whoever has a statement; opened when needed, and again when broken."""

    def __init__(self, open_one: Callable[[], Connection[DictRow]], most: int) -> None:
        self._open_one = open_one
        self._free: LifoQueue[Connection[DictRow] | None] = LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[Connection[DictRow]]:
        """A connection for the length of a block. Waits for one when all are lent.

        Raises:
            DatabaseUnavailableError, DatabaseAuthenticationError: none could be opened.
        """
        lent = self._free.get()
        try:
            lent = lent or self._open_one()
            yield lent
        finally:
            broken = lent is not None and lent.closed
            self._free.put(None if broken else lent)
            if broken:
                self.close()  # the others broke with it, and would each be found out by a statement of their own

    def close(self) -> None:
        """Close what is not lent."""
        idle: list[Connection[DictRow] | None] = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        for each in idle:
            if each is not None:
                each.close()
            self._free.put(None)


@contextmanager
def translated() -> Iterator[None]:
    """A broken connection or a server that is away, as the port's own exception."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout) as error:
        raise DatabaseUnavailableError(str(error).strip() or type(error).__name__) from error
    except errors.SerializationFailure as error:
        raise DatabaseUnavailableError(str(error).strip()) from error


def execute(connection: Connection[DictRow], statement: str, parameters: dict[str, Any]) -> list[DictRow]:
    """Run one named statement; its rows."""
    with translated():
        return connection.execute(statement.encode(), parameters).fetchall()
