import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.exchange.config import read
from sandbox.feed import End, Fed, insert
from sandbox.postgres import Database
from sandbox.recommendations import ASSETS, CASH, QUOTES, SCENES, SMALL_CASH, TINY
from sandbox.stage import Keys, exchange_config

FEED = [fed for scene in SCENES for fed in scene.feed]
TABLE = b"""
    create table dispatch_recommendations (
        id bigserial primary key, ts timestamptz, created_at timestamptz, ticker text, action text,
        instrument_type text, strategy_type text, confidence double precision, reason jsonb, features_snapshot jsonb,
        sentiment_snapshot jsonb, status text)
"""


def the(name: str) -> Fed:
    return next(fed for fed in FEED if fed.name == name)


def test_at_least_thirty_are_fed_each_under_a_name_of_its_own() -> None:
    assert len(FEED) >= 30
    assert [name for name, count in Counter(fed.name for fed in FEED).items() if count > 1] == []


def test_every_order_that_is_meant_has_a_symbol_of_its_own_so_that_duplicates_can_be_counted() -> None:
    meant = Counter(fed.ticker for fed in FEED if fed.expected.end is not End.REFUSED)

    assert [symbol for symbol, count in meant.items() if count > 1] == []


def test_every_ending_is_told_whole() -> None:
    untold = [fed.name for fed in FEED if (fed.expected.prices is None) == (fed.expected.reason is None)]

    assert untold == []


def test_what_is_too_much_for_the_small_account_is_refused_there_for_a_reason_of_its_own() -> None:
    fits = [fed.name for fed in FEED if fed.at(TINY).expected.end is not End.REFUSED]
    meant = [fed for fed in FEED if fed.expected.end is not End.REFUSED]

    assert fits == []  # it may hold two positions, and the two verdicts need them
    assert {fed.at(TINY).expected.reason for fed in meant} == {
        "notional_too_large",
        "action_not_allowed",
        "confidence_too_low",
    }


def test_an_account_that_is_not_named_has_the_ending_of_all() -> None:
    fed = the("plain")

    assert (fed.at("large").expected, fed.at(TINY).expected) == (fed.expected, fed.otherwise[TINY])


def test_the_price_that_broke_production_is_among_them() -> None:
    fed = the("take-profit-off-tick")

    assert fed.reason["plan"]["take_profit"] == 699.7462
    assert fed.expected.prices is not None
    assert fed.expected.prices.take_profit == Decimal("699.75")


def test_every_symbol_that_is_to_be_traded_has_a_quote_that_stands_still() -> None:
    traded = {fed.ticker for fed in FEED if fed.expected.end is not End.REFUSED}

    assert traded - set(QUOTES) == set()


def test_the_exchange_reads_the_configuration_it_is_given() -> None:
    keys = {"large": Keys("PKTEST", 'a "quoted" secret'), "tiny": Keys("PKTINY", "another")}
    written = exchange_config(keys, {"large": "PA1", "tiny": "PA2"})
    config = read(tomllib.loads(written, parse_float=Decimal))

    told = [(account.number, account.secret, account.cash) for account in config.accounts]
    assert told == [("PA1", 'a "quoted" secret', CASH), ("PA2", "another", SMALL_CASH)]
    assert (set(config.quotes), set(config.assets)) == (set(QUOTES), set(ASSETS))
    assert config.now == int(datetime(2026, 11, 23, 15, tzinfo=UTC).timestamp()) * 10**9


def test_rows_are_written_in_the_exchanges_time_and_in_the_originals_shape(database: Database) -> None:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    with database.connect() as connection:
        connection.execute(TABLE)
        fed = insert(connection, (the("stale"), the("no-action"), the("reason-is-text")), now)
        rows: list[Any] = connection.execute(
            "select id, created_at, ticker, action, reason, status from dispatch_recommendations order by id"
        ).fetchall()

    assert [each.name for each in fed.values()] == ["stale", "no-action", "reason-is-text"]
    assert rows == [
        (1, now - timedelta(hours=1), "UBER", "BUY", the("stale").reason, "PENDING"),
        (2, now, "T", None, the("no-action").reason, "PENDING"),
        (3, now, "T", "BUY", "BULL_ENTRY", "PENDING"),
    ]
