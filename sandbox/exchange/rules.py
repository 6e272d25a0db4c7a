"""The exchange's own rule table for stocks: what an order may look like. Pure.

Sources: Alpaca's "Orders at Alpaca" for increments and classes; recorded answers for the
words. Nothing here is shared with any client's price code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from sandbox.exchange.config import Settings
from sandbox.exchange.errors import Refused, refuse
from sandbox.exchange.orders import OrderClass, OrderRequest, OrderType, Side, TimeInForce

NEAREST = Decimal("0.01")  # closest a leg may stand to the base price, USD
_NOTIONAL_MINIMUM = Decimal(1)
_NOTIONAL_DIGITS, _QTY_DIGITS = 2, 9
_RESTING = (TimeInForce.DAY, TimeInForce.GTC)
_COMPLEX = (OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO)
_OPG_CLOSED = (time(9, 28), time(19))
_CLS_CLOSED = (time(15, 50), time(19))


@dataclass(frozen=True, slots=True)
class Tier:
    """From this day on, prices from `floor` USD up stand on multiples of `tick` USD."""

    since: date
    floor: Decimal
    tick: Decimal


# SEC Rule 612's half-penny tick (compliance: first business day of November 2027) applies
# to symbols chosen by their spread; it would be rows here, once Alpaca says how it names them.
TIERS = (
    Tier(date(1970, 1, 1), Decimal(1), Decimal("0.01")),
    Tier(date(1970, 1, 1), Decimal(0), Decimal("0.0001")),
)


def tick(price: Decimal, on: date) -> Decimal:
    """Give the minimum price increment in USD for a price of a stock on a day."""
    return next(t.tick for t in TIERS if t.since <= on and price >= t.floor)


def on_tick(price: Decimal, on: date) -> bool:
    """Tell whether a price is a multiple of its own tier's increment."""
    return price % tick(price, on) == 0


def check_increments(prices: Iterator[tuple[str, Decimal | None]], on: date) -> None:
    """Refuse the first price that is not on its tick, naming its field (422 / 42210000)."""
    for field, price in prices:
        if price is not None and not on_tick(price, on):
            raise refuse("sub_penny", field=field, value=price)


def prices_of(request: OrderRequest) -> Iterator[tuple[str, Decimal | None]]:
    """Name every price of a request as it is named in the body."""
    yield "limit_price", request.limit_price
    yield "stop_price", request.stop_price
    yield "trail_price", request.trail_price
    yield "take_profit.limit_price", request.take_profit
    yield "stop_loss.stop_price", request.stop_loss
    yield "stop_loss.limit_price", request.stop_loss_limit


def check(request: OrderRequest, settings: Settings, on: date, at: time) -> None:
    """Refuse a stock order whose own words break a rule; `on` and `at` are Eastern."""
    _check_amount(request, settings)
    _check_type(request)
    _check_class(request, settings)
    _check_time_in_force(request, settings, at)
    _check_fraction(request)
    check_increments(prices_of(request), on)


def _check_amount(request: OrderRequest, settings: Settings) -> None:
    if request.qty is None and request.notional is None:
        raise refuse("qty_or_notional")
    if request.qty is not None and request.notional is not None:
        raise refuse("qty_and_notional")
    if digits(request.qty) > _QTY_DIGITS:
        raise refuse("qty_decimals")
    if digits(request.notional) > _NOTIONAL_DIGITS:
        raise refuse("notional_decimals")
    if request.notional is not None and request.notional < _NOTIONAL_MINIMUM:
        raise refuse("notional_minimum" if settings.minimum_notional_status == 422 else "cost_basis_minimum")  # noqa: PLR2004


def digits(value: Decimal | None) -> int:
    """Count the digits after the point that matter."""
    if value is None:
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _check_type(request: OrderRequest) -> None:
    broken = _PRICED[request.type](request)
    if broken:
        raise refuse(broken)


def _market(request: OrderRequest) -> str | None:
    priced = request.limit_price is not None or request.stop_price is not None
    return "market_takes_no_price" if priced else None


def _limit(request: OrderRequest) -> str | None:
    if request.stop_price is not None:
        return "limit_takes_no_stop"
    oco = request.order_class is OrderClass.OCO  # its price stands in take_profit
    return "limit_needs_price" if request.limit_price is None and not oco else None


def _stop(request: OrderRequest) -> str | None:
    if request.limit_price is not None:
        return "stop_takes_no_limit"
    return "stop_needs_price" if request.stop_price is None else None


def _stop_limit(request: OrderRequest) -> str | None:
    complete = request.stop_price is not None and request.limit_price is not None
    return None if complete else "stop_limit_needs_prices"


def _trailing(request: OrderRequest) -> str | None:
    one = (request.trail_price is None) != (request.trail_percent is None)
    return None if one else "trail_needs_one"


_PRICED = {
    OrderType.MARKET: _market,
    OrderType.LIMIT: _limit,
    OrderType.STOP: _stop,
    OrderType.STOP_LIMIT: _stop_limit,
    OrderType.TRAILING_STOP: _trailing,
}


def _check_class(request: OrderRequest, settings: Settings) -> None:
    if request.order_class is OrderClass.SIMPLE:
        if request.take_profit is not None or request.stop_loss is not None:
            raise refuse("simple_takes_no_legs", order_class="simple")
        return
    if request.type is OrderType.TRAILING_STOP:
        raise refuse("trail_simple")
    if request.fractional:
        raise refuse("fractional_simple")
    _LEGS[request.order_class](request, settings)
    if request.tif not in _RESTING:
        raise refuse("complex_tif", order_class=request.order_class)
    if request.extended_hours:
        raise refuse("complex_extended")


