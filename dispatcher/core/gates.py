"""Gates: pure questions with an answer, what was observed and what was allowed.

A gate never looks at the world. What it needs and does not have makes it fail: a gate that cannot be evaluated refuses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from contract.limits import Action, Limits, TradingState
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Recommendation
from dispatcher.core.standing import History, Market, Standing

CLOCK_SKEW = timedelta(seconds=5)
"""How far upstream's clock may run ahead of the broker's."""

STOCK_ACTIONS = frozenset({Action.BUY_STOCK, Action.SELL_STOCK})


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the gates may look at. `now` is the broker's clock, UTC."""

    recommendation: Recommendation
    standing: Standing
    market: Market
    history: History
    limits: Limits
    state: TradingState
    """What the account may do, by whoever allows least."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """One gate's answer. `observed` and `threshold` are text with units."""

    passed: bool
    reason: Reason
    observed: str
    threshold: str


Gate = Callable[[Case], Check]


def trading_state(case: Case) -> Check:
    """Only an ACTIVE account opens positions."""
    state = case.state
    reason = Reason.TRADING_HALTED if state is TradingState.HALTED else Reason.REDUCE_ONLY
    return Check(state is TradingState.ACTIVE, reason, state, TradingState.ACTIVE)


def action_allowed(case: Case) -> Check:
    """The account's limits name the action."""
    allowed = case.limits.allowed_actions
    action = case.recommendation.action
    return Check(action in allowed, Reason.ACTION_NOT_ALLOWED, action, ", ".join(allowed))


def fresh(case: Case) -> Check:
    """Young enough by the broker's clock."""
    return age(case.recommendation.created_at, case.limits, case.now)


def age(created_at: datetime, limits: Limits, now: datetime) -> Check:
    """The freshness of anything recommended at `created_at`; also asked before an order is sent again."""
    old = now - created_at
    most = timedelta(seconds=limits.max_recommendation_age_seconds)
    return Check(old <= most, Reason.STALE, _seconds(old), _seconds(most))


def not_from_the_future(case: Case) -> Check:
    """Created no later than now, give or take clock skew."""
    ahead = case.recommendation.created_at - case.now
    return Check(ahead <= CLOCK_SKEW, Reason.FROM_THE_FUTURE, f"{_seconds(ahead)} ahead", _seconds(CLOCK_SKEW))


def standing_current(case: Case) -> Check:
    """The broker's truth is recent enough to be believed."""
    old = case.now - case.standing.taken_at
    most = timedelta(seconds=case.limits.max_standing_age_seconds)
    return Check(old <= most, Reason.STANDING_TOO_OLD, _seconds(old), _seconds(most))


def account_open(case: Case) -> Check:
    """The broker has not blocked the account."""
    blocked = case.standing.account.blocked
    return Check(not blocked, Reason.ACCOUNT_BLOCKED, "blocked" if blocked else "open", "open")


def market_open(case: Case) -> Check:
    """Inside the declared window of today's session. The broker would queue an order for tomorrow; we do not."""
    session = case.standing.session
    if session is None:
        return Check(passed=False, reason=Reason.MARKET_CLOSED, observed="no session today", threshold="a session")
    first = session.opens + timedelta(minutes=case.limits.entry_after_open_minutes)
    last = session.closes - timedelta(minutes=case.limits.entry_before_close_minutes)
    window = f"{first:%Y-%m-%d %H:%M} to {last:%H:%M %Z}"
    return Check(first <= case.now <= last, Reason.MARKET_CLOSED, f"{case.now:%Y-%m-%d %H:%M:%S %Z}", window)


def symbol_known(case: Case) -> Check:
    """The broker knows the symbol."""
    known = case.market.asset is not None
    return Check(known, Reason.UNKNOWN_SYMBOL, case.recommendation.symbol, "a symbol of the broker")


def symbol_tradable(case: Case) -> Check:
    """The broker trades the symbol now."""
    asset = case.market.asset
    return Check(asset is not None and asset.tradable, Reason.NOT_TRADABLE, _words(asset, "tradable"), "tradable")


def symbol_shortable(case: Case) -> Check:
    """A short sale needs a symbol that is easy to borrow."""
    asset = case.market.asset
    passed = case.recommendation.action is not Action.SELL_STOCK or (asset is not None and asset.shortable)
    return Check(passed, Reason.NOT_SHORTABLE, _words(asset, "shortable"), "easy to borrow")


