"""The admin paths over HTTP, and the exchange as a program of its own."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox.exchange import Config, Running, load
from sandbox.exchange.__main__ import main
from tests.sandbox.exchange.exchange_desk import Http, limit, market

CONFIG = """
seed = 5
now = "2026-11-23T10:00:00-05:00"
clock = "stopped"
[settings]
rate_limit = 0
partial_fill_probability = 0.1
[quotes.AAPL]
bid = "50"
ask = "50.02"
[assets.NEWCO]
exchange = "NYSE"
anchor = "12.5"
[[accounts]]
number = "PA3TINY"
key = "PKTINY"
secret = "tiny"
cash = "2000"
multiplier = "1"
positions = { AAPL = { qty = "3", avg_entry_price = "40" } }
[[accounts]]
number = "PA3LARGE"
key = "PKLARGE"
secret = "large"
[[faults]]
route = "POST /v2/orders"
kind = "500"
"""


def post(exchange: Running, path: str, body: object) -> tuple[int, object]:
    answer = requests.post(f"{exchange.url}/_sandbox/{path}", json=body, timeout=5)
    return answer.status_code, answer.json()


def test_the_state_shows_the_request_as_it_was_received(exchange: Running, http: Http) -> None:
    http.session.post(http.url + "/v2/orders", data=b'{"symbol": 3', timeout=5)
    order = http.placed(**limit(client_order_id="mine"))
    state = requests.get(exchange.url + "/_sandbox/state", timeout=5).json()

    assert [(e["body"], e["status"], e["order_id"]) for e in state["order_requests"]] == [
        ('{"symbol": 3', 400, None),
        (state["order_requests"][1]["body"], 200, order["id"]),
    ]
    assert '"client_order_id": "mine"' in state["order_requests"][1]["body"]
    assert state["counters"] == {"requests": 2, "order_posts": 2, "orders": 1, "listening": 0}
    assert [(o["account"], o["status"], o["role"]) for o in state["orders"]] == [("PA3TEST00001", "new", "entry")]
    assert [a["account_number"] for a in state["accounts"]] == ["PA3TEST00001"]


def test_a_split_makes_more_of_the_shares_moves_no_money_and_is_told_the_next_day(
    exchange: Running, http: Http
) -> None:
    http.placed(**market(qty="10"))
    resting = http.placed(**limit(limit_price="1"))
    before = http.one("/v2/account")["cash"]

    exchange.split({"AAPL": 2})

    assert http.one("/v2/positions/AAPL")["qty"] == "20"
    assert http.one("/v2/account")["cash"] == before
    assert http.one(f"/v2/orders/{resting['id']}")["status"] == "canceled"
    assert http.get("/v2/account/activities/SPLIT") == (200, [])
    exchange.set_clock("2026-11-24T10:00:00-05:00")
    assert [(each["symbol"], each["qty"]) for each in http.listed("/v2/account/activities/SPLIT")] == [("AAPL", "10")]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("split", {"AAPL": 1}, "a split makes more than one share of each, not 1"),
        ("split", {"AAPL": None}, "AAPL: how many shares of each?"),
        ("quotes", {"AAPL": {"bid": "2", "ask": "1"}}, "a quote needs 0 < bid <= ask"),
        ("quotes", {"AAPL": {"bid": "x"}}, "a quote needs bid and ask as numbers"),
        ("faults", {"kind": "earthquake"}, "unknown fault kind 'earthquake'; known are"),
        ("faults", {"kind": "500", "when": 1}, "a fault has no when; it has"),
        ("settings", {"speed": 1}, "unknown key speed; known are"),
        ("settings", {"rate_limit": "many"}, "rate_limit must be a int, not 'many'"),
        ("assets", {"AAPL": {"colour": "red"}}, "an asset has no colour; it has"),
        ("clock", {"now": "noon"}, "Invalid isoformat string"),
        ("clock", {"now": "2077-01-01T00:00:00Z"}, "the calendar goes from 2016-01-04 to 2030-12-31"),
        ("clock", {"advance_seconds": 1e12}, "the calendar goes from 2016-01-04 to 2030-12-31"),
    ],
)
def test_a_wrong_admin_value_is_named(exchange: Running, path: str, body: object, message: str) -> None:
    status, answer = post(exchange, path, body)

    assert (status, str(answer["message"])[: len(message)]) == (400, message)  # type: ignore[index]


def test_time_does_not_go_back_once_there_are_orders(exchange: Running, http: Http) -> None:
    http.placed(**limit())

    assert post(exchange, "clock", {"now": "2026-11-22T10:00:00-05:00"}) == (
        400,
        {"message": "time only moves forward once there are orders; reset first"},
    )


def test_a_reset_begins_again_from_the_configuration(exchange: Running, http: Http) -> None:
    http.placed(**limit())
    exchange.advance(60)
    exchange.reset()
    state = exchange.state()

    assert (state["now"], state["orders"], state["order_requests"]) == ("2026-11-23T15:00:00Z", [], [])


def test_a_released_quote_walks_again(exchange: Running, http: Http) -> None:
    post(exchange, "quotes", {"AAPL": None})

    assert http.get("/v2/stocks/AAPL/quotes/latest")[1]["quote"]["bp"] > 200


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "exchange.toml"
    path.write_text(CONFIG)
    return path


def test_the_file_declares_accounts_market_clock_and_faults(config_file: Path) -> None:
    config = load(config_file)

    assert isinstance(config, Config)
    assert [(a.number, a.key, str(a.cash)) for a in config.accounts] == [
        ("PA3TINY", "PKTINY", "2000"),
        ("PA3LARGE", "PKLARGE", "100000"),
    ]
    assert (config.seed, config.clock_running, config.settings.rate_limit) == (5, False, 0)
    assert [f.kind for f in config.faults] == ["500"]


def test_the_program_says_ready_serves_and_stops_cleanly(config_file: Path) -> None:
    command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", "--config", str(config_file), "--key", "PKX"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        ready = program.stdout.readline()
        url = ready.removeprefix("exchange ready on ").strip()
        position = Http(url, "PKX", "tiny").one("/v2/positions/AAPL")
        program.send_signal(signal.SIGTERM)
        rest = program.stdout.read()

    assert re.fullmatch(r"exchange ready on http://127\.0\.0\.1:\d+\n", ready)
    assert (position["qty"], position["avg_entry_price"], position["unrealized_pl"]) == ("3", "40", "30.03")
    assert (rest, program.returncode) == ("", 0)


def test_a_wrong_setting_ends_the_program_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("sped = 1\n")

    code = main(["--config", str(path)])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("exchange: unknown key sped; known are accounts, assets")
