"""Prices that can only lie on a tick.

The step of a stock price depends on the price itself and on the date (docs/broker-rules.md, "Prices"), so it is a
table and not a rounding. A rounding has a direction, named by what it promises: `no_more_than`, `no_less_than`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

FLOAT_NOISE = Decimal("0.000001")
"""Upstream computes in floats; what lies below this is noise and not a price."""


@dataclass(frozen=True, slots=True)
class Tier:
    """From `since` on, prices from `at_least` to below `below` USD move in steps of `step` USD.

    `narrow` marks a tier only for stocks that the listing exchange has put in the half-penny class.
    """

    since: date
    at_least: Decimal
    below: Decimal
    step: Decimal
    narrow: bool = False

    def holds(self, amount: Decimal) -> bool:
        """Whether the amount lies in the tier."""
        return self.at_least <= amount < self.below


DOLLAR = Decimal(1)
STOCK_TIERS = (
    # SEC Release 34-105656: the half-penny class starts on the first business day of November 2027.
    Tier(date(2027, 11, 1), DOLLAR, Decimal("Infinity"), Decimal("0.005"), narrow=True),
    Tier(date.min, DOLLAR, Decimal("Infinity"), Decimal("0.01")),
    Tier(date.min, Decimal(0), DOLLAR, Decimal("0.0001")),
)
"""The first tier that applies decides."""


def step_of(amount: Decimal, on: date, *, narrow: bool = False) -> Decimal:
    """The step, in USD, of a stock price of `amount` USD on the day `on`."""
    return next(
        tier.step for tier in STOCK_TIERS if on >= tier.since and tier.holds(amount) and (narrow or not tier.narrow)
    )


class OffTickError(ValueError):
    """A price that the market does not quote. It cannot be built, so it cannot be sent."""


@dataclass(frozen=True, slots=True, order=True)
class Price:
    """A stock price in USD that lies on its tick; `step` is the tick's size, one that the table gives to the amount.

    Raises:
        OffTickError: zero, negative, not finite, between two ticks, or with a step that is not the amount's.
    """

    amount: Decimal
    step: Decimal

    def __post_init__(self) -> None:
        """Refuse what lies between two ticks."""
        if not self.amount.is_finite() or self.amount <= 0:
            raise OffTickError(f"{self.amount} is not a price")
        if not any(tier.step == self.step and tier.holds(self.amount) for tier in STOCK_TIERS):
            raise OffTickError(f"{self.amount} does not move in steps of {self.step}")
        if self.amount % self.step:
            raise OffTickError(f"{self.amount} is not a multiple of {self.step}")

    def __str__(self) -> str:
        """The wire form: as many decimals as the step has."""
        return str(self.amount.quantize(self.step))


def no_more_than(raw: Decimal, on: date, *, narrow: bool = False) -> Price | None:
    """The highest tick that is not above `raw` USD; None when there is none above zero."""
    return _snap(raw, on, ROUND_FLOOR, narrow=narrow)


def no_less_than(raw: Decimal, on: date, *, narrow: bool = False) -> Price | None:
    """The lowest tick that is not below `raw` USD; None when `raw` is not above zero."""
    return _snap(raw, on, ROUND_CEILING, narrow=narrow)


def _snap(raw: Decimal, on: date, rounding: str, *, narrow: bool) -> Price | None:
    clean = raw.quantize(FLOAT_NOISE)
    if clean <= 0:
        return None
    step = step_of(clean, on, narrow=narrow)
    snapped = (clean / step).to_integral_value(rounding) * step
    # A price that rounds up to 1.00 has left its tier; 1.00 is a tick of the one above as well.
    return Price(snapped, step_of(snapped, on, narrow=narrow)) if snapped > 0 else None
