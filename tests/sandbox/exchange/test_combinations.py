"""Orders of several legs: spreads, shares with calls, what they keep back, and their replacement."""

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, PositionIntent, TimeInForce
from alpaca.trading.models import Order, Position
from alpaca.trading.requests import LimitOrderRequest, OptionLegRequest, ReplaceOrderRequest

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import Http, account, config, held, limit, market

CALL, HIGHER_CALL = "AAPL261218C00100000", "AAPL261218C00105000"
PUT, TODAY = "AAPL261218P00090000", "SPY261123C00660000"
FIXED = {
    CALL: {"bid": "2.50", "ask": "2.60"},
    HIGHER_CALL: {"bid": "1.00", "ask": "1.10"},
    PUT: {"bid": "0.50", "ask": "0.55"},
}
BUY_WRITE = "97.52"  # AAPL at its ask of 100.02 less the call at its bid of 2.50


def rule(message: str) -> tuple[int, dict[str, object]]:
    return 422, {"code": 42210000, "message": message}


def funds(message: str, **extra: object) -> tuple[int, dict[str, object]]:
    return 403, {"code": 40310000, "message": message, **extra}


@pytest.fixture(autouse=True)
def quoted(exchange: Running) -> None:
    exchange.quotes(FIXED)


def spread(**changes: object) -> dict[str, object]:
    order: dict[str, object] = {
        "order_class": "mleg",
        "qty": "2",
        "type": "limit",
        "limit_price": "1.60",
        "time_in_force": "day",
        "legs": [leg(CALL, "buy_to_open"), leg(HIGHER_CALL, "sell_to_open")],
    }
    return {**order, **changes}


def leg(symbol: str, intent: str, ratio: str = "1", **more: str) -> dict[str, str]:
    return {"symbol": symbol, "position_intent": intent, "ratio_qty": ratio, **more}


def test_a_spread_fills_all_legs_or_none(exchange: Running, http: Http) -> None:
    waiting = http.placed(**spread(limit_price="1.59"))
    before = http.listed("/v2/positions")
    exchange.quotes({CALL: {"bid": "2.48", "ask": "2.58"}})
    order = http.one(f"/v2/orders/{waiting['id']}")

    assert (waiting["symbol"], waiting["side"], waiting["asset_class"], waiting["status"]) == (
        "",
        "",
        "",
        "pending_new",
    )
    assert before == []
    assert (order["status"], order["filled_avg_price"]) == ("filled", "1.58")
    assert [(o["symbol"], o["filled_qty"], o["filled_avg_price"]) for o in order["legs"]] == [
        (CALL, "2", "2.58"),
        (HIGHER_CALL, "2", "1"),
    ]
    assert http.one("/v2/account")["cash"] == "99684"


def test_a_credit_spread_keeps_back_its_width(http: Http) -> None:
    legs = [leg(CALL, "sell_to_open"), leg(HIGHER_CALL, "buy_to_open")]
    http.placed(**spread(legs=legs, limit_price="-1.40"))
    account = http.one("/v2/account")

    assert (account["cash"], account["options_buying_power"]) == ("100280", "99280")


def test_the_long_leg_that_covers_a_short_one_is_not_sold_alone(http: Http) -> None:
    http.placed(**spread())

    status, body = http.order(**limit(symbol=CALL, side="sell", qty="2", limit_price="2.50"))

    assert (status, body["message"]) == (
        403,
        "insufficient underlying qty available for covered call (required: 200, available: 0)",
    )


WRONG_SPREADS = {
    "one leg": (spread(legs=[leg(CALL, "buy_to_open")]), "mleg orders require 2 to 4 legs"),
    "a symbol above the legs": (spread(symbol=CALL), "mleg orders take no symbol; it belongs to the legs"),
    "a common divisor": (
        spread(legs=[leg(CALL, "buy_to_open", "2"), leg(HIGHER_CALL, "sell_to_open", "2")]),
        "legs.ratio_qty must be integers whose greatest common divisor is 1",
    ),
    "twice the same": (
        spread(legs=[leg(CALL, "buy_to_open"), leg(CALL, "sell_to_open")]),
        "legs must have unique symbols",
    ),
    "two underlyings": (
        spread(legs=[leg(CALL, "buy_to_open"), leg(TODAY, "sell_to_open")]),
        "legs must have the same underlying",
    ),
    "shares that no calls match": (
        spread(legs=[leg(CALL, "sell_to_open"), leg("AAPL", "buy_to_open", "50")]),
        "equity leg AAPL must be matched by calls on the other side, 100 shares for each",
    ),
    "shares beside puts": (
        spread(legs=[leg(PUT, "buy_to_open"), leg("AAPL", "buy_to_open", "100")]),
        "equity leg AAPL must be matched by calls on the other side, 100 shares for each",
    ),
    "five legs": (spread(legs=[leg(CALL, "buy_to_open")] * 5), "mleg orders require 2 to 4 legs"),
    "half a ratio": (
        spread(legs=[leg(CALL, "buy_to_open", "1.5"), leg(HIGHER_CALL, "sell_to_open")]),
        "legs.ratio_qty must be integers whose greatest common divisor is 1",
    ),
    "three decimals": (spread(limit_price="1.605"), "limit price must be limited to 2 decimal places"),
    "good till canceled": (
        spread(time_in_force="gtc"),
        "order_time_in_force provided not supported for options trading",
    ),
    "an intent that does not fit what is held": (
        spread(legs=[leg(CALL, "sell_to_close"), leg(HIGHER_CALL, "buy_to_open")]),
        "position intent mismatch, inferred: sell_to_open, specified: sell_to_close",
    ),
    "a side against the intent": (
        spread(legs=[leg(CALL, "buy_to_open", side="sell"), leg(HIGHER_CALL, "sell_to_open")]),
        f"side sell of leg {CALL} does not match its position_intent buy_to_open",
    ),
    "a stop": (spread(type="stop", stop_price="1", limit_price=None), "mleg orders must be market or limit orders"),
}


