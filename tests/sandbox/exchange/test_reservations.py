"""What an order keeps back, what it is priced at, and which of one's own orders it may not meet."""

from decimal import Decimal

import pytest

from sandbox.exchange import Running
from sandbox.exchange.config import Settings
from sandbox.exchange.engine import Exchange
from sandbox.exchange.intake import body, order_request
from sandbox.exchange.orders import Status
from tests.sandbox.exchange.exchange_desk import NUMBER, Http, account, bracket, config, held, limit, market

WIDE = {"AAPL": {"bid": "90", "ask": "110", "last": "95"}}


@pytest.mark.parametrize(
    ("moment", "basis"),
    [
        ("2026-11-23T10:00:00-05:00", "220000"),
        ("2026-11-23T17:00:00-05:00", "200000"),
        ("2026-11-28T12:00:00-05:00", "190000"),
    ],
    ids=["open: the far side", "extended: the middle", "closed: the last trade"],
)
def test_a_market_order_is_weighed_at_the_price_of_the_hour(
    exchange: Running, http: Http, moment: str, basis: str
) -> None:
    exchange.quotes(WIDE)
    exchange.set_clock(moment)

    assert http.order(**market(qty="2000"))[1]["cost_basis"] == basis


@pytest.mark.parametrize(("price", "basis"), [("100", "226600"), ("120", "240000")])
def test_a_short_sale_is_weighed_at_its_limit_or_three_per_cent_above_the_ask(
    exchange: Running, http: Http, price: str, basis: str
) -> None:
    exchange.quotes(WIDE)

    assert http.order(**limit(side="sell", qty="2000", limit_price=price))[1]["cost_basis"] == basis


def test_a_replacement_keeps_back_the_larger_of_old_and_new(http: Http) -> None:
    order = http.placed(**limit(qty="100", limit_price="50"))
    dearer = http.send("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "80"})[1]
    after_dearer = http.one("/v2/account")["buying_power"]
    http.send("PATCH", f"/v2/orders/{dearer['id']}", {"qty": "60"})

    assert (after_dearer, http.one("/v2/account")["buying_power"]) == ("92000", "95200")


def test_a_sale_does_not_bring_buying_power_before_it_is_executed(http: Http) -> None:
    held(http, "500")
    before = http.one("/v2/account")["buying_power"]
    http.placed(**limit(side="sell", qty="500", limit_price="120"))

    assert http.one("/v2/account")["buying_power"] == before


SELLS = {
    "limit": limit(side="sell", limit_price="110", qty="2"),
    "stop": limit(side="sell", type="stop", limit_price=None, stop_price="90", qty="2"),
    "stop-limit": limit(side="sell", type="stop_limit", stop_price="90", limit_price="89", qty="2"),
    "trailing": market(side="sell", type="trailing_stop", trail_price="5", qty="2"),
    "oco": limit(
        side="sell",
        order_class="oco",
        limit_price=None,
        qty="2",
        take_profit={"limit_price": "110"},
        stop_loss={"stop_price": "90"},
    ),
}
BUYS = {
    "market": market(qty="1"),
    "stop": limit(type="stop", limit_price=None, stop_price="105", qty="1"),
    "limit below": limit(limit_price="88", qty="1"),
    "limit between": limit(limit_price="95", qty="1"),
    "limit above": limit(limit_price="111", qty="1"),
    "stop-limit above": limit(type="stop_limit", stop_price="105", limit_price="111", qty="1"),
    "trailing": market(type="trailing_stop", trail_price="5", qty="1"),
    "bracket": bracket(qty="1", limit_price="95"),
}
# What rests, and which buys it makes a wash trade. Limits meet where the buy is not below the sale.
WASH = {
    "limit": {"market", "stop", "limit above", "stop-limit above"},
    "stop": {"market", "stop", "limit below", "limit between", "limit above", "stop-limit above"},
    "stop-limit": {"market", "stop", "limit between", "limit above", "stop-limit above"},
    "trailing": set(),
    "oco": set(),
}


@pytest.mark.parametrize("resting", SELLS)
def test_the_matrix_of_wash_trades(exchange: Running, http: Http, resting: str) -> None:
    exchange.settings(rate_limit=0)
    held(http)
    refused = set()
    for name, buy in BUYS.items():
        sale = http.placed(**SELLS[resting])
        status, answer = http.order(**buy)
        if status == 403 and "wash trade" in answer["message"]:
            refused.add(name)
        else:
            assert status == 200, answer
        http.send("DELETE", "/v2/orders")
        assert http.one(f"/v2/orders/{sale['id']}")["status"] == "canceled"

    assert refused == WASH[resting]


def filled_in_part(seed: int) -> list[int]:
    """Buy ten shares three hundred times; give which were filled in part at first."""
    rich = account(cash=Decimal(10**9))
    inside = Exchange(config(seed=seed, accounts=(rich,), settings=Settings(partial_fill_probability=Decimal("0.1"))))
    partly = []
    for number in range(300):
        order = inside.submit(inside.accounts[NUMBER], order_request(ORDER))[0]
        if inside.book.orders[order.id].status is Status.PARTIALLY_FILLED:
            partly.append(number)
    for _ in range(9):
        inside.tick()
    assert {order.status for order in inside.book.orders.values()} == {Status.FILLED}
    return partly


ORDER = body(
    b'{"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "100.02"}'
)


def test_a_tenth_of_the_fills_is_partial_at_first_and_the_rest_follows() -> None:
    partly = filled_in_part(7)

    assert 15 <= len(partly) <= 45
    assert partly == filled_in_part(7) != filled_in_part(8)
