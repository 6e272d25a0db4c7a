"""The broker's truth as values: what the gates look at."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Self

from dispatcher.core.held import Flight, Holdings, InFlight
from dispatcher.core.positions.instrument import contract


@dataclass(frozen=True, slots=True)
class Account:
    """The account at the broker. Amounts in USD."""

    number: str
    equity: Decimal
    last_equity: Decimal
    """At the last close."""
    buying_power: Decimal
    blocked: bool
    options_level: int | None = None
    """What the broker has approved: 2 buys options, 3 trades spreads. None where it does not say."""
    options_buying_power: Decimal | None = None
    """For options, which are paid in full. None where the broker does not say."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's regular session; open and close are aware datetimes, half days included."""

    day: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask, in USD; zero where a side is missing."""

    bid: Decimal
    ask: Decimal

    @property
    def two_sided(self) -> bool:
        """Whether both sides exist and do not cross."""
        return 0 < self.bid <= self.ask


@dataclass(frozen=True, slots=True)
class Asset:
    """What the broker says of a symbol. `shortable` is true only when it is easy to borrow."""

    symbol: str
    tradable: bool
    shortable: bool


@dataclass(frozen=True, slots=True)
class History:
    """Our own entries in one symbol on this trading day."""

    orders: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The account, what it holds and what it has open, read from the broker at `taken_at` (the broker's clock).

    `session` is today's, None on a day without one. `flight` are our orders since the snapshot.
    """

    taken_at: datetime
    account: Account
    session: Session | None
    holdings: Holdings
    flight: Flight = field(default_factory=Flight)

    def joined(self, recommendation_id: int, order: InFlight) -> Self:
        """With one more order of ours in flight."""
        return replace(self, flight=self.flight.joined(self.holdings, recommendation_id, order))

    @property
    def buying_power(self) -> Decimal:
        """USD, less our own orders in flight."""
        return self.account.buying_power - self.flight.cost

    @property
    def options_buying_power(self) -> Decimal | None:
        """USD for options, less our own orders in flight; None where the broker does not say."""
        power = self.account.options_buying_power
        return None if power is None else power - self.flight.cost

    @property
    def exposure(self) -> Decimal:
        """USD: held at what can still be lost, resting and in flight at cost."""
        return self.holdings.exposure + self.flight.cost

    @property
    def positions(self) -> int:
        """How many are held, and may come of what rests and is in flight."""
        return len(self.holdings.held) + len(self.holdings.opening) + len(self.flight.opening)

    @property
    def symbols(self) -> frozenset[str]:
        """Where anything is held, rests or is in flight."""
        return self.holdings.symbols | self.flight.symbols

    @property
    def loss_today(self) -> Decimal:
        """USD since the last close; negative is a gain."""
        return self.account.last_equity - self.account.equity

    def occupied(self, symbol: str) -> str | None:
        """What already stands in the symbol, in words; None when nothing does."""
        held = self.holdings.positions.get(symbol)
        if held is not None:
            return f"position of {held.quantity}"
        if symbol in self.holdings.symbols:
            return "an open order"
        if symbol in self.flight.symbols:
            return "an order of ours in flight"
        return None

    def occupied_by_options(self, underlying: str) -> str | None:
        """What stands in the options of the underlying, in words; None when nothing does."""
        root = underlying.replace(".", "")
        held = (contract(symbol) for symbol in sorted(self.symbols))
        theirs = next((each for each in held if each is not None and each.underlying == root), None)
        if theirs is None:
            return None
        kind = "call" if theirs.call else "put"
        return f"a {kind} at {theirs.strike} of {theirs.expires}, held, open or in flight"


@dataclass(frozen=True, slots=True)
class Market:
    """What the market and the broker say of one symbol. `asset` None: the broker does not know it."""

    quote: Quote | None
    asset: Asset | None
