"""A year of daily volatility for 500 underlyings: what a rank costs to look up, and what the days cost to take.

The look-up is the ledger's own statement in the real database, and the ranking after it. Taking a day is the job itself
against the exchange, on no budget; so is a past year of one underlying. Their peer is the least that the broker's 200
requests a minute allow.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from time import monotonic

from psycopg import Connection
from psycopg.rows import DictRow

from benchmarks.bench.measure import Measure, percentile
from contract.options import Volatility
from dispatcher.adapters import migrations
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.database import Connections, connect
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear
from dispatcher.adapters.volatility import PostgresVolatility
from dispatcher.core.options.volatility import Ranked, rank
from dispatcher.shell.backfill import fill
from dispatcher.shell.patience import Asker
from dispatcher.shell.snapshot import B, Job, take
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Postgres

NOW = datetime(2026, 11, 23, 20, 45, tzinfo=UTC)
TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
ACCOUNT = AccountConfig(number="PA3BENCH", key="PKBENCH", secret="bench-secret")  # noqa: S106
UNDERLYINGS = tuple(f"O{number // 26 % 26 + 65:c}{number % 26 + 65:c}" for number in range(500))
SESSIONS = 252
LOOKUPS = 2_000
REQUESTS_A_MINUTE = 200
IV = Decimal("0.3")
YEAR = """
INSERT INTO volatility_days (underlying, day, iv, source, taken_at)
SELECT u, %(today)s::date - n, 0.2 + 0.3 * abs(sin(n / 20.0 + length(u) + ascii(right(u, 1)))), 'backfill', now()
FROM unnest(%(underlyings)s::text[]) u, generate_series(1, %(days)s) n
WHERE extract(isodow FROM %(today)s::date - n) < 6
"""


def measures() -> Iterator[Measure]:
    """A rank's look-up against a bare round trip, and a day's job against the rate limit."""
    config = Config(
        seed=7,
        now=nanoseconds(NOW),
        accounts=(ACCOUNT,),
        settings=Settings(rate_limit=0),
        assets={underlying: {} for underlying in UNDERLYINGS},
    )
    with Postgres.temporary() as server, running(config) as exchange:
        database = server.database
        migrations.upgrade(database.url, database.password)
        with connect(database.url, database.password, name="bench") as connection:
            year = {"today": TODAY, "underlyings": list(UNDERLYINGS), "days": SESSIONS * 7 // 5}
            connection.execute(YEAR, year)
            connection.execute("ANALYZE volatility_days")
            ranked, bare = _lookups(connection)
            yield Measure("rank_lookup_p50_ms", percentile(ranked, 50), percentile(bare, 50), "ms", "SELECT 1")
            yield Measure("rank_lookup_p99_ms", percentile(ranked, 99), percentile(bare, 99), "ms", "SELECT 1")
            yield _beside("iv_snapshot_500_seconds", *_day(connection, exchange))
            yield _beside("iv_backfill_year_of_one_seconds", *_past_year(connection, exchange))


def _beside(name: str, seconds: float, requests: int) -> Measure:
    """What a job took beside the least that the broker's limit allows."""
    told = f"{requests} requests at {REQUESTS_A_MINUTE} a minute"
    return Measure(name, seconds, requests * 60 / REQUESTS_A_MINUTE, "s", told)


def _lookups(connection: Connection[DictRow]) -> tuple[list[float], list[float]]:
    """Milliseconds of each look-up, and of each bare round trip beside it."""
    ledger = PostgresLedger(Connections(lambda: connection, 1), Ear(), account="large", epoch=1)
    policy, ranked, bare = Volatility(), [], []
    for turn in range(LOOKUPS):
        began = monotonic()
        past = ledger.past_volatility(UNDERLYINGS[turn % 500], IV, TODAY - timedelta(days=policy.window_days), TODAY)
        found = rank(IV, past, TODAY, policy)
        ranked.append((monotonic() - began) * 1000)
        assert isinstance(found, Ranked)
        began = monotonic()
        connection.execute("SELECT 1").fetchall()
        bare.append((monotonic() - began) * 1000)
    return ranked, bare


def _day(connection: Connection[DictRow], exchange: Running) -> tuple[float, int]:
    """Seconds of a day's job that need not wait for a budget, and how many requests it made."""
    broker = broker_of(exchange)
    taken = take(job_of(connection, broker, broker), UNDERLYINGS)
    assert (taken.recorded, taken.missing) == (len(UNDERLYINGS), 0)
    return float(taken.seconds), taken.requests


def _past_year(connection: Connection[DictRow], exchange: Running) -> tuple[float, int]:
    """The same of a year of one underlying, worked out from bars."""
    connection.execute("TRUNCATE volatility_days")
    broker = broker_of(exchange)
    filled = fill(job_of(connection, broker, broker.history()), UNDERLYINGS[:1], TODAY - timedelta(days=365), YESTERDAY)
    assert (filled.recorded > 240, filled.missing) == (True, 0)  # noqa: PLR2004  a year has some 250 sessions
    return float(filled.seconds), filled.requests


def broker_of(exchange: Running) -> AlpacaBroker:
    """The exchange, on no budget."""
    return AlpacaBroker(key=ACCOUNT.key, secret=ACCOUNT.secret, trading_url=exchange.url, data_url=exchange.url)


def job_of(connection: Connection[DictRow], clock: AlpacaBroker, broker: B) -> Job[B]:
    """What days are taken or worked out with: nothing is said, nothing waited for."""
    store, now = PostgresVolatility(connection), clock.clock()
    return Job(broker, complete, store, Volatility(), lambda _: None, lambda: now, Asker(lambda _: None), monotonic)
