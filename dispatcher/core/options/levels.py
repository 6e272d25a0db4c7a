"""The levels of the underlying that upstream plans with, and whether they lie the right way round."""

from dataclasses import dataclass
from decimal import Decimal

from contract.limits import Action
from dispatcher.core.options.chain import Underlying
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Plan
from dispatcher.core.standing import Quote

RISING = frozenset({Action.BUY_CALL, Action.SELL_PUT})
"""What gains when the underlying rises: a bought call, a sold put. The others gain when it falls."""
SOLD = frozenset({Action.SELL_CALL, Action.SELL_PUT})
"""What opens with a sold contract: a credit spread, never a naked one."""
CALLS = frozenset({Action.BUY_CALL, Action.SELL_CALL})


@dataclass(frozen=True, slots=True)
class Levels:
    """Upstream's plan for the underlying. It decides whether to enter; the premium's own policy decides the exits."""

    entry: Underlying
    stop: Underlying
    target: Underlying


def levels(plan: Plan) -> Levels:
    """The plan's prices as what they are: prices of the underlying."""
    return Levels(Underlying(plan.entry), Underlying(plan.stop_loss), Underlying(plan.take_profit))


def wrong(meant: Levels, action: Action, quote: Quote) -> Refusal | None:
    """Refuse levels that lie the wrong way round for the action, or whose stop the market has passed already."""
    stop, entry, target = meant.stop, meant.entry, meant.target
    shown = f"stop {stop.amount}, entry {entry.amount}, target {target.amount}"
    rises = action in RISING
    if not (stop < entry < target if rises else target < entry < stop):
        order = "stop < entry < target" if rises else "target < entry < stop"
        return Refusal(Reason.LEVELS_CROSSED, Reason.LEVELS_CROSSED.meaning, shown, f"{order} for {action}")
    middle = Underlying((quote.bid + quote.ask) / Decimal(2))
    if middle <= stop if rises else middle >= stop:
        observed = f"{shown}, market {middle.amount}"
        return Refusal(Reason.STOP_BEYOND_MARKET, Reason.STOP_BEYOND_MARKET.meaning, observed, "a stop ahead")
    return None
