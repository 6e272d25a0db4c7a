"""What several contracts in one order can cost: ours, or whatever else rests at the broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dispatcher.core.positions.instrument import SHARES_OF_A_CONTRACT, Contract

ZERO = Decimal(0)
FAR = 2
"""A price so many times the highest strike stands for every price above: only there does a naked call end."""


@dataclass(frozen=True, slots=True)
class Part:
    """One leg. `contract` None is the share itself; `ratio` is signed, bought above 0, per unit of the order.

    `opens` is false for a leg that closes a position.
    """

    contract: Contract | None
    ratio: Decimal
    opens: bool = True


def cost(parts: Sequence[Part], net: Decimal) -> Decimal:
    """USD of buying power that one unit takes at the net price (USD per share): what is paid, and the worst of its end.

    Of a debit spread that is the debit, of a credit spread the width: a credit does not pay for the order that earns
    it. What only closes costs nothing.
    """
    opened = [each for each in parts if each.opens]
    return worst(opened) + max(net, ZERO) * SHARES_OF_A_CONTRACT if opened else ZERO


def worst(parts: Sequence[Part]) -> Decimal:
    """USD that one unit owes at worst when it ends, whatever was paid for it; 0 where it can owe nothing.

    Looked at on each expiry, when later contracts still cover what ends then (docs/broker-rules.md, "Options").
    """
    ends = sorted({each.contract.expires for each in parts if each.contract is not None})
    return max((_worst([each for each in parts if _lives(each, end)]) for end in ends), default=ZERO)


def _lives(part: Part, day: date) -> bool:
    return part.contract is None or part.contract.expires >= day


def _worst(parts: Sequence[Part]) -> Decimal:
    """Between two strikes the worth is a straight line, so its lowest point is at one of them or at an end."""
    strikes = [each.contract.strike for each in parts if each.contract is not None]
    prices = (ZERO, *strikes, max(strikes) * FAR)
    return max(ZERO, *(-sum((_worth(each, price) for each in parts), ZERO) for price in prices))


def _worth(part: Part, price: Decimal) -> Decimal:
    """USD that a leg is worth at its end, at a price of the underlying; what was sold is owed."""
    if part.contract is None:
        return part.ratio * price
    inside = price - part.contract.strike if part.contract.call else part.contract.strike - price
    return part.ratio * max(inside, ZERO) * SHARES_OF_A_CONTRACT
