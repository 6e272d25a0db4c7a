"""From a recommendation and the standing to an intent, or to a refusal that says which gate and why."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from contract.limits import Limits, Sizing
from dispatcher.core.gates import ENTRY_GATES, Case, Check, buying_power, exposure, notional, refusal
from dispatcher.core.order import Intent, Side, entry_limit, trading_day
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Plan, Recommendation
from dispatcher.core.standing import Quote, Standing

SHORT_SALE_MARGIN = Decimal("1.03")
"""A short sale costs buying power as if sold at 3 % above the ask (docs/broker-rules.md, "Short sales")."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, with the answer of every gate that was asked. `cost` in USD of buying power."""

    checks: tuple[Check, ...]
    result: Intent | Refusal
    cost: Decimal = Decimal(0)


def decide(case: Case) -> Decision:
    """Ask every gate, make the plan where the row brought none, size it, and ask the gates that need a size."""
    checks = entry_checks(case)
    refused = refusal(checks)
    if refused is not None or case.market.quote is None:
        return Decision(checks, refused or Refusal(Reason.NO_QUOTE, Reason.NO_QUOTE.meaning))

    plan = _plan(case.recommendation, case.market.quote, case.limits.sizing)
    if isinstance(plan, Refusal):
        return Decision(checks, plan)
    return _sized(case, plan, case.market.quote, checks)


def entry_checks(case: Case) -> tuple[Check, ...]:
    """Every gate that needs neither a price nor a size."""
    return tuple(gate(case) for gate in ENTRY_GATES)


def _sized(case: Case, plan: Plan, quote: Quote, checks: tuple[Check, ...]) -> Decision:
    side = Side.BUY if case.recommendation.buys else Side.SELL
    quantity = plan.quantity if plan.quantity is not None else _quantity(plan, case.standing, case.limits)
    if quantity == 0:
        return Decision(checks, Refusal(Reason.QUANTITY_ZERO, Reason.QUANTITY_ZERO.meaning, "0 shares", "1 share"))

    limit = entry_limit(side, plan.entry, trading_day(case.now))
    if limit is None:
        return Decision(checks, Refusal(Reason.PRICE_NOT_POSITIVE, Reason.PRICE_NOT_POSITIVE.meaning, str(plan.entry)))
    value, cost = quantity * limit.amount, quantity * _price_of_a_share(side, limit.amount, quote)
    checks = (*checks, notional(value, case), exposure(value, case), buying_power(cost, case))
    intent = Intent(case.recommendation, side, quantity, plan.entry, plan.stop_loss, plan.take_profit, quote)
    return Decision(checks, refusal(checks) or intent, cost)


def _plan(recommendation: Recommendation, quote: Quote, sizing: Sizing) -> Plan | Refusal:
    """The row's own plan, or the declared policy's: the far side of the quote, k × volatility, r × risk."""
    if recommendation.plan is not None:
        return recommendation.plan
    if recommendation.volatility is None:
        return Refusal(Reason.NO_PLAN, Reason.NO_PLAN.meaning)

    sign = 1 if recommendation.buys else -1
    entry = quote.ask if recommendation.buys else quote.bid
    distance = entry * sizing.stop_volatility_multiple * recommendation.volatility * sizing.daily_volatility
    target = distance * sizing.target_risk_multiple
    return Plan(entry, entry - sign * distance, entry + sign * target, quantity=None)


def _quantity(plan: Plan, standing: Standing, limits: Limits) -> int:
    """Whole shares: risk per share decides, the account's share of equity and the notional limit cap. May be 0."""
    sizing, equity = limits.sizing, standing.account.equity
    risk = abs(plan.entry - plan.stop_loss)
    most = min(equity * sizing.max_equity_fraction, limits.max_notional_per_order) / plan.entry
    by_risk = equity * sizing.risk_fraction / risk if risk else most
    return max(0, int(min(by_risk, most).to_integral_value(ROUND_FLOOR)))


def _price_of_a_share(side: Side, entry: Decimal, quote: Quote) -> Decimal:
    """USD of buying power one share takes: a buyer's limit, a short seller's limit or 3 % above the ask."""
    return entry if side is Side.BUY else max(entry, SHORT_SALE_MARGIN * quote.ask)
