"""What an account may order: its money, its shares, its other orders. Reads, never changes."""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from sandbox.exchange import rules, sessions
from sandbox.exchange.account import MARGIN_EQUITY, Account
from sandbox.exchange.assets import Asset
from sandbox.exchange.book import Book
from sandbox.exchange.config import Settings
from sandbox.exchange.errors import RULE, Refusal, Refused, refusal, refuse, refuse_as
from sandbox.exchange.market import Quote
from sandbox.exchange.orders import (
    ZERO,
    Intent,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)
from sandbox.exchange.sessions import Phase
from sandbox.exchange.text import plain
from sandbox.exchange.valuation import Prices

SHORT_MARK_UP = Decimal("1.03")  # a short is valued at max(limit, 1.03 x ask)
_NEAR, _FAR = Decimal("1.04"), Decimal("1.025")  # buy stops become stop-limits this far above
_FIFTY = Decimal(50)
_MINIMUM = Decimal(1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What admission looks at: the account, the books, the market at one moment (ns UTC)."""

    account: Account
    book: Book
    settings: Settings
    now: int
    prices: Prices

    @property
    def buying_power(self) -> Decimal:
        """What may still be spent, USD."""
        return self.account.buying_power(self.prices)


@dataclass(frozen=True, slots=True)
class Admission:
    """What admission found out: the intent, USD kept back per share, and shares of what it covers."""

    intent: Intent
    unit_hold: Decimal
    converted_limit: Decimal | None
    covers: str | None = None
    unit_shares: Decimal = ZERO


def admit(standing: Standing, request: OrderRequest, asset: Asset, quote: Quote) -> Admission:
    """Let a well-formed stock order in, or raise Refused with the rule it breaks."""
    side = request.side or Side.BUY
    intent = infer_intent(standing.account.qty(asset.symbol), side, request.order_class)
    closing = intent.endswith("close")
    check_asset(request, asset, closing=closing)
    _check_configurations(standing, request)
    rules.check_legs(request, quote.last)
    if request.position_intent not in (None, intent):
        raise refuse("position_intent", inferred=intent, specified=request.position_intent)
    if closing and request.order_class in (OrderClass.BRACKET, OrderClass.OTO):
        raise refuse("must_be_entry", order_class=request.order_class)
    unit = unit_cost(request, quote, standing.now)
    if closing:
        check_wash(standing, request, asset.symbol)
        _check_off_hours(standing, request, asset.symbol)
        check_shares(standing, asset, request.qty or (request.notional or ZERO) / quote.bid)
    else:
        _check_opening(standing, request, asset, unit)
    return Admission(intent, ZERO if closing else unit, converted_stop(request, standing.now))


def infer_intent(held: Decimal, side: Side, order_class: OrderClass) -> Intent:
    """Tell what an order does to the position held; an OCO only ever closes."""
    if side is Side.BUY:
        closes = held < 0 or order_class is OrderClass.OCO
        return Intent.BUY_TO_CLOSE if closes else Intent.BUY_TO_OPEN
    closes = held > 0 or order_class is OrderClass.OCO
    return Intent.SELL_TO_CLOSE if closes else Intent.SELL_TO_OPEN


def check_account(account: Account) -> None:
    """Refuse an account that may not trade at all."""
    if account.trading_blocked or account.suspended:
        raise refuse("may_not_trade")


def check_client_order_id(standing: Standing, given: str | None) -> None:
    """Refuse an id this account has used before (422 / 40010001), unless that is switched off."""
    if given is None or not standing.settings.unique_client_order_ids:
        return
    known = standing.book.account(standing.account.number).by_client_id.get(given)
    if known is None:
        return
    reusable = standing.settings.reuse_client_order_id_after_cancel
    if not (reusable and standing.book.orders[known].final):
        raise refuse("client_order_id_taken")


def check_asset(request: OrderRequest, asset: Asset, *, closing: bool) -> None:
    """Refuse what the asset itself does not allow."""
    if not asset.active:
        raise refuse("asset_not_active", symbol=asset.symbol)
    if not asset.tradable and not closing:
        raise refuse("asset_not_tradable", symbol=asset.symbol)
    if asset.ipo and request.type is not OrderType.LIMIT:
        raise refuse("asset_ipo", symbol=asset.symbol)
    if request.fractional and not asset.fractionable:
        raise refuse("not_fractionable", symbol=asset.symbol)


def _check_configurations(standing: Standing, request: OrderRequest) -> None:
    """Refuse what the account has forbidden itself."""
    account = standing.account
    if request.fractional and not account.configurations.get("fractional_trading", True):
        raise refuse("may_not_trade_fractions")
    overnight = request.extended_hours and sessions.is_overnight(standing.now)
    if overnight and account.allows("disable_overnight_trading"):
        raise refuse("may_not_trade_overnight")


def _check_off_hours(standing: Standing, request: OrderRequest, symbol: str) -> None:
    """Refuse a second exit that could sell too much at the next opening: amounts are not shares yet.

    Source: "Orders at Alpaca", the sequences of sales outside of market hours.
    """
    if sessions.phase(standing.now) is Phase.CORE or request.side is None:
        return
    waiting = standing.book.priceless(standing.account.number, symbol, request.side)
    by_amount = any(order.notional is not None for order in waiting)
    if by_amount or (request.notional is not None and standing.account.related(symbol)):
        raise refuse("notional_off_hours")


def _check_opening(standing: Standing, request: OrderRequest, asset: Asset, unit: Decimal) -> None:
    if request.side is Side.SELL:
        _check_short(standing, request, asset)
    if asset.partnership and not standing.account.allows("ptp_no_exception_entry"):
        raise refuse("may_not_trade_partnerships", symbol=asset.symbol)
    check_may_open(standing, request.side, asset.symbol)
    check_wash(standing, request, asset.symbol)
    cost = request.notional if request.notional is not None else unit * (request.qty or ZERO)
    if request.fractional and cost < _MINIMUM:
        raise refuse("cost_basis_minimum")
    check_money(standing, cost)


def _check_short(standing: Standing, request: OrderRequest, asset: Asset) -> None:
    if request.fractional:
        raise refuse("fractional_short")
    if not asset.shortable:
        raise refuse("not_shortable", symbol=asset.symbol)
    account = standing.account
    blocked = not account.shorting_enabled or account.allows("no_shorting")
    if blocked or account.equity(standing.prices) < MARGIN_EQUITY:
        raise refuse("may_not_short")
    if not asset.easy_to_borrow and request.tif is not TimeInForce.DAY:
        raise refuse("hard_to_borrow_tif", symbol=asset.symbol)
    if not asset.easy_to_borrow and standing.settings.locates_required:
        _check_located(standing, asset.symbol, request.qty or ZERO)


def _check_located(standing: Standing, symbol: str, requested: Decimal) -> None:
    """Refuse to sell more of a hard-to-borrow stock short than was located for today."""
    account, book = standing.account, standing.book
    waiting = book.account(account.number).opening.get((symbol, Side.SELL), {})
    sold = max(ZERO, -account.qty(symbol)) + sum((book.orders[order].remaining for order in waiting), ZERO)
    available = max(ZERO, account.located(symbol, standing.now) - sold)
    if requested > available:
        raise refuse("not_located", symbol=symbol, requested=plain(requested), available=plain(available))


def check_may_open(standing: Standing, side: Side | None, symbol: str) -> None:
    """Refuse to open anything for a closing-only account, or against an opposite opening order."""
    account = standing.account
    if account.closing_only or account.concentrated(standing.prices):
        raise refuse("closing_only")
    margin_code = standing.settings.intraday_margin_code
    if margin_code:
        raise refuse_as("intraday_margin", code=margin_code)
    if standing.settings.pattern_day_trading:
        # Retired on 2026-06-04; clients keep a branch for it, and the switch lets them try it.
        raise refuse("pattern_day_trading")
    side = side or Side.BUY
    opening = standing.book.account(account.number).opening
    if opening.get((symbol, side.opposite)):
        raise refuse("long_while_short" if side is Side.BUY else "short_while_long")


def check_wash(standing: Standing, request: OrderRequest, symbol: str) -> None:
    """Refuse an order that could trade with the account's own (paper enforces it too).

    Complex and trailing orders are exempt, new and resting alike. Source: user protection.
    """
    exempt = request.order_class is not OrderClass.SIMPLE
    if exempt or request.type is OrderType.TRAILING_STOP or request.side is None:
        return
    number = standing.account.number
    met = standing.book.crossing(number, request.side, symbol, request.limit_price)
    if met is not None:
        raise Refused(_wash(met, standing.settings.wash_trade_status))


def _wash(met: Order, status: int) -> Refusal:
    kind = "limit" if met.type is OrderType.STOP_LIMIT else met.type
    words = {"existing_order_id": met.id, "reject_reason": f"opposite side {kind} order exists"}
    found = refusal("wash_trade", words)
    # One 2024 report has this refusal as 422 / 42210000: a named switch, see docs.
    return found if status == found.http else replace(found, http=status, code=RULE)


def check_shares(standing: Standing, asset: Asset, requested: Decimal) -> None:
    """Refuse to close more than is held and free."""
    account, symbol = standing.account, asset.symbol
    held = account.held(symbol)
    owned = abs(account.qty(symbol))
    available = owned - held
    if requested <= available:
        return
    extra = {
        "available": plain(available),
        "existing_qty": plain(owned),
        "held_for_orders": plain(held),
        "related_orders": account.related(symbol),
        "symbol": symbol,
    }
    words = {"requested": plain(requested), "available": plain(available)}
    raise Refused(refusal("qty_available", extra, **words))


def check_money(standing: Standing, cost: Decimal) -> None:
    """Refuse to spend more than the buying power; both numbers stand in the body."""
    available = standing.buying_power
    if cost > available:
        extra = {"buying_power": money(available), "cost_basis": money(cost)}
        raise Refused(refusal("buying_power", extra))


def check_options_money(standing: Standing, cost: Decimal) -> None:
    """Refuse to spend more than the options buying power, which knows no margin."""
    available = standing.account.free_cash(standing.prices)
    if cost > available:
        words = {"required": money(cost), "available": money(available)}
        extra = {"options_buying_power": words["available"], "cost_basis": words["required"]}
        raise Refused(refusal("option_power", extra, **words))


def money(value: Decimal) -> str:
    """Write USD in full cents, rounded down."""
    return plain(value.quantize(Decimal("0.01"), rounding=ROUND_DOWN))


def unit_cost(request: OrderRequest, quote: Quote, now: int) -> Decimal:
    """Tell what one share will cost at most: the limit, or the market's far side.

    Core hours: far side of the quote; extended: midpoint; closed: last trade.
    """
    limit = request.limit_price or converted_stop(request, now)
    if request.side is Side.SELL:
        return max(limit or ZERO, SHORT_MARK_UP * quote.ask)
    if limit is not None:
        return limit
    here = sessions.phase(now)
    if here is Phase.CORE:
        return quote.ask
    return quote.middle if here is Phase.EXTENDED else quote.last


def converted_stop(request: OrderRequest, now: int) -> Decimal | None:
    """Give the limit a request's buy stop is converted to."""
    return converted(request.type, request.side, request.stop_price, now)


def converted(kind: OrderType | None, side: Side | None, stop: Decimal | None, now: int) -> Decimal | None:
    """Give the limit a buy stop is converted to: +4 % below 50 USD, +2.5 % from there."""
    if stop is None or kind is not OrderType.STOP or side is not Side.BUY:
        return None
    limit = stop * (_NEAR if stop < _FIFTY else _FAR)
    return limit.quantize(rules.tick(limit, sessions.eastern_day(now)))
