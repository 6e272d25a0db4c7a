"""What Alpaca's documents and witnesses contradict each other about is a named switch, both ways."""

import pytest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import Http, bracket, held, limit, market


def test_the_code_of_an_unknown_symbol(exchange: Running, http: Http) -> None:
    before = http.order(**limit(symbol="NOSUCH"))
    exchange.settings(unknown_asset_code=40010001)

    assert before == (422, {"code": 42210000, "message": 'asset "NOSUCH" not found'})
    assert http.order(**limit(symbol="NOSUCH")) == (422, {"code": 40010001, "message": 'asset "NOSUCH" not found'})


def test_the_status_of_an_amount_below_the_minimum(exchange: Running, http: Http) -> None:
    order = market(qty=None, notional="0.99")
    before = http.order(**order)
    exchange.settings(minimum_notional_status=403)

    assert before == (422, {"code": 42210000, "message": "notional must be >= 1.00"})
    assert http.order(**order) == (
        403,
        {"code": 40310000, "message": "cost basis must be >= minimal amount of order 1"},
    )


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (0, {"message": "too many requests."}),
        (42910000, {"code": 42910000, "message": "too many requests."}),
    ],
)
def test_the_code_of_too_many_requests(exchange: Running, http: Http, code: int, body: dict[str, object]) -> None:
    exchange.settings(rate_limit=1, rate_limit_code=code)
    http.get("/v2/clock")

    assert http.get("/v2/clock") == (429, body)


def test_the_code_of_too_many_requests_holds_for_a_fault_too(exchange: Running, http: Http) -> None:
    exchange.settings(rate_limit_code=42910000)
    exchange.fault(route="POST /v2/orders", kind="429-bare")

    assert http.order(**limit()) == (429, {"code": 42910000, "message": "too many requests."})


def test_an_intraday_margin_call_lets_only_close(exchange: Running, http: Http) -> None:
    held(http)
    exchange.settings(intraday_margin_code=40310000)

    assert http.order(**limit()) == (
        403,
        {"code": 40310000, "message": "account is restricted due to an intraday margin deficit"},
    )
    assert http.order(**market(side="sell"))[0] == 200


def test_extended_hours_good_till_canceled(exchange: Running, http: Http) -> None:
    order = limit(extended_hours=True, time_in_force="gtc")
    before = http.order(**order)
    exchange.settings(extended_gtc=False)

    assert before[0] == 200
    assert http.order(**order) == (
        422,
        {"code": 42210000, "message": "extended hours order must be DAY limit orders"},
    )


def test_a_bracket_on_a_stop_limit_entry_waits_for_its_stop_and_then_protects(exchange: Running, http: Http) -> None:
    exchange.settings(bracket_stop_limit_entry=True)
    http.placed(
        **bracket(
            type="stop_limit",
            stop_price="101",
            limit_price="102",
            take_profit={"limit_price": "110"},
            stop_loss={"stop_price": "95"},
        )
    )
    before = http.statuses()
    exchange.quotes({"AAPL": {"bid": "101.40", "ask": "101.50", "last": "101.50"}})

    assert before == [("stop_limit", "new"), ("limit", "held"), ("stop", "held")]
    assert http.statuses() == [("stop_limit", "filled"), ("limit", "new"), ("stop", "held")]


def test_the_fields_of_the_retired_day_trading_rule(exchange: Running, http: Http) -> None:
    retired = {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"}
    before = http.one("/v2/account").keys() & retired
    exchange.settings(day_trading_fields=True)

    assert before == set()
    assert http.one("/v2/account").keys() >= retired


@pytest.mark.parametrize(
    ("easy", "status", "fields"),
    [
        (True, True, {"easy_to_borrow", "borrow_status"}),
        (True, False, {"easy_to_borrow"}),
        (False, True, {"borrow_status"}),
    ],
)
def test_what_an_asset_says_about_borrowing(
    exchange: Running, http: Http, *, easy: bool, status: bool, fields: set[str]
) -> None:
    exchange.settings(asset_easy_to_borrow=easy, asset_borrow_status=status)

    assert http.one("/v2/assets/AAPL").keys() & {"easy_to_borrow", "borrow_status"} == fields


def test_the_cutoff_of_an_options_last_day(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-27T12:50:00-05:00")  # a half day: AAPL's weekly contracts end at 13:00
    order = limit(symbol="AAPL261127C00100000", qty="1", limit_price="1.00")
    before = http.order(**order)[0]
    exchange.settings(options_cutoff="12:45")

    assert before == 200
    assert http.order(**order)[1]["message"] == (
        'contract "AAPL261127C00100000" expires soon, unable to open new positions'
    )


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        ({"wash_trade_status": 500}, "wash_trade_status must be 403 or 422, not 500"),
        ({"options_cutoff": "late"}, "options_cutoff must be a time like 15:30, not 'late'"),
        ({"rate_limit": "many"}, "rate_limit must be a int, not 'many'"),
    ],
)
def test_a_switch_with_a_value_it_cannot_have_is_named(http: Http, switch: dict[str, object], message: str) -> None:
    assert http.send("POST", "/_sandbox/settings", switch) == (400, {"message": message})
