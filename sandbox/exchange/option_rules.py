"""The rules for option orders: what one may look like, and what an account may do with it.

Sources: the options trading overview's error tables for the words; options levels and
increments as documented. Where the documents contradict each other a setting decides.
"""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from math import gcd

from sandbox.exchange import collateral, sessions
from sandbox.exchange.admission import Standing, money
from sandbox.exchange.assets import Asset
from sandbox.exchange.collateral import Need
from sandbox.exchange.config import Settings
from sandbox.exchange.contracts import MULTIPLIER, Contract, Kind
from sandbox.exchange.errors import Refused, refusal, refuse
from sandbox.exchange.instruments import Instrument, Instruments
from sandbox.exchange.market import Quote
from sandbox.exchange.option_pricing import tick_of
from sandbox.exchange.orders import (
    ZERO,
    Intent,
    LegRequest,
    OrderClass,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)
from sandbox.exchange.portfolio import Hold
from sandbox.exchange.rules import digits
from sandbox.exchange.text import plain

_PLAIN_TYPES = (OrderType.MARKET, OrderType.LIMIT)
_STOP_TYPES = (OrderType.STOP, OrderType.STOP_LIMIT)
_DECIMALS = 2
_LEGS = range(2, 5)
SELLER, BUYER, SPREADER = 1, 2, 3  # levels: covered calls and secured puts, long options, spreads


Leg = tuple[LegRequest, Instrument]
_NOTHING = Hold()


@dataclass(frozen=True, slots=True)
class Trade:
    """Contracts that would change hands: the contract, how many (negative: sold), the intent."""

    contract: Contract
    change: Decimal
    intent: Intent

    @property
    def opens(self) -> bool:
        """Whether it opens or enlarges a position."""
        return self.intent in (Intent.BUY_TO_OPEN, Intent.SELL_TO_OPEN)


def check_single(request: OrderRequest, contract: Contract, settings: Settings, now: int) -> None:
    """Refuse a single-leg option order whose own words break a rule."""
    if request.order_class is not OrderClass.SIMPLE or request.take_profit or request.stop_loss:
        raise refuse("option_complex")
    if request.notional is not None:
        raise refuse("option_notional")
    _check_qty(request.qty)
    _check_terms(request, settings, now)
    check_price(request.limit_price, contract, settings)
    check_price(request.stop_price, contract, settings)


def _check_qty(qty: Decimal | None) -> None:
    if qty is None:
        raise refuse("qty_or_notional")
    if qty != qty.to_integral_value():
        raise refuse("option_qty")


def _check_terms(request: OrderRequest, settings: Settings, now: int) -> None:
    tifs = {TimeInForce.DAY} | ({TimeInForce.GTC} if settings.options_gtc else set())
    types = _PLAIN_TYPES + (_STOP_TYPES if settings.options_stops else ())
    if request.tif not in tifs:
        raise refuse("option_tif")
    if request.type not in types:
        raise refuse("option_type")
    if request.extended_hours:
        raise refuse("option_extended")
    if request.type is OrderType.MARKET and not sessions.is_open(now):
        raise refuse("option_market_hours")


def check_price(price: Decimal | None, contract: Contract, settings: Settings) -> None:
    """Refuse a price that is not on the contract's increment."""
    if digits(price) > _DECIMALS:
        raise refuse("option_decimals")
    if price is None or not settings.options_increments:
        return
    tick = tick_of(contract, price)
    if price % tick:
        raise refuse("option_increment", tick=tick, symbol=contract.symbol)


def check_contract(contract: Contract, settings: Settings, now: int, *, opens: bool) -> None:
    """Refuse a contract that may not be traded (any more)."""
    if contract.ends <= now:
        raise refuse("contract_expired", symbol=contract.symbol)
    if not contract.tradable:
        raise refuse("contract_not_tradable", symbol=contract.symbol)
    cutoff = time.fromisoformat(settings.options_cutoff)
    last_day = sessions.eastern_day(now) == contract.expires
    if opens and last_day and sessions.eastern_time(now) >= cutoff:
        raise refuse("contract_expires_soon", symbol=contract.symbol)


