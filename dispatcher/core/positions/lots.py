"""First in, first out: what the broker's statement says of a position, added up. Nothing here is estimated.

A line without a price (an adjustment to the broker's quantity that no line explains yet) moves the quantity and leaves
the profit incomplete, and says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce

ZERO, ONE = Decimal(0), Decimal(1)
FILL = "FILL"
ADJUST = "ADJUST"
"""Ours: the broker holds a quantity that its statement does not explain, or not yet."""
ENDS = frozenset({"OPEXP", "OPEXC", "OPASN"})
"""A contract ended by expiry, exercise or assignment: it leaves at no price; shares come and go by OPTRD."""
SPLITS = frozenset({"SPLIT", "SSP"})
"""Quantity changes, money does not."""
FEES = frozenset({"FEE", "CFEE", "PTC", "PTR"})


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the broker's statement. `quantity` is the signed change; `price` and `amount` in USD.

    `amount` counts only where it is a fee: negative when it was paid.
    """

    id: str
    kind: str
    symbol: str
    quantity: Decimal
    price: Decimal | None
    amount: Decimal
    at: datetime
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of one opening. `quantity` is signed; without a price nobody told us one."""

    quantity: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Tally:
    """A position added up. `realized` in USD before `fees`; `complete` unless a price was missing.

    `cost` is what its openings were worth, USD; the proceeds for a short position. Splits made `ratio` of each share.
    """

    lots: tuple[Lot, ...] = ()
    realized: Decimal = ZERO
    cost: Decimal = ZERO
    fees: Decimal = ZERO
    complete: bool = True
    ratio: Decimal = ONE

    @property
    def quantity(self) -> Decimal:
        """What is held, signed."""
        return sum((lot.quantity for lot in self.lots), ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Average price of what is held, USD; None when nothing is, or when a lot has none."""
        quantity = self.quantity
        if quantity == 0 or any(lot.price is None for lot in self.lots):
            return None
        return sum((lot.quantity * (lot.price or ZERO) for lot in self.lots), ZERO) / quantity


def tally(movements: Iterable[Movement], multiplier: int) -> Tally:
    """Add up the movements of one symbol, oldest first; one unit stands for `multiplier` shares."""
    return reduce(lambda so_far, each: _add(so_far, each, multiplier), movements, Tally())


def _add(so_far: Tally, movement: Movement, multiplier: int) -> Tally:
    if movement.kind in FEES:
        return replace(so_far, fees=so_far.fees - movement.amount)
    if movement.kind in SPLITS:
        return _split(so_far, movement.quantity)
    return _trade(so_far, movement, multiplier)


def _split(so_far: Tally, change: Decimal) -> Tally:
    held = so_far.quantity
    if held == 0 or held + change == 0:
        return so_far
    ratio = (held + change) / held
    lots = (Lot(lot.quantity * ratio, None if lot.price is None else lot.price / ratio) for lot in so_far.lots)
    return replace(so_far, lots=tuple(lots), ratio=so_far.ratio * ratio)


def _trade(so_far: Tally, movement: Movement, multiplier: int) -> Tally:
    """Close the oldest lots first; what is left over opens one."""
    left, lots, realized, complete = movement.quantity, list(so_far.lots), so_far.realized, so_far.complete
    while left and lots and lots[0].quantity * left < 0:
        lot = lots.pop(0)
        part = min(abs(left), abs(lot.quantity)).copy_sign(lot.quantity)
        gain = _gain(lot.price, movement.price, part * multiplier)
        realized, complete = realized + (gain or ZERO), complete and gain is not None
        left += part
        if lot.quantity != part:
            lots.insert(0, replace(lot, quantity=lot.quantity - part))
    if left:
        lots.append(Lot(left, movement.price))
    cost = so_far.cost + abs(left) * (movement.price or ZERO) * multiplier
    return replace(so_far, lots=tuple(lots), realized=realized, cost=cost, complete=complete)


def _gain(opened: Decimal | None, closed: Decimal | None, units: Decimal) -> Decimal | None:
    return None if opened is None or closed is None else (closed - opened) * units
