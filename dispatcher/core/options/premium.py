"""Premiums that can only lie on an option's tick, and the net prices of spreads.

Increments: the Penny Interval Program moves in 0.01 below $3.00 and 0.05 from there on, other classes in 0.05 and
0.10, SPY, QQQ and IWM in 0.01 throughout; a multi-leg order has two decimals (docs/broker-rules.md, "Prices").
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from dispatcher.core.price import FLOAT_NOISE, OffTickError

THREE = Decimal(3)
CENT = Decimal("0.01")
ALWAYS_CENTS = frozenset({"SPY", "QQQ", "IWM"})


@dataclass(frozen=True, slots=True)
class Increment:
    """The steps of a class of options, USD: below $3.00, and from there on."""

    below_three: Decimal
    from_three: Decimal

    def step(self, amount: Decimal) -> Decimal:
        """The step of a premium of `amount` USD."""
        return self.below_three if amount < THREE else self.from_three


CENTS = Increment(CENT, CENT)
PENNY_PROGRAM = Increment(CENT, Decimal("0.05"))
STANDARD = Increment(Decimal("0.05"), Decimal("0.10"))


def increment(underlying: str, *, penny: bool | None) -> Increment:
    """The increment of an underlying's options. Where nobody says whether it is in the program, the coarser is safe."""
    if underlying in ALWAYS_CENTS:
        return CENTS
    return PENNY_PROGRAM if penny else STANDARD


@dataclass(frozen=True, slots=True)
class Premium:
    """The price of a contract, USD per share, on its tick.

    Raises:
        OffTickError: zero, negative, not finite, or between two ticks.
    """

    amount: Decimal
    increment: Increment

    def __post_init__(self) -> None:
        """Refuse what lies between two ticks."""
        if not self.amount.is_finite() or self.amount <= 0:
            raise OffTickError(f"{self.amount} is not a premium")
        step = self.increment.step(self.amount)
        if self.amount % step:
            raise OffTickError(f"a premium of {self.amount} does not move in steps of {step}")

    def __str__(self) -> str:
        """The wire form: two decimals."""
        return f"{self.amount:.2f}"

    def step(self, amount: Decimal) -> Decimal:
        """The step of a premium of the same class at `amount` USD."""
        return self.increment.step(amount)

    def no_more_than(self, raw: Decimal) -> "Premium | None":
        """The highest premium of the same class that is not above `raw` USD; None when there is none above zero."""
        return no_more_than(raw, self.increment)


def no_more_than(raw: Decimal, moves: Increment) -> Premium | None:
    """The highest tick that is not above `raw` USD; None when there is none above zero."""
    return _snap(raw, moves, ROUND_FLOOR)


def no_less_than(raw: Decimal, moves: Increment) -> Premium | None:
    """The lowest tick that is not below `raw` USD; None when `raw` is not above zero."""
    return _snap(raw, moves, ROUND_CEILING)


def _snap(raw: Decimal, moves: Increment, rounding: str) -> Premium | None:
    clean = raw.quantize(FLOAT_NOISE)
    if clean <= 0:
        return None
    step = moves.step(clean)
    # Rounding up to 3.00 is a tick of the tier above as well; rounding down never reaches it.
    snapped = (clean / step).to_integral_value(rounding) * step
    return Premium(snapped, moves) if snapped > 0 else None


@dataclass(frozen=True, slots=True)
class Net:
    """The net price of one unit of a spread, USD per share: above 0 is paid, below 0 is received. Two decimals.

    Raises:
        OffTickError: zero, not finite, or finer than a cent.
    """

    amount: Decimal

    def __post_init__(self) -> None:
        """Refuse what is finer than a cent, and nothing."""
        if not self.amount.is_finite() or self.amount == 0 or self.amount % CENT:
            raise OffTickError(f"{self.amount} is not a net price in cents")

    def __str__(self) -> str:
        """The wire form: two decimals, a credit with its sign."""
        return f"{self.amount:.2f}"

    def step(self, amount: Decimal) -> Decimal:  # noqa: ARG002  as Premium.step
        """The step of a net price, the same at every amount."""
        return CENT

    def no_more_than(self, raw: Decimal) -> "Net | None":
        """See net_no_more_than."""
        return net_no_more_than(raw)


Limit = Premium | Net
"""What an option order is limited to, per share: of a contract or of a spread. One never stands for the other."""


def net_no_more_than(raw: Decimal) -> Net | None:
    """The highest net price that is not above `raw`: no more is paid, no less received. None for zero."""
    floored = (raw.quantize(FLOAT_NOISE) / CENT).to_integral_value(ROUND_FLOOR) * CENT
    return Net(floored) if floored else None
