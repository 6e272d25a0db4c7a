"""What an exchange with a data file still knows after it was stopped, or killed."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.exchange import running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, bracket, config, held, limit, market

CALL, HIGHER_CALL, PUT = "AAPL261218C00100000", "AAPL261218C00105000", "AAPL261218P00090000"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "exchange.db"


def spread() -> dict[str, object]:
    """A spread that is filled at once: a call bought, a higher one sold."""
    legs = [
        {"symbol": CALL, "position_intent": "buy_to_open", "ratio_qty": "1"},
        {"symbol": HIGHER_CALL, "position_intent": "sell_to_open", "ratio_qty": "1"},
    ]
    return {"order_class": "mleg", "qty": "2", "type": "market", "time_in_force": "day", "legs": legs}


def test_everything_a_client_sees_survives_a_restart(data: Path) -> None:
    paths = (
        "/v2/account",
        "/v2/positions",
        "/v2/orders?status=all&nested=true",
        "/v2/account/activities",
        "/v2/account/configurations",
        "/v2/watchlists:by_name?name=mine",
        "/v1/locates",
        "/v2/assets/GE",
        "/v2/clock",
    )
    with running(config(), data=data) as exchange:
        http = Http(exchange.url)
        exchange.quotes({CALL: {"bid": "2.50", "ask": "2.60"}, HIGHER_CALL: {"bid": "1.00", "ask": "1.10"}})
        exchange.quotes({PUT: {"bid": "0.50", "ask": "0.55"}})
        held(http)
        http.placed(**bracket(symbol="NFLX", limit_price="700", take_profit={"limit_price": "800"}, qty="2"))
        http.placed(**limit(symbol=CALL, qty="1", limit_price="2.60"))
        http.placed(**limit(client_order_id="resting"))
        http.placed(**spread())
        http.placed(**limit(symbol=PUT, side="sell", qty="1", limit_price="0.50"))
        http.placed(**market(side="sell", qty="3", type="trailing_stop", trail_price="5", time_in_force="gtc"))
        http.send("PATCH", "/v2/account/configurations", {"no_shorting": True})
        exchange.assets({"GE": {"easy_to_borrow": False}})
        http.send("POST", "/v2/watchlists", {"name": "mine", "symbols": ["AAPL"]})
        http.send("POST", "/v1/locates", {"symbol": "GE", "qty": 100})
        before = [http.get(path) for path in paths]
        held_now = {(p["symbol"], p["qty"]) for p in http.listed("/v2/positions")}
    with running(config(), data=data) as exchange:
        after = [Http(exchange.url).get(path) for path in paths]

    assert after == before
    assert held_now == {("AAPL", "10"), ("NFLX", "2"), (CALL, "3"), (HIGHER_CALL, "-2"), (PUT, "-1")}


def test_what_was_resting_is_filled_after_the_restart(data: Path) -> None:
    with running(config(), data=data) as exchange:
        Http(exchange.url).placed(**bracket(limit_price="95"))
    with running(config(), data=data) as exchange:
        http = Http(exchange.url)
        exchange.quotes({"AAPL": {"bid": "94.90", "ask": "94.95"}})
        exchange.quotes({"AAPL": {"bid": "79.90", "ask": "79.95", "last": "79.90"}})
        statuses = http.statuses()
        again = http.order(**limit(client_order_id=http.listed("/v2/orders?status=all")[0]["client_order_id"]))

    assert statuses == [("limit", "filled"), ("limit", "canceled"), ("stop", "filled")]
    assert again == (422, {"code": 40010001, "message": "client_order_id must be unique"})


def test_a_reset_empties_the_file(data: Path) -> None:
    with running(config(), data=data) as exchange:
        Http(exchange.url).placed(**market())
        exchange.reset()
    with running(config(), data=data) as exchange:
        orders = Http(exchange.url).listed("/v2/orders?status=all")

    assert orders == []


def test_a_file_of_another_version_is_refused_with_the_way_out(data: Path) -> None:
    with running(config(), data=data) as exchange:
        Http(exchange.url).placed(**market())
    with closing(sqlite3.connect(data, isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 1")

    with pytest.raises(ValueError, match="--reset begins anew"), running(config(), data=data):
        pass


def started(data: Path, *more: str) -> tuple[subprocess.Popen[str], Http]:
    keys = ["--key", KEY, "--secret", SECRET, "--data", str(data)]
    command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", *keys, *more]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    url = program.stdout.readline().removeprefix("exchange ready on ").strip()
    return program, Http(url)


def stopped(program: subprocess.Popen[str], how: signal.Signals) -> None:
    with program:
        program.send_signal(how)


def test_an_answered_order_survives_a_kill(data: Path) -> None:
    program, http = started(data)
    order = http.placed(**limit(limit_price="1"))
    stopped(program, signal.SIGKILL)
    program, http = started(data)
    known = http.get(f"/v2/orders/{order['id']}")[0]
    stopped(program, signal.SIGTERM)
    program, http = started(data, "--reset")
    forgotten = http.get(f"/v2/orders/{order['id']}")[0]
    stopped(program, signal.SIGTERM)

    assert (known, forgotten) == (200, 404)
