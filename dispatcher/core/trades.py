"""A trade that is over, as the estimates of its kind's odds need it: what it cost to open, and what it brought."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One position, or one spread, from flat to flat that an entry of ours opened. USD; times are the broker's clock.

    `cost` is what its openings were worth (× 100 for contracts), the proceeds for a short position, and of a spread
    what it could lose; `realized` is its profit from the broker's fills, first in first out, before `fees`.
    """

    symbol: str
    opened_at: datetime
    closed_at: datetime
    cost: Decimal
    realized: Decimal
    fees: Decimal

    @property
    def gain(self) -> Decimal:
        """What it brought after fees, as a fraction of its cost; below 0 is a loss."""
        return (self.realized - self.fees) / self.cost
