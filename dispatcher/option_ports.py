"""What trading in options asks of the world. It shares the exceptions of `ports`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.outcome import Outcome
from dispatcher.core.standing import Quote, Session


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a chain that is asked for: expiries and strikes, the ends included. `today` is New York's."""

    today: date
    first_expiry: date
    last_expiry: date
    lowest_strike: Decimal
    highest_strike: Decimal


class OptionBroker(Protocol):
    """The counterparty's chains. Reads raise BrokerUnavailableError."""

    def chain(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        """Every contract of the window, calls and puts, all pages of it."""

    def snapshots(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        """The same as far as quotes, volatility and greeks go, which takes fewer requests."""

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        """The latest quotes of stocks, where there are any."""

    def replace(self, broker_order_id: str, order: OptionOrder) -> Outcome:
        """Ask that the order takes the other one's place. What became of it is read from the other one."""


class OptionHistory(Protocol):
    """What the counterparty remembers. Reads raise BrokerUnavailableError."""

    def sessions(self, first: date, last: date) -> tuple[Session, ...]:
        """The sessions of two days and of those between them, the oldest first."""

    def contracts(self, underlying: str, window: Window) -> tuple[str, ...]:
        """The symbols of every contract of the window, whether it has ended or not."""

    def closes(self, symbols: tuple[str, ...], first: Session, last: Session) -> dict[str, dict[date, Decimal]]:
        """What stocks and contracts were traded at last, by symbol and day; USD per share, as it was then.

        A day on which one was not traded is not there.
        """


class Source(StrEnum):
    """Where a day's volatility is from, as it is kept."""

    SNAPSHOT = "snapshot"
    """From the day's own quotes."""
    BARS = "bars"
    """From what the broker remembers was traded on it."""
    FILE = "file"
    """From a file."""


@dataclass(frozen=True, slots=True)
class VolatilityDay:
    """One underlying's 30-day volatility on one day, as it is kept. What a file does not know is None."""

    underlying: str
    day: date
    iv: Decimal
    spot: Decimal | None = None
    near_days: Decimal | None = None
    near_iv: Decimal | None = None
    far_days: Decimal | None = None
    far_iv: Decimal | None = None
    modelled: int | None = None


class VolatilityStore(Protocol):
    """The days of volatility."""

    def underlyings(self, recommended_since: datetime) -> frozenset[str]:
        """Every underlying that has a day already, or was recommended since the moment."""

    def recorded(self, day: date) -> frozenset[str]:
        """The underlyings whose volatility of the day was taken."""

    def record(self, found: VolatilityDay, at: datetime) -> None:
        """Keep a day that was taken; the same day again replaces what was there."""

    def backfill(self, days: Sequence[VolatilityDay], source: Source, at: datetime) -> int:
        """Keep past days, all or none; how many were new. A day that is there is never overwritten."""

    def series(self, underlying: str, first: date, last: date) -> tuple[tuple[date, Decimal], ...]:
        """The days of an underlying, oldest first."""


Complete = Callable[[Listed, Underlying, Decimal, datetime], Listed]
"""Fills in volatility and greeks where the broker gave none: contract, underlying's price, interest rate, now."""
