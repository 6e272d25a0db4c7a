"""Listing orders: every filter, paging, and what is left out."""

from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import Http, bracket, limit, market


def ids(orders: list[dict[str, str]]) -> list[str]:
    return [o["client_order_id"] for o in orders]


@pytest.fixture
def five(exchange: Running, http: Http) -> list[dict[str, str]]:
    """Three resting buys, a filled one and a canceled one, a minute apart."""
    placed = []
    for name in "abc":
        placed.append(http.placed(**limit(client_order_id=name, qty="1")))
        exchange.advance(60)
    placed.append(http.placed(**market(client_order_id="d", symbol="NFLX", qty="1")))
    exchange.advance(60)
    placed.append(http.placed(**limit(client_order_id="e", qty="1")))
    http.send("DELETE", f"/v2/orders/{placed[-1]['id']}")
    return placed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c", "b", "a"]),
        ("?status=open&direction=asc", ["a", "b", "c"]),
        ("?status=closed", ["e", "d"]),
        ("?status=all", ["e", "d", "c", "b", "a"]),
        ("?status=all&limit=2", ["e", "d"]),
        ("?status=all&limit=2&direction=asc", ["a", "b"]),
        ("?status=all&symbols=NFLX,MSFT", ["d"]),
        ("?status=all&side=sell", []),
        ("?status=all&side=buy&limit=1", ["e"]),
        ("?status=all&after=2026-11-23T15:00:30Z&until=2026-11-23T15:03:00Z", ["c", "b"]),
        ("?status=all&nested=True&limit=1", ["e"]),
        ("?status=all&asset_class=us_option", []),
    ],
)
def test_orders_are_listed_as_asked(http: Http, five: list[dict[str, str]], query: str, expected: list[str]) -> None:
    assert ids(http.listed(f"/v2/orders{query}")) == expected
    assert len(five) == 5


def test_after_and_until_leave_out_the_moment_they_name(http: Http, five: list[dict[str, str]]) -> None:
    b, d = five[1], five[3]
    found = http.listed(f"/v2/orders?status=all&after={b['submitted_at']}&until={d['submitted_at']}")

    assert ids(found) == ["c"]


def test_pages_by_order_id_meet_without_gap_or_overlap(http: Http, five: list[dict[str, str]]) -> None:
    first = http.listed("/v2/orders?status=all&limit=2")
    second = http.listed(f"/v2/orders?status=all&limit=2&before_order_id={first[-1]['id']}")
    newer = http.listed(f"/v2/orders?status=all&after_order_id={second[0]['id']}")

    assert (ids(first), ids(second), ids(newer)) == (["e", "d"], ["c", "b"], ["e", "d"])
    assert len(five) == 5


@pytest.mark.parametrize(
    "query", ["status=some", "limit=0", "limit=many", "direction=up", "after=yesterday", "nested=perhaps"]
)
def test_a_filter_that_means_nothing_is_refused(http: Http, query: str) -> None:
    name = query.partition("=")[0]

    assert http.get(f"/v2/orders?{query}") == (422, {"code": 40010001, "message": f"invalid {name}"})


def test_a_held_stop_is_not_among_the_open_orders_unless_nested(http: Http) -> None:
    http.placed(**bracket(limit_price="100.02"))
    flat = http.listed("/v2/orders")
    nested = http.listed("/v2/orders?nested=true")

    assert [(o["type"], o["status"]) for o in flat] == [("limit", "new")]
    assert [(o["status"], [leg["status"] for leg in o["legs"]]) for o in nested] == [("filled", ["new", "held"])]


def test_legs_are_listed_alone_when_not_nested(http: Http) -> None:
    http.placed(**bracket())
    flat = http.listed("/v2/orders?status=all")

    assert [(o["type"], o["legs"]) for o in flat] == [("stop", None), ("limit", None), ("limit", None)]


def test_alpaca_py_pages_through_everything(client: TradingClient, five: list[dict[str, str]]) -> None:
    asked = GetOrdersRequest(status=QueryOrderStatus.ALL, limit=2, side=OrderSide.BUY, nested=True)
    page: Any = client.get_orders(asked)
    seen = []
    while page:
        seen += [o.client_order_id for o in page]
        page = client.get_orders(asked.model_copy(update={"until": page[-1].submitted_at}))

    assert seen == ["e", "d", "c", "b", "a"]
    assert len(five) == 5