def check_combination(request: OrderRequest, instruments: Instruments) -> list[Leg]:
    """Refuse a multi-leg order whose own words break a rule; give its legs with what they trade."""
    _check_head(request)
    if len(request.legs) not in _LEGS:
        raise refuse("mleg_legs")
    _check_ratios(request.legs)
    legs = [(leg, _leg_instrument(leg, instruments)) for leg in request.legs]
    if len({of.symbol for _, of in legs}) < len(legs):
        raise refuse("mleg_unique")
    if len({of.underlying for _, of in legs}) > 1:
        raise refuse("mleg_underlying")
    _check_shares_leg(legs)
    return legs


def _check_shares_leg(legs: list[Leg]) -> None:
    """Refuse shares that are not matched by calls on the other side: a hundred for each."""
    calls = {Side.BUY: ZERO, Side.SELL: ZERO}
    for leg, of in legs:
        if isinstance(of, Contract) and of.kind is Kind.CALL:
            calls[side_of(leg.position_intent)] += leg.ratio_qty
    for leg, of in legs:
        if isinstance(of, Asset) and leg.ratio_qty != MULTIPLIER * calls[side_of(leg.position_intent).opposite]:
            raise refuse("mleg_shares", symbol=of.symbol)


def _check_head(request: OrderRequest) -> None:
    for field in ("symbol", "side"):
        if getattr(request, field):
            raise refuse("mleg_head", field=field)
    if request.type not in _PLAIN_TYPES:
        raise refuse("mleg_type")
    if (request.type is OrderType.LIMIT) != (request.limit_price is not None):
        raise refuse("limit_needs_price" if request.limit_price is None else "market_takes_no_price")
    if request.qty is None:
        raise refuse("mleg_needs_qty")
    _check_qty(request.qty)
    check_net_price(request.limit_price)


def check_net_price(price: Decimal | None) -> None:
    """Refuse a combination's net price of more than two decimals."""
    if digits(price) > _DECIMALS:
        raise refuse("mleg_decimals")


def _check_ratios(legs: tuple[LegRequest, ...]) -> None:
    whole = all(leg.ratio_qty == leg.ratio_qty.to_integral_value() for leg in legs)
    if not whole or gcd(*(int(leg.ratio_qty) for leg in legs)) != 1:
        raise refuse("mleg_ratio")


def _leg_instrument(leg: LegRequest, instruments: Instruments) -> Instrument:
    if leg.position_intent is None:
        raise refuse("mleg_intent")
    side = side_of(leg.position_intent)
    if leg.side not in (None, side):
        raise refuse("mleg_side", side=leg.side, symbol=leg.symbol, intent=leg.position_intent)
    return instruments.find(instruments.named(leg.symbol))


def side_of(intent: Intent | None) -> Side:
    """Tell the side an intent trades on."""
    return Side.BUY if intent in (Intent.BUY_TO_OPEN, Intent.BUY_TO_CLOSE) else Side.SELL


def check_terms_of_combination(request: OrderRequest, settings: Settings, now: int) -> None:
    """Refuse what no option order may have, single or not."""
    _check_terms(request, settings, now)


def check_level(standing: Standing, trades: list[Trade]) -> None:
    """Refuse what the account's options level does not allow (403 / 40310000)."""
    level = standing.account.options_trading_level
    if len(trades) > 1:
        if level < SPREADER:
            raise refuse("option_level", level=SPREADER)
        return
    trade = trades[0]
    if trade.intent is Intent.BUY_TO_OPEN and level < BUYER:
        raise refuse("option_long" if level else "option_level", level=BUYER)
    if trade.intent is Intent.SELL_TO_OPEN and level < SELLER:
        raise refuse("option_uncovered")


def check_shares_held(standing: Standing, trade: Trade) -> None:
    """Refuse to close more contracts than are held and free."""
    account, symbol = standing.account, trade.contract.symbol
    held, owned = account.held(symbol), abs(account.qty(symbol))
    requested, available = abs(trade.change), owned - held
    if requested > available:
        extra = {
            "available": plain(available),
            "existing_qty": plain(owned),
            "held_for_orders": plain(held),
            "related_orders": account.related(symbol),
            "symbol": symbol,
        }
        raise refuse("qty_available", extra, requested=plain(requested), available=plain(available))


