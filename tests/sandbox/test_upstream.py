"""One recommendation by hand: each stock once, within what the small account may do, on a real database."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from contract.inventory import FILE_NAME, load
from sandbox.exchange import Config, running
from sandbox.postgres import Database, Postgres, kept_in
from sandbox.recommendations import QUOTES
from sandbox.upstream import SMALL, NothingFedError, feed, offer
from sandbox.venue import Venue

pytestmark = pytest.mark.world

TABLE = """
    create table dispatch_recommendations (
        id bigserial primary key, ts timestamptz, created_at timestamptz, ticker text, action text,
        instrument_type text, strategy_type text, confidence double precision, reason jsonb, features_snapshot jsonb,
        sentiment_snapshot jsonb, status text)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres.temporary(durable=False) as started:
        yield started


@pytest.fixture
def venue() -> Iterator[Venue]:
    with running(Config(seed=1)) as exchange:
        yield Venue(exchange.url)


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    """An empty one, known as another process knows it: by the server's folder."""
    made = server.create_database("upstream")
    yield kept_in(server.folder, made.url)
    server.drop_database("upstream")


def test_before_the_first_deployment_there_is_no_table(database: Database, venue: Venue) -> None:
    with pytest.raises(NothingFedError, match="a deployment makes it") as refused:
        feed(database, venue)

    assert refused.value.next_step == "ops deploy"


def test_each_stock_is_recommended_once_at_the_exchange_s_time(database: Database, venue: Venue) -> None:
    with database.connect() as connection:
        connection.execute(TABLE)
        given = [feed(database, venue) for _ in SMALL]
        rows = connection.execute("select id, ticker, reason -> 'plan' ->> 'quantity' from dispatch_recommendations")

        assert [(each["id"], each["ticker"], str(each["quantity"])) for each in given] == rows.fetchall()
    assert [each["ticker"] for each in given] == list(SMALL)
    with pytest.raises(NothingFedError, match="every stock was recommended already"):
        feed(database, venue)


@pytest.mark.parametrize("ticker", SMALL)
def test_every_account_may_buy_what_is_offered(ticker: str) -> None:
    made = offer([each for each in SMALL if each != ticker])
    limits = load(Path(FILE_NAME)).accounts

    assert made.stop_loss < Decimal(QUOTES[ticker][0]) < Decimal(QUOTES[ticker][1]) <= made.entry < made.take_profit
    assert made.quantity >= 1
    assert all(made.entry * made.quantity <= each.max_notional_per_order for each in limits.values())
