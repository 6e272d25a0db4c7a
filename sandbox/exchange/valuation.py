"""What the holdings of an account are worth: each is priced once, for as long as no price can have moved.

An order asks for the worth of everything held, and an account may hold thousands of symbols. So a trade costs the
pricing of what it moved, and a new second the pricing of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from sandbox.exchange.orders import ZERO
from sandbox.exchange.portfolio import Position


class Prices(Protocol):
    """What holdings are priced with."""

    def stamp(self) -> object:
        """Something equal for as long as no price can have moved."""

    def of(self, position: Position) -> Decimal:
        """What one share of a holding is worth, USD."""


@dataclass(slots=True)
class Valuation:
    """Market values in USD: `long` of what is held, `short` (negative) of what is owed."""

    long: Decimal = ZERO
    short: Decimal = ZERO
    _worths: dict[str, Decimal] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)
    _stamp: object = None

    @property
    def net(self) -> Decimal:
        """What everything would bring, USD."""
        return self.long + self.short

    @property
    def gross(self) -> Decimal:
        """What is at stake, USD."""
        return self.long - self.short

    def moved(self, symbol: str) -> None:
        """Note that something was traded."""
        self._moved.add(symbol)

    def forget(self) -> None:
        """Price everything again."""
        self._stamp = None

    def most(self) -> Decimal:
        """The holding that is worth the most or the least, its sign aside."""
        return max(map(abs, self._worths.values()), default=ZERO)

    def bring_up_to_date(self, positions: Mapping[str, Position], prices: Prices) -> None:
        """Price what has moved since the last time."""
        stamp = prices.stamp()
        if stamp != self._stamp:
            self.long = self.short = ZERO
            self._worths.clear()
            self._moved.update(positions)
            self._stamp = stamp
        while self._moved:
            symbol = self._moved.pop()
            position = positions.get(symbol)
            self._enter(symbol, None if position is None else position.worth(prices.of(position)))

    def _enter(self, symbol: str, worth: Decimal | None) -> None:
        before, after = self._worths.pop(symbol, ZERO), worth or ZERO
        if worth is not None:
            self._worths[symbol] = worth
        self.long += max(after, ZERO) - max(before, ZERO)
        self.short += min(after, ZERO) - min(before, ZERO)
