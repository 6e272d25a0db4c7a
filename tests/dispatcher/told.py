"""What a broker tells on the wire, and the adapter that reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dispatcher.adapters.alpaca import TIMEOUTS, AlpacaBroker
from dispatcher.core.outcome import BrokerOrder
from tests.dispatcher.cases import order

KEY, SECRET = "PKNEVERSHOWN", "secret-never-shown"
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
TOLD: dict[str, Any] = {
    "id": "61e69015",
    "client_order_id": order().client_order_id,
    "status": "pending_new",
    "symbol": "AAPL",
    "side": "buy",
    "qty": "10",
    "limit_price": "200",
    "filled_qty": "0",
    "filled_avg_price": None,
    "submitted_at": "2026-11-23T15:00:00.123456789Z",
}
CALL, HIGHER = "AAPL261223C00200000", "AAPL261223C00205000"
SPREAD: dict[str, Any] = TOLD | {
    "id": "2",
    "symbol": "",
    "side": "",
    "order_class": "mleg",
    "limit_price": "1.50",
    "legs": [
        TOLD | {"id": "2a", "symbol": CALL, "ratio_qty": "1", "position_intent": "buy_to_open"},
        TOLD | {"id": "2b", "symbol": HIGHER, "side": "sell", "ratio_qty": "1", "position_intent": "sell_to_open"},
    ],
}
"""Ten units of a debit spread five dollars wide, as a nested listing shows it."""
FOUND = BrokerOrder(
    id="61e69015",
    client_order_id=order().client_order_id,
    status="pending_new",
    symbol="AAPL",
    side="buy",
    quantity=Decimal(10),
    limit_price=Decimal(200),
    submitted_at=datetime(2026, 11, 23, 15, 0, 0, 123456, tzinfo=UTC),
)


@contextmanager
def connected(
    url: str, *, key: str = KEY, secret: str = SECRET, timeouts: tuple[float, float] = TIMEOUTS
) -> Iterator[AlpacaBroker]:
    """The adapter, for the length of a `with` block."""
    broker = AlpacaBroker(key=key, secret=secret, trading_url=url, data_url=url, timeouts=timeouts)
    yield broker
    for client in (broker._trading, broker._data):
        client._session.close()


def no(code: int | None, message: str, **extra: Any) -> dict[str, Any]:
    """The broker's no."""
    return ({} if code is None else {"code": code}) | {"message": message} | extra
