"""Positions, and what a fill does to one. Pure; USD and shares (or contracts)."""

from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange.orders import ZERO


@dataclass(frozen=True, slots=True)
class Position:
    """A holding; `qty` is negative when short. `cost` is what it was entered for, signed alike."""

    symbol: str
    asset_id: str
    asset_class: str
    exchange: str
    qty: Decimal
    cost: Decimal
    multiplier: int
    opened_at: int
    marginable: bool = True

    @property
    def average(self) -> Decimal:
        """Average entry price per share (per share of the underlying for an option)."""
        return self.cost / (self.qty * self.multiplier)

    def worth(self, price: Decimal) -> Decimal:
        """Market value at a price, negative when short."""
        return self.qty * price * self.multiplier


def traded(position: Position, change: Decimal, price: Decimal) -> Position:
    """Apply a trade of `change` shares (negative: sold) at a price to a holding.

    Adding keeps entry prices apart by cost; reducing takes away cost in proportion, so the
    average entry stays. A trade through zero starts anew at the trade's price.
    """
    qty = position.qty + change
    amount = change * price * position.multiplier
    if position.qty == 0 or (position.qty > 0) == (change > 0):
        cost = position.cost + amount
    elif qty == 0 or (qty > 0) == (position.qty > 0):
        cost = position.cost * qty / position.qty
    else:
        cost = qty * price * position.multiplier
    return Position(
        position.symbol,
        position.asset_id,
        position.asset_class,
        position.exchange,
        qty,
        cost,
        position.multiplier,
        position.opened_at,
        position.marginable,
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """What an open order keeps back: buying power in USD, and shares of the position."""

    cash: Decimal = ZERO
    shares: Decimal = ZERO