def _check_entry(request: OrderRequest, settings: Settings) -> None:
    stop_limit = settings.bracket_stop_limit_entry and request.type is OrderType.STOP_LIMIT
    if request.type not in (OrderType.MARKET, OrderType.LIMIT) and not stop_limit:
        raise refuse("bracket_type", order_class=request.order_class)


def _check_bracket(request: OrderRequest, settings: Settings) -> None:
    _check_entry(request, settings)
    _need(request, "bracket_needs")


def _check_oco(request: OrderRequest, _: Settings) -> None:
    if request.type is not OrderType.LIMIT:
        raise refuse("oco_must_be_limit")
    _need(request, "oco_needs")


def _check_oto(request: OrderRequest, settings: Settings) -> None:
    _check_entry(request, settings)
    if (request.take_profit is None) == (request.stop_loss is None):
        raise refuse("oto_needs_one")


def _need(request: OrderRequest, row: str) -> None:
    if request.take_profit is None:
        raise refuse(row, field="take_profit.limit_price")
    if request.stop_loss is None:
        raise refuse(row, field="stop_loss.stop_price")


_LEGS = {
    OrderClass.BRACKET: _check_bracket,
    OrderClass.OCO: _check_oco,
    OrderClass.OTO: _check_oto,
}


def _check_time_in_force(request: OrderRequest, settings: Settings, at: time) -> None:
    if request.extended_hours:
        _check_extended(request, settings)
    auction = request.tif in (TimeInForce.OPG, TimeInForce.CLS)
    if auction and request.type not in (OrderType.MARKET, OrderType.LIMIT):
        raise refuse("auction_type", tif=request.tif)
    stops = request.type not in (OrderType.MARKET, OrderType.LIMIT)
    if stops and request.tif not in _RESTING:
        raise refuse("immediate_tif", type=request.type.replace("_", " "))
    _check_auction_window(request.tif, at)


def _check_extended(request: OrderRequest, settings: Settings) -> None:
    allowed = _RESTING if settings.extended_gtc else (TimeInForce.DAY,)
    if request.type is not OrderType.LIMIT or request.tif not in allowed:
        raise refuse("extended_shape" if settings.extended_gtc else "extended_day")


def _check_auction_window(tif: TimeInForce, at: time) -> None:
    if tif is TimeInForce.OPG and _OPG_CLOSED[0] <= at < _OPG_CLOSED[1]:
        raise refuse("opg_window")
    if tif is TimeInForce.CLS and _CLS_CLOSED[0] <= at < _CLS_CLOSED[1]:
        raise refuse("cls_window")


def _check_fraction(request: OrderRequest) -> None:
    if request.notional is not None and request.type is not OrderType.MARKET:
        raise refuse("notional_type")
    if not request.fractional:
        return
    if request.tif is not TimeInForce.DAY:
        raise refuse("fractional_day")
    if request.type is OrderType.TRAILING_STOP:
        raise refuse("fractional_type")


def exit_side(request: OrderRequest) -> Side:
    """Tell on which side the legs of a group stand."""
    side = request.side or Side.BUY
    return side if request.order_class is OrderClass.OCO else side.opposite


def check_legs(request: OrderRequest, market: Decimal) -> None:
    """Refuse legs that cross each other or stand too near a base price.

    The base is the entry's limit, the target of an OCO, and the current price in every case.
    `market` is that current price in USD.
    """
    if request.order_class not in _COMPLEX:
        return
    long = exit_side(request) is Side.SELL
    _check_order_of_legs(request, long=long)
    for base in _bases(request, market):
        _check_distance(request, base, long=long)


def _check_order_of_legs(request: OrderRequest, *, long: bool) -> None:
    target, stop, limit = request.take_profit, request.stop_loss, request.stop_loss_limit
    if target is not None and stop is not None and not _beyond(target, stop, long=long):
        raise refuse("legs_crossed", sign=">" if long else "<")
    if stop is not None and limit is not None and _beyond(limit, stop, long=long):
        raise refuse("stop_limit_crossed", sign="<=" if long else ">=")


def _beyond(price: Decimal, other: Decimal, *, long: bool) -> bool:
    return price > other if long else price < other


def _bases(request: OrderRequest, market: Decimal) -> Iterator[Decimal]:
    if request.order_class is OrderClass.OCO:
        if request.take_profit is not None:
            yield request.take_profit
    elif request.limit_price is not None:
        yield request.limit_price
    yield market


def _check_distance(request: OrderRequest, base: Decimal, *, long: bool) -> None:
    sign = 1 if long else -1
    stop, target = request.stop_loss, request.take_profit
    if stop is not None and (base - stop) * sign < NEAREST:
        raise _too_near("stop_too_near", base, below=long)
    entry = request.order_class is not OrderClass.OCO
    own = base == request.limit_price or request.limit_price is None
    if entry and own and target is not None and (target - base) * sign < NEAREST:
        raise _too_near("profit_too_near", base, below=not long)


def _too_near(row: str, base: Decimal, *, below: bool) -> Refused:
    sign, offset = ("<=", "-") if below else (">=", "+")
    return refuse(row, {"base_price": f"{base:f}"}, sign=sign, offset=offset)
