"""Each row of the broker's error table, provoked over plain HTTP: status, code, words, extra keys."""

import pytest

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import Http, account, bracket, config, held, limit, market

SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"


def rule(message: str, **extra: object) -> tuple[int, dict[str, object]]:
    return 422, {"code": 42210000, "message": message, **extra}


def shape(message: str) -> tuple[int, dict[str, object]]:
    return 422, {"code": 40010001, "message": message}


def funds(message: str, **extra: object) -> tuple[int, dict[str, object]]:
    return 403, {"code": 40310000, "message": message, **extra}


def absent(message: str) -> tuple[int, dict[str, object]]:
    return 404, {"code": 40410000, "message": message}


OCO = {"side": "sell", "order_class": "oco", "limit_price": None}

STATELESS = {
    "a sub-penny limit": (limit(limit_price="290.123"), rule(f"invalid limit_price 290.123. {SUB_PENNY}")),
    "a sub-penny limit given as a number": (
        limit(limit_price=290.123),
        rule(f"invalid limit_price 290.123. {SUB_PENNY}"),
    ),
    "a sub-penny stop": (
        limit(type="stop", limit_price=None, stop_price="110.005"),
        rule(f"invalid stop_price 110.005. {SUB_PENNY}"),
    ),
    "a sub-penny take-profit leg": (
        bracket(
            symbol="NFLX",
            limit_price="690",
            take_profit={"limit_price": 699.7462},
            stop_loss={"stop_price": "680"},
        ),
        rule(f"invalid take_profit.limit_price 699.7462. {SUB_PENNY}"),
    ),
    "a sub-penny stop-loss leg": (
        bracket(stop_loss={"stop_price": "80.001"}),
        rule(f"invalid stop_loss.stop_price 80.001. {SUB_PENNY}"),
    ),
    "a sub-penny stop-limit leg": (
        bracket(stop_loss={"stop_price": "80", "limit_price": "79.999"}),
        rule(f"invalid stop_loss.limit_price 79.999. {SUB_PENNY}"),
    ),
    "more than four decimals below a dollar": (
        limit(symbol="ZWZZT", limit_price="0.50001"),
        rule(f"invalid limit_price 0.50001. {SUB_PENNY}"),
    ),
    "more than the buying power": (
        limit(qty="2000"),
        funds("insufficient buying power", buying_power="100000", cost_basis="180000"),
    ),
    "a tiny notional": (
        market(qty=None, notional="0.99"),
        rule("notional must be >= 1.00"),
    ),
    "a tiny fraction": (
        market(qty="0.001"),
        funds("cost basis must be >= minimal amount of order 1"),
    ),
    "a fractional short": (
        market(side="sell", qty="0.5"),
        rule("fractional orders cannot be sold short"),
    ),
    "a long client order id": (
        limit(client_order_id="x" * 129),
        shape("client_order_id must be no more than 128 characters"),
    ),
    "an unknown type": (limit(type="iceberg"), shape("invalid order type")),
    "an unknown side": (limit(side="hold"), shape("invalid side")),
    "an unknown time in force": (limit(time_in_force="gtd"), shape("invalid time_in_force")),
    "no quantity": (limit(qty=None), shape("qty or notional is required")),
    "a quantity of nothing": (limit(qty="0"), shape("qty must be > 0")),
    "a negative quantity": (limit(qty=-5), shape("qty must be > 0")),
    "quantity and notional": (market(notional="100"), shape("only one of qty or notional is accepted")),
    "a limit order without a price": (limit(limit_price=None), shape("limit orders require a limit price")),
    "a stop order without a price": (
        market(type="stop"),
        shape("stop orders require a stop price"),
    ),
    "a stop-limit order with one price": (
        limit(type="stop_limit"),
        shape("stop limit orders require both stop and limit price"),
    ),
    "a market order with a price": (
        limit(type="market"),
        shape("market orders require no stop or limit price"),
    ),
    "a trailing stop without a trail": (
        market(type="trailing_stop"),
        shape("trailing stop orders must specify one of trail_price or trail_percent"),
    ),
    "a trailing stop with two trails": (
        market(type="trailing_stop", trail_price="1", trail_percent="1"),
        shape("trailing stop orders must specify one of trail_price or trail_percent"),
    ),
    "no symbol": (limit(symbol=None), shape("symbol is required")),
    "an unknown symbol": (limit(symbol="NOSUCH"), rule('asset "NOSUCH" not found')),
    "a fractional bracket": (bracket(qty="1.5", time_in_force="day"), rule("fractional orders must be simple orders")),
    "a fractional order that is not for the day": (
        limit(qty="1.5", time_in_force="gtc"),
        rule("fractional orders must be DAY orders"),
    ),
    "a bracket without a target": (
        bracket(take_profit=None),
        shape("bracket orders require take_profit.limit_price"),
    ),
    "a bracket without a stop": (
        bracket(stop_loss=None),
        shape("bracket orders require stop_loss.stop_price"),
    ),
    "a bracket on a stop-limit entry": (
        bracket(type="stop_limit", stop_price="101"),
        shape("bracket orders must be market or limit orders"),
    ),
    "crossed legs": (
        bracket(take_profit={"limit_price": "80"}, stop_loss={"stop_price": "85"}),
        rule("take_profit.limit_price must be > stop_loss.stop_price"),
    ),
    "crossed legs of a short": (
        bracket(
            side="sell",
            limit_price="110",
            take_profit={"limit_price": "120"},
            stop_loss={"stop_price": "115"},
        ),
        rule("take_profit.limit_price must be < stop_loss.stop_price"),
    ),
    "a stop too near the base": (
        bracket(stop_loss={"stop_price": "90"}),
        rule("stop_loss.stop_price must be <= base_price - 0.01", base_price="90"),
    ),
    "a stop above the market": (
        bracket(limit_price="110", stop_loss={"stop_price": "105"}, take_profit={"limit_price": "120"}),
        rule("stop_loss.stop_price must be <= base_price - 0.01", base_price="100"),
    ),
    "a target too near the base": (
        bracket(take_profit={"limit_price": "90"}),
        rule("take_profit.limit_price must be >= base_price + 0.01", base_price="90"),
    ),
    "a short's target too near the base": (
        bracket(side="sell", limit_price="95", take_profit={"limit_price": "95"}, stop_loss={"stop_price": "110"}),
        rule("take_profit.limit_price must be <= base_price - 0.01", base_price="95"),
    ),
    "a sub-penny trail": (
        market(type="trailing_stop", trail_price="1.001"),
        rule(f"invalid trail_price 1.001. {SUB_PENNY}"),
    ),
    "ten decimals of a share": (market(qty="1.0000000001"), rule("qty must be limited to 9 decimal places")),
    "an oco that is not a limit order": (
        market(side="sell", order_class="oco", take_profit={"limit_price": "110"}, stop_loss={"stop_price": "90"}),
        shape("oco orders must be limit orders"),
    ),
    "a stop in the closing auction": (
        limit(time_in_force="cls", type="stop", limit_price=None, stop_price="110"),
        rule("cls orders must be market or limit orders"),
    ),
    "a short's stop too near the base": (
        bracket(
            side="sell",
            limit_price="110",
            take_profit={"limit_price": "95"},
            stop_loss={"stop_price": "110"},
        ),
        rule("stop_loss.stop_price must be >= base_price + 0.01", base_price="110"),
    ),
    "an extended-hours market order": (
        market(extended_hours=True),
        rule("extended hours order must be DAY or GTC limit orders"),
    ),
    "an extended-hours bracket": (
        bracket(extended_hours=True),
        rule("extended hours order must be simple orders"),
    ),
    "an opening auction order at ten": (
        limit(time_in_force="opg"),
        rule("opg orders must be submitted after 7:00pm and before 9:28am"),
    ),
    "an oco without a position": (
        limit(**OCO, take_profit={"limit_price": "110"}, stop_loss={"stop_price": "90"}),
        funds(
            "insufficient qty available for order (requested: 10, available: 0)",
            available="0",
            existing_qty="0",
            held_for_orders="0",
            related_orders=[],
            symbol="AAPL",
        ),
    ),
    "an oto with both legs": (
        bracket(order_class="oto"),
        shape("oto orders require one of take_profit or stop_loss"),
    ),
    "legs on a simple order": (
        limit(take_profit={"limit_price": "110"}),
        shape("simple orders do not accept take_profit or stop_loss"),
    ),
    "a wrong intent": (
        limit(position_intent="buy_to_close"),
        rule("position intent mismatch, inferred: buy_to_open, specified: buy_to_close"),
    ),
    "a notional of three decimals": (
        market(qty=None, notional="10.001"),
        rule("notional amount must be limited to 2 decimal places"),
    ),
    "a price that is no number": (limit(limit_price="dear"), shape("invalid limit_price")),
    "an absurd price": (limit(limit_price="1e300"), shape("invalid limit_price")),
    "a price of nothing": (limit(limit_price="0"), shape("limit_price must be > 0")),
}