@pytest.mark.parametrize(("order", "message"), WRONG_SPREADS.values(), ids=WRONG_SPREADS.keys())
def test_a_combination_that_breaks_a_rule_is_refused(http: Http, order: dict[str, object], message: str) -> None:
    assert http.order(**{k: v for k, v in order.items() if v is not None}) == rule(message)


def test_a_combination_needs_level_three() -> None:
    with running(config(accounts=(account(options_level=2),))) as exchange:
        answer = Http(exchange.url).order(**spread())

    assert answer == funds("account not eligible for level3 options trading")


def test_an_account_restricted_to_closing_opens_no_combination() -> None:
    with running(config(accounts=(account(closing_only=True),))) as exchange:
        answer = Http(exchange.url).order(**spread())

    assert answer == funds("account is restricted to liquidation only")


def test_a_leg_may_be_named_by_its_id(http: Http) -> None:
    ids = [http.one(f"/v2/options/contracts/{symbol}")["id"] for symbol in (CALL, HIGHER_CALL)]
    order = http.placed(**spread(legs=[leg(ids[0], "buy_to_open"), leg(ids[1], "sell_to_open")]))

    assert [one["symbol"] for one in order["legs"]] == [CALL, HIGHER_CALL]
    assert http.order(**spread(legs=[leg(ids[0], "buy_to_open"), leg(CALL, "sell_to_open")])) == rule(
        "legs must have unique symbols"
    )


# -- shares with calls -------------------------------------------------------------------------


def covered_call(**changes: object) -> dict[str, object]:
    legs = [leg("AAPL", "buy_to_open", "100"), leg(CALL, "sell_to_open")]
    return spread(**{"qty": "1", "legs": legs, "limit_price": BUY_WRITE, **changes})


def test_shares_and_the_call_they_cover_are_bought_and_sold_at_once(exchange: Running, http: Http) -> None:
    waiting = http.placed(**covered_call(limit_price="97.51"))
    before = http.listed("/v2/positions")
    exchange.quotes({CALL: {"bid": "2.51", "ask": "2.60"}})
    order = http.one(f"/v2/orders/{waiting['id']}")
    shares = http.one("/v2/positions/AAPL")

    assert before == []
    assert (order["status"], order["filled_avg_price"]) == ("filled", "97.51")
    assert [(o["symbol"], o["asset_class"], o["filled_qty"]) for o in order["legs"]] == [
        ("AAPL", "us_equity", "100"),
        (CALL, "us_option", "1"),
    ]
    assert (shares["qty"], shares["qty_available"]) == ("100", "0")
    assert http.one("/v2/account")["cash"] == "90249"


def test_shares_and_the_call_they_cover_are_given_back_at_once(http: Http) -> None:
    http.placed(**covered_call())
    alone = http.order(**market(side="sell", qty="100"))[0]
    legs = [leg("AAPL", "sell_to_close", "100"), leg(CALL, "buy_to_close")]
    http.placed(**covered_call(legs=legs, limit_price="-97.38"))

    assert alone == 403
    assert http.listed("/v2/positions") == []


def test_shares_sold_beside_a_call_bought_must_be_there(http: Http) -> None:
    held(http, "40")
    legs = [leg("AAPL", "sell_to_close", "100"), leg(CALL, "buy_to_open")]

    assert http.order(**covered_call(legs=legs, limit_price="-97.00"))[1]["message"] == (
        "insufficient underlying qty available for covered call (required: 100, available: 40)"
    )


