"""What the broker tells of the contracts of an underlying, and what time and price make of each."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from dispatcher.core.order import NEW_YORK
from dispatcher.core.positions.instrument import Contract
from dispatcher.core.positions.sight import Sight

CLOSE = time(16)
"""Contracts are priced to 16:00 New York of their last day; on a half day the error is three hours of months."""
SECONDS_OF_A_YEAR = Decimal(365 * 86_400)


@dataclass(frozen=True, slots=True, order=True)
class Underlying:
    """A price of the underlying stock, USD per share: its quote, a level of it, a strike. Never a premium."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities of a premium: delta per USD of the underlying, theta in USD a day, vega per percentage point."""

    delta: Decimal
    gamma: Decimal
    theta: Decimal
    vega: Decimal


@dataclass(frozen=True, slots=True)
class Listed:
    """One contract of a chain. `quote` is in USD of premium; what the broker did not tell is None.

    `volume` is today's, `open_interest` the last close's, both in contracts. `iv` is a year's volatility (0.3 = 30 %).
    `modelled` says that volatility and greeks are ours, computed because the broker gave none.
    """

    symbol: str
    contract: Contract
    quote: Sight | None
    volume: int | None = None
    open_interest: int | None = None
    iv: Decimal | None = None
    greeks: Greeks | None = None
    tradable: bool = True
    penny: bool | None = None
    modelled: bool = False

    @property
    def two_sided(self) -> bool:
        """Whether it has a quote whose sides do not cross."""
        return self.quote is not None and 0 < self.quote.bid <= self.quote.ask


def days_left(contract: Contract, now: datetime) -> int:
    """Calendar days from today, New York's, to the contract's last day."""
    return (contract.expires - now.astimezone(NEW_YORK).date()).days


def years_left(contract: Contract, now: datetime) -> Decimal:
    """Years of 365 days to the end of the contract; 0 when it is over."""
    end = datetime.combine(contract.expires, CLOSE, NEW_YORK).astimezone(UTC)
    return max(Decimal(0), Decimal(str((end - now).total_seconds())) / SECONDS_OF_A_YEAR)


def distance(listed: Listed, spot: Underlying) -> Decimal:
    """How far the strike is from the underlying's price, as a fraction of the price."""
    return abs(listed.contract.strike - spot.amount) / spot.amount
