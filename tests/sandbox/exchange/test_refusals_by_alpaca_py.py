"""Refusals as unmodified alpaca-py reads them."""

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, StopLossRequest, TakeProfitRequest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import Http, limit

SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"
BRACKET = {"order_class": OrderClass.BRACKET}
STOP = StopLossRequest(stop_price=600)
REFUSED = {
    "a sub-penny leg": (
        {"take_profit": TakeProfitRequest(limit_price=699.7462), "stop_loss": STOP, **BRACKET},
        (422, 42210000, f"invalid take_profit.limit_price 699.7462. {SUB_PENNY}"),
    ),
    "too little money": ({"qty": 5_000}, (403, 40310000, "insufficient buying power")),
    "an id used twice": ({"client_order_id": "taken"}, (422, 40010001, "client_order_id must be unique")),
    "a fractional bracket": (
        {"qty": 1.5, "take_profit": TakeProfitRequest(limit_price=800), "stop_loss": STOP, **BRACKET},
        (422, 42210000, "fractional orders must be simple orders"),
    ),
    "an unknown symbol": ({"symbol": "NOSUCH"}, (422, 42210000, 'asset "NOSUCH" not found')),
    "a fraction good till canceled": (
        {"qty": 1.5, "time_in_force": TimeInForce.GTC},
        (422, 42210000, "fractional orders must be DAY orders"),
    ),
}


@pytest.mark.parametrize(("fields", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_alpaca_py_reads_a_refusal_as_it_reads_the_brokers(
    client: TradingClient, http: Http, fields: dict[str, object], expected: tuple[int, int, str]
) -> None:
    http.placed(**limit(client_order_id="taken"))
    order = {"symbol": "NFLX", "qty": 1, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, "limit_price": 690}

    with pytest.raises(APIError) as refused:
        client.submit_order(LimitOrderRequest(**{**order, **fields}))

    assert (refused.value.status_code, refused.value.code, refused.value.message) == expected


def test_alpaca_py_posts_again_after_a_gateway_error_and_the_id_keeps_it_single(
    exchange: Running, client: TradingClient, http: Http
) -> None:
    exchange.fault(kind="504-html", applied=True)
    client._retry_wait = 0  # otherwise three seconds

    with pytest.raises(APIError) as refused:
        client.submit_order(
            LimitOrderRequest(
                symbol="AAPL",
                qty=1,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.DAY,
                limit_price=90,
                client_order_id="single",
            )
        )

    # The library posts again after a 504: what it then hears is that its own id is taken.
    assert refused.value.message == "client_order_id must be unique"
    assert [order["client_order_id"] for order in http.listed("/v2/orders")] == ["single"]
