"""The pictures of `benchmarks.pictures` from a world of their own: nothing has to be there.

Run: python -m benchmarks.gallery FOLDER; about a minute. An exchange and a database are stood up, a year of volatility
of three stocks is worked out from bars and today's is taken; then a call and two credit spreads, one of them on premium
that is cheap, are recommended to a dispatcher that runs as it does in production. What is drawn is what it wrote down.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from psycopg import Connection
from psycopg.rows import DictRow

from benchmarks import pictures
from benchmarks.bench.dispatching import NOW, dispatcher, insert
from benchmarks.bench.ranking import ACCOUNT, broker_of, job_of
from benchmarks.options import limits_for
from contract.options import Structure
from dispatcher.adapters import migrations
from dispatcher.adapters.database import connect
from dispatcher.shell.backfill import fill
from dispatcher.shell.snapshot import take
from sandbox.exchange import Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Postgres

Recommended = tuple[str, str]
"""A stock; an action and an instrument."""
SEED = 23
"""A year at whose end two of the volatilities stand in the middle, and one is too low to sell."""
RECOMMENDED: Sequence[Recommended] = (("GOOG", "BUY_CALL"), ("NVDA", "SELL_PUT"), ("AMZN", "SELL_PUT"))
YEAR = timedelta(days=365)
PATIENCE_SECONDS = 60.0
DECIDED = "SELECT count(*) AS decided FROM dispatch_claims WHERE state NOT IN ('claimed', 'intended', 'unknown')"


def main(arguments: list[str]) -> int:
    """Exit 0 when every picture is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    draw(folder, RECOMMENDED, YEAR)
    sys.stdout.write("".join(f"{file}\n" for file in sorted(folder.iterdir())))
    return 0


def draw(folder: Path, recommended: Sequence[Recommended], past: timedelta) -> None:
    """Draw what a dispatcher decides for each of some recommendations, with so much of the past."""
    config = Config(seed=SEED, now=nanoseconds(NOW), accounts=(ACCOUNT,), settings=Settings(rate_limit=0))
    stocks = [symbol for symbol, _ in recommended]
    with Postgres.temporary(durable=False) as server, running(config) as exchange:
        database = server.database
        migrations.upgrade(database.url, database.password)
        with connect(database.url, database.password, name="gallery") as connection:
            _remember(connection, exchange, stocks, past)
            with dispatcher(exchange, database, ACCOUNT, limits_for(Structure.SINGLE)):
                with database.connect() as upstream:
                    numbers = [insert(upstream, NOW, *each, {"rule": "BULL_ENTRY"}) for each in recommended]
                _wait(connection, len(numbers))
            for symbol, number in zip(stocks, numbers, strict=True):
                pictures.from_database(connection, folder, symbol, number, "large")


def _remember(connection: Connection[DictRow], exchange: Running, stocks: Sequence[str], past: timedelta) -> None:
    broker, today = broker_of(exchange), NOW.date()
    fill(job_of(connection, broker, broker.history()), stocks, today - past, today - timedelta(days=1))
    take(job_of(connection, broker, broker), stocks)


def _wait(connection: Connection[DictRow], decisions: int) -> None:
    """Until all is decided.

    Raises:
        TimeoutError: it is not.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while connection.execute(DECIDED).fetchall()[0]["decided"] < decisions:
        if monotonic() > deadline:
            raise TimeoutError(f"nothing was decided within {PATIENCE_SECONDS:.0f} s")
        sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