@pytest.mark.parametrize(("order", "expected"), STATELESS.values(), ids=STATELESS.keys())
def test_an_order_that_breaks_a_rule_is_refused_as_the_broker_refuses_it(
    http: Http, order: dict[str, object], expected: tuple[int, object]
) -> None:
    assert http.order(**order) == expected
    assert http.listed("/v2/orders?status=all") == []


def test_a_second_order_with_the_same_client_id_is_a_duplicate(http: Http) -> None:
    http.placed(**limit(client_order_id="once"))

    assert http.order(**limit(client_order_id="once")) == shape("client_order_id must be unique")


def test_a_client_id_stays_taken_after_its_order_was_canceled(http: Http) -> None:
    order = http.placed(**limit(client_order_id="once"))
    http.send("DELETE", f"/v2/orders/{order['id']}")

    assert http.order(**limit(client_order_id="once")) == shape("client_order_id must be unique")


def test_the_switch_lets_a_client_id_be_used_again_after_a_cancel(exchange: Running, http: Http) -> None:
    exchange.settings(reuse_client_order_id_after_cancel=True)
    order = http.placed(**limit(client_order_id="once"))
    http.send("DELETE", f"/v2/orders/{order['id']}")

    assert http.order(**limit(client_order_id="once"))[0] == 200


