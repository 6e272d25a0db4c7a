"""What a claim costs beside a long history: the same account's claims with 10⁴ rows behind it, and with 10⁷.

The rows are in one real database that grows. Each has a claim with an ending, as after years of trading; what is
timed is one new row claimed and refused, with the commits to disk that this takes.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic

from psycopg import Connection
from psycopg.rows import DictRow

from benchmarks.bench.measure import Measure, percentile
from dispatcher.adapters import migrations
from dispatcher.adapters.database import Connections, connect
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.ports import Weighed
from sandbox.postgres import Postgres

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SIZES = tuple(size for size in (10**4, 10**6, 10**7) if size <= int(os.environ.get("BENCH_ROWS", "10000000")))
CLAIMS = 400
CHUNK = 500_000
FILLING = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_wal_size": "16GB"}
WORKING = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
"""What is timed is durable; what was there before need not be."""
REFUSED = Refusal(Reason.STALE, Reason.STALE.meaning)

RECOMMENDATIONS = """
INSERT INTO dispatch_recommendations (id, created_at, ticker, action, instrument_type, confidence, reason)
SELECT n, %(now)s::timestamptz - (%(last)s - n) * interval '10 seconds', 'AAPL', 'BUY', 'STOCK', 0.9, '{}'
FROM generate_series(%(first)s::bigint, %(until)s::bigint) n
"""
CLAIMED = """
INSERT INTO dispatch_claims
    (recommendation_id, account, state, epoch, recommended_at, claimed_at, since, reason, symbol)
SELECT n, 'large', 'refused', 1, %(now)s, %(now)s, %(now)s, 'stale', 'AAPL'
FROM generate_series(%(first)s::bigint, %(until)s::bigint) n
"""
NEW = "INSERT INTO dispatch_recommendations (created_at, ticker, action, confidence) VALUES (%s, 'AAPL', 'BUY', 0.9)"


def measures() -> Iterator[Measure]:
    """The median claim at each size against the smallest."""
    with Postgres.temporary() as server:
        database = server.database
        migrations.upgrade(database.url, database.password)
        with connect(database.url, database.password, name="bench") as connection:
            connection.execute("ALTER TABLE dispatch_recommendations DISABLE TRIGGER USER")
            found = list(_sizes(server, connection))
    (_, least), *others = found
    for size, milliseconds in others:
        yield Measure(f"claim_ms_at_{size}_rows", milliseconds, least, "ms", f"the same at {SIZES[0]} rows")


def ledger_on(connection: Connection[DictRow]) -> PostgresLedger:
    """The books of an account, under a lease that was just taken, all on one connection."""
    epochs = PostgresRoster(lambda: connection, "us", ("large",)).take(("large",), 3600)
    return PostgresLedger(Connections(lambda: connection, 1), Ear(), account="large", epoch=epochs["large"])


def _sizes(server: Postgres, connection: Connection[DictRow]) -> Iterator[tuple[int, float]]:
    ledger = ledger_on(connection)
    reached = 0
    for size in SIZES:
        server.configure(**FILLING)
        reached = _grow(connection, ledger, reached, size)
        server.configure(**WORKING)
        server.checkpoint()
        os.sync()  # or the disk would still be at the filling while claims are timed
        yield size, percentile([_claim(connection, ledger) for _ in range(CLAIMS)], 50)
        reached += CLAIMS


def _grow(connection: Connection[DictRow], ledger: PostgresLedger, reached: int, size: int) -> int:
    """Let the history come to so many rows, considered as they came."""
    for first in range(reached + 1, size + 1, CHUNK):
        span = {"first": first, "until": min(first + CHUNK - 1, size), "last": SIZES[-1], "now": NOW}
        connection.execute("SET statement_timeout = 0; SET synchronous_commit = off")
        connection.execute(RECOMMENDATIONS, span)
        connection.execute(CLAIMED, span)
        ledger.begin(NOW)
        for _ in range(2):  # one to mark how far upstream has come, one to move there
            ledger.advance()
    connection.execute("SELECT setval('dispatch_recommendations_id_seq', %s)", (size,))
    connection.execute("VACUUM ANALYZE dispatch_recommendations, dispatch_claims")
    connection.execute("SET statement_timeout = 10000; SET synchronous_commit = on")
    return size


def _claim(connection: Connection[DictRow], ledger: PostgresLedger) -> float:
    """Milliseconds of one claim and its ending."""
    connection.execute(NEW, (NOW,))
    began = monotonic()
    (claim,) = ledger.claim(NOW, (), most=1, since=NOW)
    ledger.refuse(claim.recommendation_id, REFUSED, Weighed(), NOW)
    return (monotonic() - began) * 1000
