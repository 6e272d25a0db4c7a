"""What an order reads in the books: its own claim by its key, however many there are and whatever the planner knows."""

from datetime import timedelta
from itertools import pairwise

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters.database import Connections
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear
from dispatcher.core.state import State
from tests.dispatcher.books import PATHS, Books, claimed, placed
from tests.dispatcher.cases import NOW

pytestmark = pytest.mark.world

FEW, MANY = 20, 300
READ = """
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'dispatch_claims')
    + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'dispatch_claims') AS rows
"""


def order(books: Books, ledger: PostgresLedger, number: int) -> None:
    """A recommendation's whole way, as the only one of its symbol."""
    books.recommend(ticker=f"S{number}", created_at=NOW + timedelta(seconds=number))
    claim = claimed(ledger)
    for step in PATHS[State.ACCEPTED]:
        step(ledger, claim, placed(claim))


def rows_read(connection: Connection[DictRow]) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    (row,) = connection.execute(READ).fetchall()
    return int(row["rows"])


def test_an_order_among_many_reads_as_little_as_among_few_without_any_statistics(books: Books) -> None:
    for table in ("dispatch_claims", "dispatch_recommendations"):
        books.run(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    connection = books.connect()
    ledger = PostgresLedger(Connections(lambda: connection, 1), Ear(), account="large", epoch=books.lease())
    ledger.begin(NOW)
    read = []
    for number in range(MANY):
        if number % FEW == 0:
            ledger.advance()
            ledger.advance()
            read.append(rows_read(connection))
        order(books, ledger, number)
    first, *others = [later - earlier for earlier, later in pairwise(read)]

    assert all(each <= 2 * first for each in others), [first, *others]