def test_selling_what_another_order_holds_names_that_order(http: Http) -> None:
    held(http)
    exit_order = http.placed(**limit(side="sell", limit_price="120", time_in_force="gtc"))

    refused = http.order(**market(side="sell", qty="1"))

    assert refused == funds(
        "insufficient qty available for order (requested: 1, available: 0)",
        available="0",
        existing_qty="10",
        held_for_orders="10",
        related_orders=[exit_order["id"]],
        symbol="AAPL",
    )


def test_selling_more_than_is_held_does_not_cross_into_a_short(http: Http) -> None:
    held(http)

    status, body = http.order(**market(side="sell", qty="11"))

    assert (status, body["message"]) == (
        403,
        "insufficient qty available for order (requested: 11, available: 10)",
    )


def test_buying_against_ones_own_resting_stop_is_a_wash_trade(http: Http) -> None:
    held(http)
    stop = http.placed(**limit(side="sell", type="stop", limit_price=None, stop_price="90", time_in_force="gtc"))

    refused = http.order(**market(qty="1"))

    assert refused == funds(
        "potential wash trade detected. use complex orders",
        existing_order_id=stop["id"],
        reject_reason="opposite side stop order exists",
    )


def test_two_limits_that_cannot_meet_are_no_wash_trade(http: Http) -> None:
    held(http)
    http.placed(**limit(side="sell", limit_price="120", time_in_force="gtc"))

    assert http.order(**limit(limit_price="119.99"))[0] == 200
    assert http.order(**limit(limit_price="120"))[1]["reject_reason"] == "opposite side limit order exists"


def test_a_bracket_may_buy_against_a_resting_stop(http: Http) -> None:
    held(http)
    http.placed(**limit(side="sell", type="stop", limit_price=None, stop_price="90", time_in_force="gtc"))

    assert http.order(**bracket(qty="1"))[0] == 200


def test_a_long_buy_is_refused_while_a_short_sale_is_open(http: Http) -> None:
    http.placed(**limit(side="sell", limit_price="120"))

    assert http.order(**limit(limit_price="90")) == funds("cannot open a long buy while a short sell order is open")


def test_a_short_sale_is_refused_while_a_long_buy_is_open(http: Http) -> None:
    http.placed(**limit(limit_price="90"))

    assert http.order(**limit(side="sell", limit_price="120")) == funds(
        "cannot open a short sell while a long buy order is open"
    )


def test_an_asset_that_is_not_fractionable_takes_whole_shares_only(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"fractionable": False}})

    assert http.order(**market(qty="1.5")) == funds('asset "AAPL" is not fractionable')


def test_an_asset_that_is_not_shortable_is_not_sold_short(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"shortable": False}})

    assert http.order(**market(side="sell")) == rule('asset "AAPL" cannot be sold short')


def test_a_hard_to_borrow_asset_is_sold_short_for_the_day_only(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"easy_to_borrow": False}})

    assert http.order(**limit(side="sell", limit_price="120", time_in_force="gtc")) == rule(
        "only day orders are allowed for hard-to-borrow asset AAPL"
    )
    http.send("POST", "/v1/locates", {"symbol": "AAPL", "qty": 100})
    assert http.order(**limit(side="sell", limit_price="120"))[0] == 200


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"status": "inactive"}, "asset AAPL is not active"),
        ({"tradable": False}, "asset AAPL is not tradable"),
    ],
)
def test_an_asset_that_may_not_be_bought_is_refused(
    exchange: Running, http: Http, facts: dict[str, object], message: str
) -> None:
    exchange.assets({"AAPL": facts})

    assert http.order(**limit()) == rule(message)


