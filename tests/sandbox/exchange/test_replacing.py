"""What may not be replaced, and by what: status, code and words as the broker's."""

import pytest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import Http, bracket, limit, market

SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"


def rule(message: str) -> tuple[int, dict[str, object]]:
    return 422, {"code": 42210000, "message": message}


def shape(message: str) -> tuple[int, dict[str, object]]:
    return 422, {"code": 40010001, "message": message}


def funds(message: str, **extra: object) -> tuple[int, dict[str, object]]:
    return 403, {"code": 40310000, "message": message, **extra}


def test_an_order_is_not_replaced_by_less_than_what_is_filled(exchange: Running, http: Http) -> None:
    exchange.settings(partial_fill_probability="1")
    order = http.placed(**limit(limit_price="100.02"))
    filled = http.one(f"/v2/orders/{order['id']}")["filled_qty"]

    answer = http.send("PATCH", f"/v2/orders/{order['id']}", {"qty": filled})

    assert answer == rule("qty must be > filled_qty")


def test_a_replacement_is_for_what_is_left(exchange: Running, http: Http) -> None:
    exchange.settings(partial_fill_probability="1")
    order = http.placed(**limit(limit_price="100.02"))
    filled = int(http.one(f"/v2/orders/{order['id']}")["filled_qty"])

    new = http.send("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "90"})[1]

    assert (new["qty"], new["filled_qty"]) == (str(10 - filled), "0")


REPLACEMENTS = {
    "nothing changed": (limit(), {"limit_price": "90"}, shape("order parameters are not changed")),
    "a sub-penny price": (limit(), {"limit_price": "90.001"}, rule(f"invalid limit_price 90.001. {SUB_PENNY}")),
    "a stop price on a limit order": (limit(), {"stop_price": "80"}, shape("limit orders take no stop_price")),
    "a filled order": (market(), {"qty": "11"}, rule("cannot replace order in filled status")),
    "an oto order": (
        bracket(order_class="oto", take_profit=None),
        {"limit_price": "91"},
        rule("oto orders cannot be replaced"),
    ),
    "a sub-penny stop": (
        limit(type="stop", limit_price=None, stop_price="110"),
        {"stop_price": "110.005"},
        rule(f"invalid stop_price 110.005. {SUB_PENNY}"),
    ),
    "a sub-penny trail": (
        market(type="trailing_stop", trail_price="1"),
        {"trail": "1.005"},
        rule(f"invalid trail 1.005. {SUB_PENNY}"),
    ),
    "an order by amount": (
        limit(limit_price="50"),
        {"notional": "100"},
        rule("notional orders cannot be replaced"),
    ),
    "a price of nothing": (limit(), {"limit_price": "0"}, shape("limit_price must be > 0")),
    "an unknown time in force": (limit(), {"time_in_force": "gtd"}, shape("invalid time_in_force")),
    "more than can be paid": (
        limit(),
        {"qty": "2000"},
        funds("insufficient buying power", buying_power="99100", cost_basis="179100"),
    ),
}


@pytest.mark.parametrize(("order", "change", "expected"), REPLACEMENTS.values(), ids=REPLACEMENTS.keys())
def test_a_replacement_that_breaks_a_rule_is_refused(
    http: Http, order: dict[str, object], change: dict[str, object], expected: tuple[int, object]
) -> None:
    placed = http.placed(**order)

    assert http.send("PATCH", f"/v2/orders/{placed['id']}", change) == expected


def test_an_order_that_waits_for_the_opening_is_not_replaced(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-29T12:00:00-05:00")
    order = http.placed(**limit())

    assert http.send("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "91"}) == rule(
        "cannot replace order in accepted status"
    )


def test_a_cancel_that_is_pending_is_not_replaced_and_not_canceled_again(exchange: Running, http: Http) -> None:
    exchange.settings(cancel_seconds="-1")
    order = http.placed(**limit())
    path = f"/v2/orders/{order['id']}"
    http.send("DELETE", path)

    assert http.send("PATCH", path, {"limit_price": "91"}) == rule("cannot replace order in pending_cancel status")
    assert http.send("DELETE", path) == rule('order is already in "pending_cancel" state')


def test_an_order_is_replaced_only_once(http: Http) -> None:
    placed = http.placed(**limit())
    http.send("PATCH", f"/v2/orders/{placed['id']}", {"limit_price": "91"})

    answer = http.send("PATCH", f"/v2/orders/{placed['id']}", {"limit_price": "92"})

    assert answer == rule("order already replaced")