def symbol_free(case: Case) -> Check:
    """Nothing stands in the symbol already: no position, no open order, none of ours in flight.

    For an option that means the options of the underlying; shares beside them are another matter.
    """
    symbol = case.recommendation.symbol
    stock = case.recommendation.action in STOCK_ACTIONS
    occupied = case.standing.occupied(symbol) if stock else case.standing.occupied_by_options(symbol)
    return Check(occupied is None, Reason.DUPLICATE_POSITION, occupied or "nothing", "nothing in the symbol")


def confident(case: Case) -> Check:
    """Upstream is sure enough, for the instrument."""
    given = case.recommendation.confidence
    stock = case.recommendation.action in STOCK_ACTIONS
    least = case.limits.min_confidence_stock if stock else case.limits.min_confidence_option
    return Check(given is not None and given >= least, Reason.CONFIDENCE_TOO_LOW, str(given), str(least))


def loss_bearable(case: Case) -> Check:
    """The account has not lost its daily limit since the last close."""
    return losses(case.standing, case.limits)


def losses(standing: Standing, limits: Limits) -> Check:
    """The same, asked when nothing is recommended."""
    lost, most = standing.loss_today, limits.max_daily_loss
    return Check(lost < most, Reason.DAILY_LOSS, f"${lost:,.2f}", f"${most:,.2f}")


def positions_few(case: Case) -> Check:
    """One more position stays within the limit; what rests or is in flight may become one."""
    there, most = case.standing.positions, case.limits.max_open_positions
    return Check(there < most, Reason.TOO_MANY_POSITIONS, str(there), str(most))


def symbol_rested(case: Case) -> Check:
    """The last entry in the symbol is long enough ago."""
    least = timedelta(minutes=case.limits.symbol_cooldown_minutes)
    last = case.history.last
    observed = "no entry today" if last is None else f"{_seconds(case.now - last)} ago"
    return Check(last is None or case.now - last >= least, Reason.SYMBOL_COOLDOWN, observed, _seconds(least))


def symbol_not_overtraded(case: Case) -> Check:
    """The symbol has not had its entries for today."""
    sent, most = case.history.orders, case.limits.max_orders_per_symbol_per_day
    return Check(sent < most, Reason.SYMBOL_DAILY_LIMIT, str(sent), str(most))


def quoted(case: Case) -> Check:
    """Both sides of the quote exist and do not cross."""
    quote = case.market.quote
    passed = quote is not None and quote.two_sided
    return Check(passed, Reason.NO_QUOTE, f"bid {quote.bid}, ask {quote.ask}" if quote else "none", "0 < bid <= ask")


ENTRY_GATES: tuple[Gate, ...] = (
    trading_state,
    action_allowed,
    fresh,
    not_from_the_future,
    standing_current,
    account_open,
    market_open,
    symbol_known,
    symbol_tradable,
    symbol_shortable,
    confident,
    loss_bearable,
    symbol_free,
    symbol_rested,
    symbol_not_overtraded,
    positions_few,
    quoted,
)
"""In the order in which a refusal names them."""


def notional(cost: Decimal, case: Case) -> Check:
    """`cost` (USD) within the account's limit per order."""
    most = case.limits.max_notional_per_order
    return Check(cost <= most, Reason.NOTIONAL_TOO_LARGE, f"${cost:,.2f}", f"${most:,.2f}")


def exposure(cost: Decimal, case: Case) -> Check:
    """What is held, rests and is in flight, and this order of `cost` USD, together within the limit."""
    total, most = case.standing.exposure + cost, case.limits.max_exposure
    return Check(total <= most, Reason.EXPOSURE, f"${total:,.2f}", f"${most:,.2f}")


def buying_power(cost: Decimal, case: Case) -> Check:
    """`cost` (USD) within the broker's buying power less our own orders in flight.

    The rule: docs/broker-rules.md, "Buying power".
    """
    power = case.standing.buying_power
    return Check(cost <= power, Reason.BUYING_POWER, f"${cost:,.2f}", f"${power:,.2f}")


def refusal(checks: tuple[Check, ...]) -> Refusal | None:
    """The first check that did not pass, as a refusal."""
    failed = next((check for check in checks if not check.passed), None)
    if failed is None:
        return None
    return Refusal(failed.reason, failed.reason.meaning, failed.observed, failed.threshold)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"


def _words(asset: object | None, quality: str) -> str:
    if asset is None:
        return "unknown symbol"
    return quality if getattr(asset, quality) else f"not {quality}"
