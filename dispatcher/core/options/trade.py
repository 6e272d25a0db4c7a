"""What is to be traded: a contract alone, or a vertical spread; and what it costs and can lose at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from contract.options import Entry, Vertical
from dispatcher.core.options import combination
from dispatcher.core.options.chain import Listed
from dispatcher.core.options.combination import Part
from dispatcher.core.options.premium import Net, Premium, increment, net_no_more_than, no_more_than
from dispatcher.core.positions.instrument import SHARES_OF_A_CONTRACT


@dataclass(frozen=True, slots=True)
class Single:
    """One contract bought alone. `first` is the limit it is sent with, `bound` the highest it is ever moved to."""

    bought: Listed
    first: Premium
    bound: Premium

    @property
    def loss(self) -> Decimal:
        """USD that one contract can lose at most: all that is paid for it, at the bound."""
        return self.bound.amount * SHARES_OF_A_CONTRACT

    @property
    def cost(self) -> Decimal:
        """USD of buying power that one contract takes, at the bound."""
        return self.loss


@dataclass(frozen=True, slots=True)
class Spread:
    """One contract bought and one of the same kind and expiry sold. `first` and `bound` as of a single one."""

    bought: Listed
    sold: Listed
    first: Net
    bound: Net

    @property
    def width(self) -> Decimal:
        """USD between the strikes."""
        return abs(self.bought.contract.strike - self.sold.contract.strike)

    @property
    def loss(self) -> Decimal:
        """USD that one unit can lose at most: the debit, or the width less the credit, at the bound."""
        per_share = self.bound.amount if self.bound.amount > 0 else self.width + self.bound.amount
        return per_share * SHARES_OF_A_CONTRACT

    @property
    def cost(self) -> Decimal:
        """USD of buying power that one unit takes: the debit, at the bound, or the width."""
        parts = Part(self.bought.contract, Decimal(1)), Part(self.sold.contract, Decimal(-1))
        return combination.cost(parts, self.bound.amount)


Trade = Single | Spread


def single(listed: Listed, policy: Entry) -> Single | None:
    """The contract bought alone; None where its premium rounds to nothing.

    The first limit is the middle of the quote, on the tick. It may be moved to the far side of the quote, and not
    beyond `max_premium_above_middle`.
    """
    quote = listed.quote
    if quote is None or not listed.two_sided:
        return None
    moves = increment(listed.contract.underlying, penny=listed.penny)
    first = no_more_than(quote.middle, moves)
    bound = no_more_than(min(quote.ask, quote.middle * (1 + policy.max_premium_above_middle)), moves)
    return Single(listed, first, bound) if first is not None and bound is not None else None


def debit(bought: Listed, others: Iterable[Listed], vertical: Vertical, entry: Entry) -> Spread | None:
    """The contract bought, and one further out of the money sold; None where there is no fair one.

    The best partner is the one whose width is nearest to the target, then the one that costs less.
    """
    spreads = (_spread(bought, each, vertical, entry) for each in others if _further_out(bought, each))
    fair = [each for each in spreads if each is not None and each.first.amount > 0]
    fair = [each for each in fair if each.bound.amount <= vertical.max_debit_fraction * each.width]
    return min(fair, key=lambda each: _preference(each, vertical), default=None)


def credit(sold: Listed, others: Iterable[Listed], vertical: Vertical, entry: Entry) -> Spread | None:
    """The contract sold, and one further out of the money bought; None where there is no fair one."""
    spreads = (_spread(each, sold, vertical, entry) for each in others if _further_out(sold, each))
    fair = [each for each in spreads if each is not None and each.bound.amount < 0]
    # A credit of the whole width would lose nothing: such a quote is an error, not a gift.
    fair = [each for each in fair if -each.first.amount < each.width]
    fair = [each for each in fair if vertical.min_credit_fraction * each.width <= -each.bound.amount]
    return min(fair, key=lambda each: _preference(each, vertical), default=None)


def _preference(spread: Spread, vertical: Vertical) -> tuple[Decimal, Decimal]:
    return abs(spread.width - vertical.target_width), spread.bound.amount


def _further_out(near: Listed, far: Listed) -> bool:
    """Of the same kind and expiry, with a strike further out of the money."""
    ours, theirs = near.contract, far.contract
    same = ours.series == theirs.series
    return same and (theirs.strike > ours.strike if ours.call else theirs.strike < ours.strike)


def _spread(bought: Listed, sold: Listed, vertical: Vertical, entry: Entry) -> Spread | None:
    if bought.quote is None or sold.quote is None or not (bought.two_sided and sold.two_sided):
        return None
    if abs(bought.contract.strike - sold.contract.strike) > vertical.max_width:
        return None
    middle, far = bought.quote.middle - sold.quote.middle, bought.quote.ask - sold.quote.bid
    first = net_no_more_than(middle)
    bound = net_no_more_than(min(far, middle + abs(middle) * entry.max_premium_above_middle))
    return None if first is None or bound is None else Spread(bought, sold, first, bound)
