"""Two contracts that are one position: a vertical spread is judged as a whole, and its short leg leaves first.

Judged alone, the long leg of a credit spread would be sold at a loss that the short one earns, and leave it uncovered.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dispatcher.core.positions.cover import Holding
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.sight import Sight

LEAST = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Spread:
    """A long and a short contract of one underlying, expiry and kind."""

    long: Holding
    short: Holding

    @property
    def entry(self) -> Decimal | None:
        """The net price it was opened at, USD per share: above 0 was paid, below 0 received. None where unknown."""
        if self.long.average_price is None or self.short.average_price is None:
            return None
        return self.long.average_price - self.short.average_price

    def sight(self, sights: Mapping[str, Sight]) -> Sight | None:
        """The quote of the whole as of one contract: what selling it brings and buying it costs, above 0.

        A spread that was paid for is worth its long leg less the short one; one that brought a credit costs the short
        leg less the long one to buy back.
        """
        long, short = sights.get(self.long.symbol), sights.get(self.short.symbol)
        if long is None or short is None:
            return None
        first, second = (long, short) if self.paid else (short, long)
        bid, ask = max(LEAST, first.bid - second.ask), max(LEAST, first.ask - second.bid)
        return Sight(bid, ask, min(long.at, short.at))

    @property
    def paid(self) -> bool:
        """Whether it was paid for; what brought a credit, or nobody knows of, is held short."""
        return self.entry is not None and self.entry > 0


def mixed(holdings: Mapping[str, Holding]) -> dict[str, Holding]:
    """Contracts that can be legs of a spread: of an underlying, expiry and kind that is held both long and short."""
    sides: dict[tuple[str, date, bool], list[Holding]] = defaultdict(list)
    for each in holdings.values():
        found = contract(each.symbol)
        if found is not None:
            sides[found.series].append(each)
    both = (each for each in sides.values() if len({held.quantity > 0 for held in each}) > 1)
    return {held.symbol: held for each in both for held in each}


def spread_of(symbol: str, holdings: Mapping[str, Holding]) -> Spread | None:
    """The spread that the contract is a leg of; None where it stands alone. The nearest strike is its partner."""
    ours, held = contract(symbol), holdings.get(symbol)
    if ours is None or held is None:
        return None
    partners = []
    for each in holdings.values():
        if each.quantity * held.quantity >= 0:
            continue
        theirs = contract(each.symbol)
        if theirs is not None and theirs.series == ours.series:
            partners.append((abs(theirs.strike - ours.strike), each))
    if not partners:
        return None
    _, partner = min(partners, key=lambda each: each[0])
    return Spread(held, partner) if held.quantity > 0 else Spread(partner, held)