def check_means(
    standing: Standing,
    trades: list[Trade],
    debit: Decimal,
    instruments: Instruments,
    *,
    shares: Decimal = ZERO,
    released: Hold = _NOTHING,
) -> Need:
    """Refuse what the account cannot pay or cover; give what an open order must keep back.

    `debit` is what the trade costs in USD, negative for a credit. A credit does not help to
    cover the order that earns it. `shares` of the underlying change hands in the same order
    (negative: sold); `released` is what the order it replaces keeps back.
    """
    account = standing.account
    held = holdings(standing, instruments)
    before = collateral.needs(held)
    after = collateral.needs(merged(held, trades))
    underlying = trades[0].contract.underlying
    more_cash = collateral.total(after, underlying).cash - collateral.total(before, underlying).cash
    more_shares = collateral.total(after, underlying).shares - collateral.total(before, underlying).shares
    need = Need(max(ZERO, max(ZERO, debit) + more_cash), max(ZERO, more_shares - shares))
    free = max(ZERO, account.qty(underlying) - account.held(underlying)) + released.shares
    if need.shares > free:
        raise _uncovered(instruments, underlying, need.shares, free)
    available = account.free_cash(standing.prices) + released.cash
    if need.cash > available:
        raise _too_dear(trades, need.cash, available)
    return need


def _uncovered(instruments: Instruments, underlying: str, required: Decimal, free: Decimal) -> Refused:
    extra = {
        "available_qty": plain(free),
        "required_qty": plain(required),
        "underlying_asset_id": instruments.stock(underlying).id,
    }
    return refuse("option_covered_call", extra, required=plain(required), available=plain(free))


def _too_dear(trades: list[Trade], required: Decimal, available: Decimal) -> Refused:
    words = {"required": money(required), "available": money(available)}
    alone = len(trades) == 1 and trades[0].intent is Intent.SELL_TO_OPEN
    if alone and trades[0].contract.kind is Kind.PUT:
        extra = {"options_buying_power": words["available"], "required_options_buying_power": words["required"]}
        return Refused(refusal("option_secured_put", extra, **words))
    extra = {"options_buying_power": words["available"], "cost_basis": words["required"]}
    return Refused(refusal("option_power", extra, **words))


def holdings(standing: Standing, instruments: Instruments) -> list[collateral.Holding]:
    """List the option positions of an account."""
    held = standing.account.positions.values()
    options = ((p, instruments.find(p.symbol)) for p in held if p.asset_class == "us_option")
    return [(contract, p.qty) for p, contract in options if isinstance(contract, Contract)]


def merged(held: list[collateral.Holding], trades: list[Trade]) -> list[collateral.Holding]:
    """Give the positions as they would be after the trades."""
    after = {contract.symbol: (contract, qty) for contract, qty in held}
    for trade in trades:
        _, qty = after.get(trade.contract.symbol, (trade.contract, ZERO))
        after[trade.contract.symbol] = (trade.contract, qty + trade.change)
    return list(after.values())


def check_expiring(standing: Standing, trades: list[Trade]) -> None:
    """Refuse more contracts that expire today than the account may hold, where a limit is set."""
    limit = standing.settings.options_expiring_today_limit
    today = sessions.eastern_day(standing.now)
    due = [t for t in trades if t.opens and t.contract.expires == today]
    if not limit or not due:
        return
    requested = sum((abs(t.change) for t in due), ZERO)
    held = sum((abs(standing.account.qty(t.contract.symbol)) for t in due), ZERO)
    if requested + held > limit:
        raise refuse("option_expiring_limit", requested=plain(requested), held=plain(held), limit=limit)


def weight(ratio: Decimal, multiplier: int) -> Decimal:
    """Tell how much a leg's price counts in a combination's net price, which is per share of a contract."""
    return ratio * multiplier / MULTIPLIER


def net_price(legs: list[tuple[Side, Decimal, Quote]]) -> Decimal:
    """Give what one unit of a combination costs now per share: buys at the ask, sells at the bid."""
    return sum((counts * (quote.ask if side is Side.BUY else -quote.bid) for side, counts, quote in legs), ZERO)