def test_a_buy_write_is_paid_in_full() -> None:
    with running(config(accounts=(account(cash=9_000),))) as exchange:
        exchange.quotes(FIXED)
        answer = Http(exchange.url).order(**covered_call())

    assert answer == funds(
        "insufficient options buying power (required: 9752, available: 9000)",
        options_buying_power="9000",
        cost_basis="9752",
    )


# -- replacement -------------------------------------------------------------------------------


def test_a_resting_spread_is_replaced_by_other_terms(exchange: Running, http: Http) -> None:
    old = http.placed(**spread(limit_price="1.00"))
    status, new = http.send("PATCH", f"/v2/orders/{old['id']}", {"limit_price": "1.10", "qty": "3"})

    assert (status, new["replaces"], new["qty"], new["limit_price"]) == (200, old["id"], "3", "1.1")
    assert [(o["symbol"], o["qty"], o["status"]) for o in new["legs"]] == [
        (CALL, "3", "new"),
        (HIGHER_CALL, "3", "new"),
    ]
    assert http.one(f"/v2/orders/{old['id']}")["status"] == "replaced"
    assert http.one("/v2/account")["options_buying_power"] == "99670"

    exchange.quotes({CALL: {"bid": "2.00", "ask": "2.10"}})

    assert [(p["symbol"], p["qty"]) for p in http.listed("/v2/positions")] == [(CALL, "3"), (HIGHER_CALL, "-3")]


def test_a_credit_may_be_replaced_by_a_smaller_credit(http: Http) -> None:
    legs = [leg(CALL, "sell_to_open"), leg(HIGHER_CALL, "buy_to_open")]
    old = http.placed(**spread(legs=legs, limit_price="-1.90"))
    new = http.send("PATCH", f"/v2/orders/{old['id']}", {"limit_price": "-1.40"})[1]

    assert http.one(f"/v2/orders/{new['id']}")["status"] == "filled"
    assert http.one("/v2/account")["options_buying_power"] == "99280"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"limit_price": "1.00"}, (422, {"code": 40010001, "message": "order parameters are not changed"})),
        ({"limit_price": "1.005"}, rule("limit price must be limited to 2 decimal places")),
        ({"stop_price": "1.00"}, (422, {"code": 40010001, "message": "limit orders take no stop_price"})),
        (
            {"qty": "2000"},
            funds(
                "insufficient options buying power (required: 200000, available: 100000)",
                options_buying_power="100000",
                cost_basis="200000",
            ),
        ),
    ],
    ids=["nothing changed", "three decimals", "a stop price", "more than the cash"],
)
def test_a_replacement_of_a_spread_that_breaks_a_rule_is_refused(
    http: Http, change: dict[str, object], expected: object
) -> None:
    order = http.placed(**spread(limit_price="1.00"))

    assert http.send("PATCH", f"/v2/orders/{order['id']}", change) == expected
    assert http.one(f"/v2/orders/{order['id']}")["status"] == "new"


def test_a_leg_of_a_spread_is_not_replaced_alone(http: Http) -> None:
    order = http.placed(**spread(limit_price="1.00"))

    assert http.send("PATCH", f"/v2/orders/{order['legs'][0]['id']}", {"qty": "1"}) == rule(
        "legs of an mleg order cannot be replaced; replace the order itself"
    )


def test_a_closing_spread_is_not_replaced_by_more_than_is_held(http: Http) -> None:
    http.placed(**spread())
    legs = [leg(CALL, "sell_to_close"), leg(HIGHER_CALL, "buy_to_close")]
    order = http.placed(**spread(legs=legs, limit_price="-3.00"))

    status, body = http.send("PATCH", f"/v2/orders/{order['id']}", {"qty": "3"})

    assert (status, body["message"]) == (403, "insufficient qty available for order (requested: 3, available: 2)")
    assert http.send("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "-1.00"})[0] == 200
    assert http.listed("/v2/positions") == []


def test_alpaca_py_sends_and_replaces_a_spread(client: TradingClient) -> None:
    legs = [
        OptionLegRequest(symbol=CALL, ratio_qty=1, side=OrderSide.BUY, position_intent=PositionIntent.BUY_TO_OPEN),
        OptionLegRequest(
            symbol=HIGHER_CALL, ratio_qty=1, side=OrderSide.SELL, position_intent=PositionIntent.SELL_TO_OPEN
        ),
    ]
    order = client.submit_order(
        LimitOrderRequest(
            qty=2, limit_price=1.00, order_class=OrderClass.MLEG, time_in_force=TimeInForce.DAY, legs=legs
        )
    )
    assert isinstance(order, Order)
    new = client.replace_order_by_id(order.id, ReplaceOrderRequest(limit_price=1.60))

    assert isinstance(new, Order)
    assert new.legs is not None
    assert [leg.symbol for leg in new.legs] == [CALL, HIGHER_CALL]
    assert {p.symbol for p in client.get_all_positions() if isinstance(p, Position)} == {CALL, HIGHER_CALL}
