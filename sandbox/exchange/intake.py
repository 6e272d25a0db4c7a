"""Read a request body into an order request: shape only, every refusal as Alpaca words it.

Source of the words: alpaca's recorded 422 / 40010001 answers ("shape errors").
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NoReturn, TypeVar

from sandbox.exchange.errors import refuse
from sandbox.exchange.orders import (
    Intent,
    LegRequest,
    OrderClass,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MAGNITUDE = 15  # no price or quantity has more digits before the point
_CLIENT_ORDER_ID_LIMIT = 128
_CLASSES = {"": OrderClass.SIMPLE, "simple": OrderClass.SIMPLE} | {kind.value: kind for kind in OrderClass}

Body = Mapping[str, object]
W = TypeVar("W")


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def body(raw: bytes) -> Body:
    """Parse a JSON object; numbers keep every digit that was sent."""
    try:
        parsed = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError, ArithmeticError):
        raise refuse("body_invalid") from None
    if not isinstance(parsed, dict):
        raise refuse("body_invalid")
    return parsed


def _plain_number(given: object) -> Decimal | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, int | Decimal):
        return Decimal(given)
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        return Decimal(given)
    return None


def number(source: Body, key: str, field: str | None = None) -> Decimal | None:
    """Read a number given as JSON number or string; None when absent or null."""
    given = source.get(key)
    if given is None or given == "":
        return None
    value = _plain_number(given)
    if value is None or not value.is_finite() or abs(value.adjusted()) > _MAGNITUDE:
        raise refuse("field_invalid", field=field or key)
    return value


def price(source: Body, key: str, field: str | None = None) -> Decimal | None:
    """Read a number that must be positive when it is there."""
    value = number(source, key, field)
    if value is not None and value <= 0:
        raise refuse("price_not_positive", field=field or key)
    return value


def text(source: Body, key: str) -> str | None:
    """Read a string; None when absent, null or empty."""
    given = source.get(key)
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise refuse("field_invalid", field=key)
    return given


def flag(source: Body, key: str) -> bool:
    """Read a boolean; false when absent."""
    given = source.get(key)
    if given is None:
        return False
    if not isinstance(given, bool):
        raise refuse("field_invalid", field=key)
    return given


def _nested(source: Body, key: str) -> Body:
    given = source.get(key)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise refuse("field_invalid", field=key)
    return given


def _word(source: Body, key: str, read: Callable[[str], W], row: str) -> W | None:
    given = text(source, key)
    if given is None:
        return None
    try:
        return read(given)
    except (ValueError, KeyError):
        raise refuse(row, field=key) from None


def _legs(source: Body) -> tuple[LegRequest, ...]:
    given = source.get("legs")
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(leg, dict) for leg in given):
        raise refuse("field_invalid", field="legs")
    return tuple(_leg(leg) for leg in given)


def _leg(source: Body) -> LegRequest:
    ratio = price(source, "ratio_qty", "legs.ratio_qty")
    symbol = text(source, "symbol")
    if ratio is None:
        raise refuse("field_required", field="legs.ratio_qty")
    if symbol is None:
        raise refuse("field_required", field="legs.symbol")
    return LegRequest(
        symbol,
        ratio,
        _word(source, "side", Side, "field_invalid"),
        _word(source, "position_intent", Intent, "field_invalid"),
    )


def order_request(source: Body) -> OrderRequest:
    """Read a POST /v2/orders body. Raises Refused with a shape error."""
    order_class = _word(source, "order_class", _CLASSES.__getitem__, "field_invalid")
    request = OrderRequest(
        symbol=(text(source, "symbol") or "").upper(),
        side=_word(source, "side", Side, "field_invalid"),
        type=_required(_word(source, "type", OrderType, "order_type_invalid"), "type"),
        tif=_required(_word(source, "time_in_force", TimeInForce, "field_invalid"), "time_in_force"),
        order_class=order_class or OrderClass.SIMPLE,
        qty=_quantity(source),
        notional=price(source, "notional"),
        limit_price=_limit_price(source, order_class),
        stop_price=price(source, "stop_price"),
        trail_price=price(source, "trail_price"),
        trail_percent=price(source, "trail_percent"),
        take_profit=price(_nested(source, "take_profit"), "limit_price", "take_profit.limit_price"),
        stop_loss=price(_nested(source, "stop_loss"), "stop_price", "stop_loss.stop_price"),
        stop_loss_limit=price(_nested(source, "stop_loss"), "limit_price", "stop_loss.limit_price"),
        extended_hours=flag(source, "extended_hours"),
        client_order_id=client_order_id(source),
        position_intent=_word(source, "position_intent", Intent, "field_invalid"),
        legs=_legs(source),
    )
    if request.order_class is not OrderClass.MLEG:
        _identified(request)
    return request


def _required(value: W | None, field: str) -> W:
    if value is None:
        raise refuse("field_required", field=field)
    return value


def _limit_price(source: Body, order_class: OrderClass | None) -> Decimal | None:
    # A multi-leg order's limit is a net price: negative for a credit.
    read = number if order_class is OrderClass.MLEG else price
    return read(source, "limit_price")


def _quantity(source: Body) -> Decimal | None:
    qty = number(source, "qty")
    if qty is not None and qty <= 0:
        raise refuse("qty_not_positive")
    return qty


def client_order_id(source: Body) -> str | None:
    """Read the client's own id, at most 128 characters."""
    given = text(source, "client_order_id")
    if given is not None and len(given) > _CLIENT_ORDER_ID_LIMIT:
        raise refuse("client_order_id_long")
    return given


def _identified(request: OrderRequest) -> None:
    if not request.symbol:
        raise refuse("field_required", field="symbol")
    if request.side is None:
        raise refuse("field_required", field="side")
