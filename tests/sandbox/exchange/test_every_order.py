"""Every type and class of order, sent by unmodified alpaca-py, stands as it was sent and is read back by it."""

from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from tests.sandbox.exchange.exchange_desk import Http, held

BUY = {"symbol": "AAPL", "qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
SELL = {**BUY, "side": OrderSide.SELL, "time_in_force": TimeInForce.GTC}
TARGET, STOP = TakeProfitRequest(limit_price=110), StopLossRequest(stop_price=80, limit_price=79.5)

# What is sent; type, class, prices, and the types of its legs, as they must stand.
ORDERS: dict[str, tuple[OrderRequest, tuple[str, str, dict[str, str]], list[str]]] = {
    "market": (MarketOrderRequest(**BUY), ("market", "", {}), []),
    "market by amount": (
        MarketOrderRequest(**{**BUY, "qty": None, "notional": 50}),
        ("market", "", {"notional": "50"}),
        [],
    ),
    "limit": (LimitOrderRequest(**BUY, limit_price=90), ("limit", "", {"limit_price": "90"}), []),
    "stop": (StopOrderRequest(**BUY, stop_price=110), ("stop", "", {"stop_price": "110"}), []),
    "stop-limit": (
        StopLimitOrderRequest(**BUY, stop_price=110, limit_price=111),
        ("stop_limit", "", {"stop_price": "110", "limit_price": "111"}),
        [],
    ),
    "trailing by amount": (
        TrailingStopOrderRequest(**SELL, trail_price=5),
        ("trailing_stop", "", {"trail_price": "5"}),
        [],
    ),
    "trailing by percentage": (
        TrailingStopOrderRequest(**SELL, trail_percent=2.5),
        ("trailing_stop", "", {"trail_percent": "2.5"}),
        [],
    ),
    "bracket": (
        LimitOrderRequest(**BUY, limit_price=90, order_class=OrderClass.BRACKET, take_profit=TARGET, stop_loss=STOP),
        ("limit", "bracket", {"limit_price": "90"}),
        ["limit", "stop_limit"],
    ),
    "oto": (
        LimitOrderRequest(**BUY, limit_price=90, order_class=OrderClass.OTO, take_profit=TARGET),
        ("limit", "oto", {"limit_price": "90"}),
        ["limit"],
    ),
    "oco": (
        LimitOrderRequest(**SELL, order_class=OrderClass.OCO, take_profit=TARGET, stop_loss=STOP),
        ("limit", "oco", {"limit_price": "110"}),
        ["stop_limit"],
    ),
}


@pytest.mark.parametrize(("request_", "expected", "legs"), ORDERS.values(), ids=ORDERS.keys())
def test_an_order_stands_as_it_was_sent(
    client: TradingClient,
    http: Http,
    request_: OrderRequest,
    expected: tuple[str, str, dict[str, str]],
    legs: list[str],
) -> None:
    held(http)
    sent: Any = client.submit_order(request_)
    read: Any = client.get_order_by_id(sent.id)
    raw = http.one(f"/v2/orders/{sent.id}")

    assert isinstance(read, Order)
    kind, order_class, fields = expected
    assert (raw["type"], raw["order_class"], {name: raw[name] for name in fields}) == (kind, order_class, fields)
    assert [leg.order_type for leg in read.legs or []] == legs
