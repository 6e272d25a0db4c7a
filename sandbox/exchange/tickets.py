"""Write the orders a request stands for: one, or a parent with its legs. Pure but for ids."""

from collections.abc import Callable
from decimal import Decimal

from sandbox.exchange import lifetime
from sandbox.exchange.admission import Admission
from sandbox.exchange.clock import Clock
from sandbox.exchange.instruments import Instrument
from sandbox.exchange.orders import (
    Intent,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    Role,
    Side,
    Status,
    TimeInForce,
)

_AUCTIONS = (TimeInForce.OPG, TimeInForce.CLS)


def closing(symbol: str, side: Side, qty: Decimal) -> OrderRequest:
    """Write the market order that closes a position."""
    return OrderRequest(symbol, side, OrderType.MARKET, TimeInForce.DAY, qty=qty)


def write(
    request: OrderRequest,
    asset: Instrument,
    admitted: Admission,
    *,
    account: str,
    clock: Clock,
    new_id: Callable[[], str],
) -> tuple[Order, ...]:
    """Write the orders of an admitted request, the parent first."""
    head = _head(request, asset, admitted, account=account, at=clock.stamp(), new_id=new_id)
    legs = tuple(_legs(request, head, clock, new_id))
    return (head._replace(legs=tuple(leg.id for leg in legs)), *legs)


def _head(
    request: OrderRequest,
    asset: Instrument,
    admitted: Admission,
    *,
    account: str,
    at: int,
    new_id: Callable[[], str],
) -> Order:
    oco = request.order_class is OrderClass.OCO
    extended = request.extended_hours
    order_id = new_id()
    return Order(
        id=order_id,
        seq=at,
        account=account,
        client_order_id=request.client_order_id or new_id(),
        asset_id=asset.id,
        asset_class=asset.asset_class,
        multiplier=asset.multiplier,
        symbol=asset.symbol,
        side=request.side,
        type=request.type,
        tif=request.tif,
        order_class=request.order_class,
        role=Role.TAKE_PROFIT if oco else Role.ENTRY,
        status=lifetime.first_status(request.tif, at, extended=extended),
        created_at=at,
        updated_at=at,
        submitted_at=at,
        expires_at=lifetime.expires_at(request.tif, at, extended=extended),
        qty=request.qty,
        notional=request.notional,
        limit_price=request.take_profit if oco else request.limit_price,
        stop_price=request.stop_price,
        trail_price=request.trail_price,
        trail_percent=request.trail_percent,
        extended_hours=extended,
        position_intent=admitted.intent,
        unit_hold=admitted.unit_hold,
        unit_shares=admitted.unit_shares,
        covers=admitted.covers,
        armed=request.tif not in _AUCTIONS,
        converted_limit=admitted.converted_limit,
    )


def _legs(request: OrderRequest, head: Order, clock: Clock, new_id: Callable[[], str]) -> list[Order]:
    oco = request.order_class is OrderClass.OCO
    legs = []
    if request.take_profit is not None and not oco:
        profit = _leg(head, Role.TAKE_PROFIT, clock.stamp(), new_id, limit=request.take_profit)
        legs.append(profit)
    if request.stop_loss is not None:
        limit, stop = request.stop_loss_limit, request.stop_loss
        leg = _leg(head, Role.STOP_LOSS, clock.stamp(), new_id, limit=limit, stop=stop)
        # An OCO's stop watches the market from the start; an entry's legs wait for the entry.
        legs.append(leg._replace(armed=oco))
    return legs


def _leg(
    head: Order,
    role: Role,
    at: int,
    new_id: Callable[[], str],
    *,
    limit: Decimal | None,
    stop: Decimal | None = None,
) -> Order:
    exits = role is Role.STOP_LOSS and head.role is Role.TAKE_PROFIT
    side = head.side if exits or head.side is None else head.side.opposite
    return head._replace(
        id=new_id(),
        seq=at,
        client_order_id=new_id(),
        side=side,
        type=_leg_type(limit, stop),
        role=role,
        status=Status.HELD,
        created_at=at,
        updated_at=at,
        submitted_at=at,
        limit_price=limit,
        stop_price=stop,
        position_intent=Intent.BUY_TO_CLOSE if side is Side.BUY else Intent.SELL_TO_CLOSE,
        parent=head.id,
        armed=False,
        converted_limit=None,
    )


def _leg_type(limit: Decimal | None, stop: Decimal | None) -> OrderType:
    if stop is None:
        return OrderType.LIMIT
    return OrderType.STOP if limit is None else OrderType.STOP_LIMIT
