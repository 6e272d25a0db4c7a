"""What an account may do: its own switches, its margin, partnerships, offerings, sales off hours."""

import pytest

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import Http, account, config, held, limit, market

SUNDAY = "2026-11-29T12:00:00-05:00"
OFF_HOURS = (
    403,
    {
        "code": 40310000,
        "message": "unable to open new notional orders while having open closing position orders",
    },
)
AMOUNT = market(side="sell", qty=None, notional="300")
SHARES = market(side="sell", qty="5")


def funds(message: str) -> tuple[int, dict[str, object]]:
    return 403, {"code": 40310000, "message": message}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(AMOUNT, SHARES, OFF_HOURS), (AMOUNT, AMOUNT, OFF_HOURS), (SHARES, AMOUNT, OFF_HOURS)],
    ids=["shares after an amount", "an amount after an amount", "an amount after shares"],
)
def test_off_hours_an_amount_and_another_sale_do_not_wait_together(
    exchange: Running, http: Http, first: dict[str, object], second: dict[str, object], expected: object
) -> None:
    held(http)
    exchange.set_clock(SUNDAY)
    http.placed(**first)

    assert http.order(**second) == expected


def test_off_hours_two_sales_of_shares_that_are_there_wait_together(exchange: Running, http: Http) -> None:
    held(http)
    exchange.set_clock(SUNDAY)

    assert [http.order(**SHARES)[0] for _ in range(3)] == [200, 200, 403]


def test_while_the_market_is_open_a_sale_by_amount_follows_a_resting_one(http: Http) -> None:
    held(http)
    http.placed(**limit(side="sell", qty="5", limit_price="120"))

    assert http.order(**AMOUNT)[0] == 200


def test_a_sale_by_amount_that_opens_lower_sells_no_more_than_is_held(exchange: Running, http: Http) -> None:
    held(http)
    exchange.set_clock(SUNDAY)
    http.placed(**market(side="sell", qty=None, notional="990"))
    exchange.quotes({"AAPL": {"bid": "50", "ask": "50.02", "last": "50"}})
    exchange.set_clock("2026-11-30T09:31:00-05:00")

    assert http.listed("/v2/positions") == []
    assert http.listed("/v2/orders?status=closed")[0]["filled_qty"] == "10"


def test_an_account_can_forbid_itself_fractions(http: Http) -> None:
    http.send("PATCH", "/v2/account/configurations", {"fractional_trading": False})

    assert http.order(**market(qty="1.5")) == funds("account is not allowed to trade fractional shares")
    assert http.order(**market(qty="1"))[0] == 200


def test_an_account_can_forbid_itself_short_sales(http: Http) -> None:
    http.send("PATCH", "/v2/account/configurations", {"no_shorting": True})

    assert http.order(**market(side="sell")) == funds("account is not allowed to short")


def test_an_account_can_forbid_itself_the_night(exchange: Running, http: Http) -> None:
    http.send("PATCH", "/v2/account/configurations", {"disable_overnight_trading": True})
    evening = limit(extended_hours=True)
    exchange.set_clock("2026-11-23T17:00:00-05:00")
    after_hours = http.order(**evening)[0]
    exchange.set_clock("2026-11-23T21:00:00-05:00")

    assert after_hours == 200
    assert http.order(**evening) == funds("account is not allowed to trade in the overnight session")


def test_an_account_can_lower_its_own_margin(http: Http) -> None:
    changed = http.send("PATCH", "/v2/account/configurations", {"max_margin_multiplier": "2"})

    assert (changed[0], changed[1]["max_margin_multiplier"]) == (200, "2")
    assert http.one("/v2/account")["buying_power"] == "200000"


def test_the_options_level_in_force_is_the_lower_of_the_two(http: Http) -> None:
    http.send("PATCH", "/v2/account/configurations", {"max_options_trading_level": 1})
    shown = http.one("/v2/account")

    assert (shown["options_approved_level"], shown["options_trading_level"]) == (3, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"no_shorting": "yes"}, "no_shorting"),
        ({"max_margin_multiplier": "3"}, "max_margin_multiplier"),
        ({"max_options_trading_level": 4}, "max_options_trading_level"),
        ({"trade_confirm_email": "some"}, "trade_confirm_email"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused_whole(http: Http, change: dict[str, object], field: str) -> None:
    before = http.one("/v2/account/configurations")
    answer = http.send("PATCH", "/v2/account/configurations", {"suspend_trade": True, **change})

    assert answer == (422, {"code": 40010001, "message": f"invalid {field}"})
    assert http.one("/v2/account/configurations") == before


def test_below_two_thousand_dollars_there_is_no_margin() -> None:
    small, large = account(cash=1_999, multiplier=4), account(number="PA2", key="K2", cash=2_000, multiplier=4)
    with running(config(accounts=(small, large))) as exchange:
        shown = [Http(exchange.url, key).one("/v2/account") for key in ("PKTEST", "K2")]

    assert [(a["multiplier"], a["buying_power"]) for a in shown] == [("1", "1999"), ("4", "8000")]


def test_a_holding_above_six_times_the_equity_lets_only_close() -> None:
    with running(config(accounts=(account(cash=2_000, multiplier=4, positions={"ZWZZT": {"qty": "1"}}),))) as exchange:
        http = Http(exchange.url)
        http.placed(**market(qty="70"))
        exchange.quotes({"AAPL": {"bid": "84.98", "ask": "85.02", "last": "85"}})

        assert http.order(**limit(symbol="ZWZZT", qty="1", limit_price="0.60")) == funds(
            "account is restricted to liquidation only"
        )
        assert http.order(**market(side="sell", qty="10"))[0] == 200


def test_a_partnership_is_opened_only_by_who_asked_for_it(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"partnership": True}})
    before = http.order(**limit())
    http.send("PATCH", "/v2/account/configurations", {"ptp_no_exception_entry": True})

    assert before == funds("account is not allowed to open positions in PTP symbol AAPL")
    assert http.order(**limit())[0] == 200
    assert [a["symbol"] for a in http.listed("/v2/assets?attributes=ptp_no_exception")] == ["AAPL"]


def test_before_its_first_trade_a_stock_takes_limit_orders_only(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"ipo": True}})

    assert http.one("/v2/assets/AAPL")["attributes"] == ["has_options", "ipo"]
    assert http.order(**market()) == (
        422,
        {"code": 42210000, "message": "only limit orders are allowed for asset AAPL before its first trade"},
    )
    assert http.order(**limit())[0] == 200


def test_a_canceled_exit_gives_its_shares_back(http: Http) -> None:
    held(http)
    for price in range(110, 115):
        http.placed(**limit(side="sell", qty="2", limit_price=str(price), time_in_force="gtc"))

    refused = http.order(**market(side="sell", qty="1"))[1]
    http.send("DELETE", f"/v2/orders/{refused['related_orders'][0]}")

    assert (refused["held_for_orders"], len(refused["related_orders"])) == ("10", 5)
    assert http.one("/v2/positions/AAPL")["qty_available"] == "2"
