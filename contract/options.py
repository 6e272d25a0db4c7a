"""How one trading account trades options: which contracts, at which volatility, how many, at which price.

A part of the account's limits. Every number has a default on the careful side; amounts are USD, premiums USD per share.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from voluptuous import Range

from contract.strict import Fraction, NotNegativeInt, PositiveDecimal, PositiveInt

MODEST = Range(min=0, max=Decimal("0.05"), min_included=False, msg="must be above 0, at most 0.05")
SHARE = Range(min=0, max=1, msg="must be between 0 and 1")
PERCENT = Range(min=0, max=100, msg="must be between 0 and 100")


class Structure(StrEnum):
    """What a bought option is opened as."""

    SINGLE = "single"
    """The contract alone; the premium is at risk."""
    VERTICAL = "vertical"
    """With a contract further out of the money sold against it: cheaper, and the gain is limited too."""


class Undefined(StrEnum):
    """What becomes of a recommendation when the rank of the implied volatility is undefined."""

    REFUSE = "refuse"
    """It is refused."""
    REDUCE = "reduce"
    """It is sized at `reduced_fraction`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which contract of the chain. Days are calendar days to expiry; deltas are absolute."""

    min_days: PositiveInt = 7
    """Nothing that expires sooner. At least 1: nothing is opened on its last day."""
    target_days: PositiveInt = 30
    """The best time to expiry."""
    max_days: PositiveInt = 60
    """Nothing that expires later."""
    min_delta: Fraction = Decimal("0.25")
    """Nothing further out of the money."""
    target_delta: Fraction = Decimal("0.45")
    """The best delta."""
    max_delta: Fraction = Decimal("0.65")
    """Nothing further in the money."""
    max_strike_distance: Fraction = Decimal("0.15")
    """Distance of the strike from the underlying's price, as a fraction of the price."""
    max_spread_fraction: Fraction = Decimal("0.10")
    """The quote's spread, as a fraction of its middle."""
    max_quote_age_seconds: PositiveInt = 60
    """No contract is chosen on an older quote."""
    min_volume: NotNegativeInt = 10
    """Contracts traded today; a volume that the broker does not tell is 0."""
    min_open_interest: NotNegativeInt = 100
    """Contracts open at the last close; an open interest that the broker does not tell is 0."""
    min_premium: PositiveDecimal = Decimal("0.30")
    """USD per share, the middle of the quote. Below, the spread eats what could be earned."""

    def __post_init__(self) -> None:
        """Refuse a window without its target in it."""
        if not self.min_days <= self.target_days <= self.max_days:
            raise ValueError("target_days must lie between min_days and max_days")
        if not self.min_delta <= self.target_delta <= self.max_delta:
            raise ValueError("target_delta must lie between min_delta and max_delta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """The implied volatility, its history, and what its rank decides."""

    underlyings: tuple[str, ...] = ()
    """Kept from the first day on, beside what was recommended lately and what is kept already."""
    min_observations: PositiveInt = 60
    """Fewer days of history leave the rank undefined."""
    window_days: PositiveInt = 365
    """Calendar days of history that a rank looks back on."""
    max_age_days: PositiveInt = 5
    """A history whose newest day is older than so many calendar days leaves the rank undefined."""
    min_range: PositiveDecimal = Decimal("0.01")
    """A history whose highest and lowest volatility are less than this apart leaves the rank undefined."""
    undefined: Undefined = Undefined.REFUSE
    """What becomes of a recommendation then."""
    reduced_fraction: Fraction = Decimal("0.5")
    """The share of the usual size under `undefined = "reduce"`."""
    max_rank_to_buy: Annotated[Decimal, PERCENT] = Decimal(80)
    """A premium is not bought above this rank: it is dear."""
    min_rank_to_sell: Annotated[Decimal, PERCENT] = Decimal(30)
    """A premium is not sold below this rank: it is cheap."""
    interest_rate: Annotated[Decimal, SHARE] = Decimal("0.04")
    """A year, without risk; for volatilities that are ours to compute because the broker gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """How many contracts: Kelly from our own closed trades, or a fixed fraction while there are too few."""

    min_trades: PositiveInt = 30
    """Closed trades in options before Kelly is asked; below, `fixed_fraction` decides."""
    newest_trades: PositiveInt = 200
    """How many of the newest closed trades are looked at."""
    prior_trades: NotNegativeInt = 30
    """The estimate is shrunk as if so many trades without an edge had been seen as well."""
    kelly_fraction: Fraction = Decimal("0.25")
    """The share of the full Kelly fraction that is risked."""
    fixed_fraction: Annotated[Decimal, MODEST] = Decimal("0.01")
    """Share of equity at risk in one trade while the history is short."""
    max_fraction: Annotated[Decimal, MODEST] = Decimal("0.02")
    """Share of equity at risk in one trade, whatever Kelly says. The ceiling of 5 % is in code on purpose."""
    max_loss_per_trade: PositiveDecimal = Decimal(1_000)
    """USD that one trade can lose at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The price of an entry: from the middle of the quote towards its far side, in steps, and never beyond a bound."""

    max_premium_above_middle: Fraction = Decimal("0.05")
    """The bound: nothing is paid above the middle plus this share of it, nor above the far side of the quote."""
    steps: NotNegativeInt = 3
    """How often the limit is moved towards the bound; 0 leaves it where it was."""
    step_seconds: PositiveInt = 10
    """Between two moves."""
    life_seconds: PositiveInt = 60
    """What is not filled then is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertical:
    """A spread of two contracts of one expiry. Widths in USD between the strikes."""

    target_width: PositiveDecimal = Decimal(5)
    """The best width."""
    max_width: PositiveDecimal = Decimal(10)
    """Nothing wider."""
    max_debit_fraction: Fraction = Decimal("0.60")
    """A debit spread costs at most this share of its width."""
    min_credit_fraction: Fraction = Decimal("0.20")
    """A credit spread brings at least this share of its width."""

    def __post_init__(self) -> None:
        """Refuse a target beyond the limit."""
        if self.target_width > self.max_width:
            raise ValueError("target_width must be at most max_width")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How options are traded."""

    bought_as: Structure = Structure.SINGLE
    """What BUY_CALL and BUY_PUT open. SELL_CALL and SELL_PUT always open a credit spread: nothing is sold naked."""
    choice: Choice = field(default_factory=Choice)
    volatility: Volatility = field(default_factory=Volatility)
    contracts: Contracts = field(default_factory=Contracts)
    entry: Entry = field(default_factory=Entry)
    vertical: Vertical = field(default_factory=Vertical)