def test_an_untradable_asset_may_still_be_closed(exchange: Running, http: Http) -> None:
    held(http)
    exchange.assets({"AAPL": {"tradable": False}})

    assert http.send("DELETE", "/v2/positions/AAPL")[0] == 200


@pytest.mark.parametrize(
    ("changes", "order", "message"),
    [
        ({"shorting_enabled": False}, market(side="sell"), "account is not allowed to short"),
        ({"cash": 1999}, market(side="sell", qty="1"), "account is not allowed to short"),
        ({"trading_blocked": True}, market(), "account is not authorized to trade"),
        ({"closing_only": True}, market(), "account is restricted to liquidation only"),
    ],
)
def test_an_account_is_refused_what_it_may_not_do(
    changes: dict[str, object], order: dict[str, object], message: str
) -> None:
    with running(config(accounts=(account(**changes),))) as exchange:
        answer = Http(exchange.url).order(**order)

    assert answer == funds(message)


def test_the_retired_day_trading_rule_can_be_switched_on(exchange: Running, http: Http) -> None:
    exchange.settings(pattern_day_trading=True)

    assert http.order(**limit()) == (
        403,
        {"code": 40310100, "message": "trade denied due to pattern day trading protection"},
    )


def test_a_suspended_account_may_not_trade(http: Http) -> None:
    http.send("PATCH", "/v2/account/configurations", {"suspend_trade": True})

    assert http.order(**limit()) == funds("account is not authorized to trade")
    assert http.one("/v2/account")["trade_suspended_by_user"] is True


def test_a_wash_trade_is_a_422_where_the_switch_says_so(exchange: Running, http: Http) -> None:
    exchange.settings(wash_trade_status=422)
    held(http)
    http.placed(**limit(side="sell", limit_price="120"))

    status, body = http.order(**limit(limit_price="120"))

    assert (status, body["code"], body["message"]) == (
        422,
        42210000,
        "potential wash trade detected. use complex orders",
    )


def test_a_finished_order_is_not_canceled(http: Http) -> None:
    order = http.placed(**market())

    answer = http.send("DELETE", f"/v2/orders/{order['id']}")

    assert answer == rule('order is already in "filled" state')


def test_what_does_not_exist_is_not_found(http: Http) -> None:
    answers = [
        http.get("/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d"),
        http.get("/v2/orders:by_client_order_id?client_order_id=never"),
        http.get("/v2/positions/AAPL"),
        http.get("/v2/assets/NOSUCH"),
        http.get("/v2/stocks/NOSUCH/quotes/latest"),
        http.get("/v2/nowhere"),
    ]

    assert answers == [
        absent("order not found for 61e69015-8549-4bfd-b9c3-01e75843f47d"),
        absent("order not found for never"),
        absent("position does not exist"),
        absent("asset not found for NOSUCH"),
        absent("symbol not found: NOSUCH"),
        absent("endpoint not found"),
    ]


def test_a_wrong_key_is_unauthorized_and_says_no_code(exchange: Running) -> None:
    answers = [Http(exchange.url, *keys).get("/v2/account") for keys in (("PKTEST", "wrong"), ("wrong", "secret"))]

    assert answers == [(401, {"message": "unauthorized."})] * 2


def test_the_two_hundred_and_first_request_of_a_minute_is_too_many(exchange: Running, http: Http) -> None:
    answers = [http.session.get(http.url + "/v2/clock", timeout=5) for _ in range(201)]

    assert [a.status_code for a in answers] == [200] * 200 + [429]
    assert answers[-1].json() == {"message": "too many requests."}
    assert {k: v for k, v in answers[-1].headers.items() if k.startswith("X-RateLimit")} == {
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1795446060",
    }

    exchange.advance(60)

    assert http.get("/v2/clock")[0] == 200


def test_the_rate_limit_is_lifted_by_a_declared_setting(exchange: Running, http: Http) -> None:
    exchange.settings(rate_limit=0)

    assert {http.get("/v2/clock")[0] for _ in range(250)} == {200}


def test_a_closing_auction_order_comes_too_late_ten_minutes_before_the_close(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-23T15:50:00-05:00")

    assert http.order(**limit(time_in_force="cls")) == rule(
        "cls orders must be submitted after 7:00pm and before 3:50pm"
    )


def test_a_server_error_says_nothing_about_the_order(exchange: Running, http: Http) -> None:
    exchange.fault(kind="500", applied=True)

    assert http.order(**limit(client_order_id="there")) == (
        500,
        {"code": 50010000, "message": "internal server error occurred"},
    )
    assert http.get("/v2/orders:by_client_order_id?client_order_id=there")[0] == 200
