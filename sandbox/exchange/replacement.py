"""PATCH: an order is never changed, a new one takes its place. Reads and writes, applies nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange import admission, intake, lifetime, rules, sessions
from sandbox.exchange.admission import Standing
from sandbox.exchange.clock import Clock
from sandbox.exchange.errors import refuse
from sandbox.exchange.intake import Body
from sandbox.exchange.orders import (
    ZERO,
    Order,
    OrderClass,
    OrderType,
    Role,
    Side,
    Status,
    TimeInForce,
)
from sandbox.exchange.text import plain

_REPLACEABLE = frozenset({Status.NEW, Status.PARTIALLY_FILLED, Status.HELD})
_LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


@dataclass(frozen=True, slots=True)
class Change:
    """What a PATCH asks for; None leaves a field as it is. Prices in USD."""

    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    tif: TimeInForce | None = None
    client_order_id: str | None = None


def read(body: Body) -> Change:
    """Read a PATCH body. Raises Refused with a shape error."""
    if body.get("notional") is not None:
        raise refuse("replace_notional")
    tif = intake.text(body, "time_in_force")
    if tif is not None and tif not in list(TimeInForce):
        raise refuse("field_invalid", field="time_in_force")
    qty = intake.number(body, "qty")
    if qty is not None and qty <= 0:
        raise refuse("qty_not_positive")
    return Change(
        qty=qty,
        limit_price=intake.number(body, "limit_price"),  # below zero only where a net price may be
        stop_price=intake.price(body, "stop_price"),
        trail=intake.price(body, "trail"),
        tif=None if tif is None else TimeInForce(tif),
        client_order_id=intake.client_order_id(body),
    )


def write(
    standing: Standing,
    order: Order,
    change: Change,
    *,
    clock: Clock,
    new_id: Callable[[], str],
    check_prices: Callable[[Order, Change], None],
) -> Order:
    """Write the order that replaces another, or raise Refused."""
    check_state(order)
    if change.limit_price is not None and change.limit_price <= 0:
        raise refuse("price_not_positive", field="limit_price")
    new = changed(order, change)
    check_prices(new, change)
    _check_group(standing, new)
    _check_means(standing, order, new)
    at = clock.stamp()
    limit = admission.converted(new.type, new.side, new.stop_price, at)
    unit = ZERO if new.closing else new.limit_price or limit or order.unit_hold
    return renewed(new._replace(converted_limit=limit, unit_hold=unit), change, at, new_id)


def renewed(new: Order, change: Change, at: int, new_id: Callable[[], str]) -> Order:
    """Give the changed terms a life of their own: a new id, nothing filled yet, an expiry from now on."""
    return new._replace(
        id=new_id(),
        seq=at,
        client_order_id=change.client_order_id or new_id(),
        status=Status.HELD if new.status is Status.HELD else Status.NEW,
        created_at=at,
        updated_at=at,
        submitted_at=at,
        filled_qty=ZERO,
        filled_value=ZERO,
        filled_at=None,
        replaces=new.id,
        expires_at=lifetime.expires_at(new.tif, at, extended=new.extended_hours),
    )


def check_state(order: Order) -> None:
    """Refuse to replace an order that is over, not at work yet, or of a class that allows it not."""
    if order.status is Status.REPLACED:
        raise refuse("replace_again")
    if order.status not in _REPLACEABLE:
        raise refuse("replace_state", status=order.status)
    if order.order_class is OrderClass.OTO:
        raise refuse("replace_oto")
    if order.notional is not None:
        raise refuse("replace_notional")


def changed(order: Order, change: Change) -> Order:
    """Apply the change. A part already filled stays with the old order: the new one is the rest.

    Raises Refused where nothing changes, or what such an order has not.
    """
    qty = order.qty if change.qty is None else change.qty
    if qty is not None and qty <= order.filled_qty:
        raise refuse("replace_filled")
    _check_fields(order, change)
    trail_price = order.trail_price
    trail_percent = order.trail_percent
    if change.trail is not None and trail_price is not None:
        trail_price = change.trail
    elif change.trail is not None:
        trail_percent = change.trail
    new = order._replace(
        qty=None if qty is None else qty - order.filled_qty,
        limit_price=order.limit_price if change.limit_price is None else change.limit_price,
        stop_price=change.stop_price or order.stop_price,
        trail_price=trail_price,
        trail_percent=trail_percent,
        tif=change.tif or order.tif,
    )
    if new._replace(qty=qty) == order and change.client_order_id is None:
        raise refuse("replace_nothing")
    return new


def _check_fields(order: Order, change: Change) -> None:
    if change.limit_price is not None and order.type not in _LIMITS:
        raise refuse("replace_price", type=order.type, field="limit_price")
    if change.stop_price is not None and order.type not in _STOPS:
        raise refuse("replace_price", type=order.type, field="stop_price")
    if change.trail is not None and order.type is not OrderType.TRAILING_STOP:
        raise refuse("replace_price", type=order.type, field="trail")
    if change.qty is None:
        return
    if change.qty != change.qty.to_integral_value() or order.qty != int(order.qty or 0):
        raise refuse("replace_fraction")
    if order.parent is not None:
        raise refuse("replace_leg_qty")


def _check_group(standing: Standing, new: Order) -> None:
    """Keep a group's target and stop on their own sides of each other."""
    head = standing.book.orders[new.parent] if new.parent else new
    members = [standing.book.orders[leg] for leg in head.legs]
    members = [new if member.id == new.id else member for member in members]
    head = new if head.id == new.id else head
    target = _price_of([head, *members], Role.TAKE_PROFIT)
    stop = _price_of([head, *members], Role.STOP_LOSS)
    sells = any(m.role is Role.STOP_LOSS and m.side is Side.SELL for m in members)
    if target is None or stop is None:
        return
    if (target <= stop) if sells else (target >= stop):
        raise refuse("legs_crossed", sign=">" if sells else "<")


def _price_of(members: list[Order], role: Role) -> Decimal | None:
    prices = (m.stop_price if role is Role.STOP_LOSS else m.limit_price for m in members if m.role is role)
    return next(prices, None)


def _check_means(standing: Standing, order: Order, new: Order) -> None:
    """The account must be able to pay for the larger of old and new."""
    if new.closing or new.qty is None:
        check_shares(standing, order, new)
        return
    limit = new.limit_price or new.converted_limit
    unit = max(order.unit_hold, limit or ZERO)
    more = unit * new.qty * new.multiplier - order.unit_hold * order.remaining * order.multiplier
    if more <= 0:
        return
    if new.multiplier > 1:
        admission.check_options_money(standing, more)
    else:
        admission.check_money(standing, more)


def check_stock_prices(order: Order, change: Change, now: int) -> None:
    """Refuse new prices of a stock order that are not on their tick."""
    prices = (("limit_price", change.limit_price), ("stop_price", change.stop_price))
    trail = (("trail", change.trail),) if order.trail_price is not None else ()
    rules.check_increments(iter((*prices, *trail)), sessions.eastern_day(now))


def check_shares(standing: Standing, order: Order, new: Order) -> None:
    """Refuse to close more than is held and free once the old order is gone."""
    account = standing.account
    free = abs(account.qty(order.symbol)) - account.held(order.symbol) + order.remaining
    if new.qty is not None and order.status is not Status.HELD and new.qty > free:
        raise refuse("qty_available", requested=plain(new.qty), available=plain(free))
