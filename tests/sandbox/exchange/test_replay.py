"""A recording instead of a walk: quotes from a CSV file, each holding until the next."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.exchange import Running, running
from sandbox.exchange.config import load
from sandbox.exchange.engine import Exchange
from sandbox.exchange.orders import OrderRequest, OrderType, Side, TimeInForce
from sandbox.exchange.text import SECOND
from tests.sandbox.exchange.exchange_desk import KEY, NUMBER, SECRET, Http, limit, market

CALL = "ACME261218C00050000"
RECORDING = f"""time,symbol,bid,ask,last
2026-11-23T10:00:00-05:00,ACME,49.90,50.00,49.95
2026-11-23T10:00:00-05:00,{CALL},1.50,1.55,
2026-11-23T10:01:00-05:00,ACME,48.00,48.10,
2026-11-23T10:02:00-05:00,ACME,51.00,51.10,51.05
"""
ORDER = OrderRequest("ACME", Side.BUY, OrderType.LIMIT, TimeInForce.DAY, qty=Decimal(1), limit_price=Decimal("48.50"))
CONFIG = f"""
seed = 7
now = "2026-11-23T10:00:30-05:00"
clock = "stopped"
replay = "quotes.csv"
[[accounts]]
number = "{NUMBER}"
key = "{KEY}"
secret = "{SECRET}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "quotes.csv").write_text(RECORDING)
    path = tmp_path / "exchange.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def exchange(file: Path) -> Iterator[Running]:
    with running(load(file)) as started:
        yield started


def bid(http: Http, symbol: str = "ACME") -> float:
    return float(http.one(f"/v2/stocks/{symbol}/quotes/latest")["quote"]["bp"])


def test_each_recorded_quote_holds_until_the_next(exchange: Running, http: Http) -> None:
    seen = [bid(http)]
    for moment in ("10:00:59", "10:01:00", "10:01:59", "10:02:00", "15:00:00"):
        exchange.set_clock(f"2026-11-23T{moment}-05:00")
        seen.append(bid(http))

    assert seen == [49.90, 49.90, 48.00, 48.00, 51.00, 51.00]


def test_an_order_is_filled_at_a_quote_that_passed_by(exchange: Running, http: Http) -> None:
    http.placed(**limit(symbol="ACME", limit_price="48.50"))
    exchange.set_clock("2026-11-23T11:00:00-05:00")
    order = http.listed("/v2/orders?status=closed")[0]

    assert (order["filled_avg_price"], order["filled_at"][:19]) == ("48.1", "2026-11-23T15:01:00")


def test_a_clock_that_runs_past_quotes_between_two_looks_fills_at_them_all_the_same(file: Path) -> None:
    inside = Exchange(load(file))
    order, *_ = inside.submit(inside.accounts[NUMBER], ORDER)
    inside.clock.advance(3600 * SECOND)
    inside.tick()

    assert inside.book.orders[order.id].average == Decimal("48.10")


def test_time_that_is_moved_on_in_the_middle_of_a_look_lets_no_quote_pass_by_twice(file: Path) -> None:
    inside = Exchange(load(file))
    inside.submit(inside.accounts[NUMBER], replace(ORDER, limit_price=Decimal("40.00")))
    look = inside.time.steps()
    next(look)
    inside.clock.advance(3600 * SECOND)
    inside.tick()
    assert list(look) == []
    late, *_ = inside.submit(inside.accounts[NUMBER], ORDER)
    inside.tick()

    assert not inside.book.orders[late.id].final


def test_a_recorded_option_is_quoted_too(http: Http) -> None:
    http.placed(**market(symbol=CALL, qty="1"))

    assert http.one(f"/v2/positions/{CALL}")["avg_entry_price"] == "1.55"


def test_bars_are_drawn_from_the_recording(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-23T11:00:00-05:00")
    bar = http.one("/v2/stocks/ACME/bars?timeframe=5Min&start=2026-11-23T15:00:00Z&limit=1")["bars"][0]

    assert (bar["o"], bar["h"], bar["l"], bar["c"]) == (49.95, 51.05, 48.05, 51.05)


def test_a_quote_set_by_hand_goes_before_the_recording_until_it_is_released(exchange: Running, http: Http) -> None:
    exchange.quotes({"ACME": {"bid": "10", "ask": "10.10"}})
    by_hand = bid(http)
    exchange.quotes({"ACME": None})

    assert (by_hand, bid(http)) == (10, 49.90)


def test_other_symbols_walk(http: Http) -> None:
    assert bid(http, "SPY") > 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("time,symbol,bid\n", "quotes.csv: no column ask; the columns are time, symbol, bid, ask[, last]"),
        ("time,symbol,bid,ask\n", "quotes.csv: holds no quotes"),
        ("time,symbol,bid,ask\nnoon,A,1,2\n", "quotes.csv, line 2: time is no instant with a zone: 'noon'"),
        (
            "time,symbol,bid,ask\n2026-11-23T10:00:00,A,1,2\n",
            "quotes.csv, line 2: time is no instant with a zone: '2026-11-23T10:00:00'",
        ),
        ("time,symbol,bid,ask\n2026-11-23T10:00:00Z,A,x,2\n", "quotes.csv, line 2: bid is no number: 'x'"),
        ("time,symbol,bid,ask\n2026-11-23T10:00:00Z,A,NaN,2\n", "quotes.csv, line 2: bid is no number: 'NaN'"),
        ("time,symbol,bid,ask\n2026-11-23T10:00:00Z,A,3,2\n", "quotes.csv, line 2: a quote needs 0 < bid <= ask"),
        ("time,symbol,bid,ask\n2026-11-23T10:00:00Z,A\n", "quotes.csv, line 2: bid is no number: None"),
    ],
)
def test_a_line_that_means_nothing_is_named(file: Path, text: str, problem: str) -> None:
    (file.parent / "quotes.csv").write_text(text)

    with pytest.raises(ValueError, match=r"quotes\.csv") as said:
        load(file)

    assert str(said.value) == problem
