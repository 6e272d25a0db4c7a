"""What one trading account may do, declared in `pipeline.toml` and handed to the service as one JSON document.

The document is parsed strictly on both sides; its hash is printed with the limits in force, so that a reader of the log
can tell which declaration a running service obeys.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from contract.options import MODEST, Options
from contract.strict import DocumentError, Fraction, NotNegativeInt, PositiveDecimal, PositiveInt, Problem, build


class TradingState(StrEnum):
    """What an account may do now."""

    ACTIVE = "ACTIVE"
    """Entries and exits are sent."""
    REDUCE_ONLY = "REDUCE_ONLY"
    """Only orders that reduce a position are sent."""
    HALTED = "HALTED"
    """Nothing is sent."""


class Action(StrEnum):
    """What a recommendation asks for: its `action` and `instrument_type` as one word."""

    BUY_STOCK = "BUY_STOCK"
    """Open a long position in shares."""
    SELL_STOCK = "SELL_STOCK"
    """Open a short position in shares."""
    BUY_CALL = "BUY_CALL"
    """Open a long call."""
    BUY_PUT = "BUY_PUT"
    """Open a long put."""
    SELL_CALL = "SELL_CALL"
    """Open a credit spread with a short call: it gains when the stock falls."""
    SELL_PUT = "SELL_PUT"
    """Open a credit spread with a short put: it gains when the stock rises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How a recommendation without prices or quantity gets them."""

    risk_fraction: Annotated[Decimal, MODEST]
    """Share of equity lost when the stop is hit. The ceiling of 5 % is in code on purpose."""
    stop_volatility_multiple: PositiveDecimal
    """Stop distance = this × the price × `features_snapshot.vol_ratio` × `daily_volatility`."""
    daily_volatility: Fraction
    """The daily move, as a fraction of the price, of a stock whose `vol_ratio` is 1."""
    target_risk_multiple: PositiveDecimal
    """Target distance = this × the stop distance."""
    max_equity_fraction: Fraction
    """An order's notional is capped at this share of equity when the quantity is ours to choose."""


class ByHand(StrEnum):
    """What becomes of a position in shares that no plan of ours explains."""

    PROTECT = "protect"
    """It is adopted, and gets a stop and a target at the declared distances."""
    ALARM = "alarm"
    """It is adopted in the books, and alarmed for as long as it has no stop of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionExits:
    """When a position in options is closed. Fractions are of the entry price; times are minutes."""

    stop_fraction: Fraction = Decimal("0.40")
    """Closed at this loss."""
    target_fraction: PositiveDecimal = Decimal("0.80")
    """Closed at this gain."""
    trail_after_fraction: PositiveDecimal = Decimal("0.30")
    """From this gain on, the peak is trailed."""
    trail_keep_fraction: Fraction = Decimal("0.75")
    """Closed when the gain falls to this share of its peak."""
    max_hold_minutes: PositiveInt = 2_880
    """Closed after this."""
    hold_overnight: bool = False
    """Whether a position may stay over the close."""
    before_close_minutes: PositiveInt = 15
    """Closed this long before the close, half days included, unless held overnight."""
    expiry_cutoff_minutes: PositiveInt = 60
    """Closed this long before the close of the contract's last day; the broker itself sells from 30 minutes on."""
    quote_seconds: PositiveInt = 1
    """A price decides at most this long after the quote, for each hundred contracts: so often is it read."""
    max_spread_fraction: Fraction = Decimal("0.25")
    """No price decides on a spread wider than this share of the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """How the position manager looks after what is held. Fractions are of the average entry price."""

    by_hand: ByHand = ByHand.PROTECT
    """What becomes of a position in shares that no plan of ours explains."""
    stop_fraction: Fraction = Decimal("0.05")
    """Distance of the stop of a position by hand."""
    target_fraction: PositiveDecimal = Decimal("0.10")
    """Distance of the target of a position by hand."""
    partial_entry_seconds: NotNegativeInt = 5
    """A partly filled entry may rest this long without a stop; then its rest is cancelled and the part protected."""
    difference_grace_seconds: NotNegativeInt = 2
    """A difference between broker and books may be a fill on its way; after this it is said and adopted."""
    max_quote_age_seconds: PositiveInt = 15
    """No price decides on an older quote."""
    reconcile_seconds: PositiveInt = 5
    """The broker's truth is read at least this often, whatever the stream says."""
    stuck_seconds: PositiveInt = 60
    """An exit that takes longer is alarmed, and again each time this passes."""
    request_seconds: PositiveInt = 600
    """A request that was not taken up within this is refused as stale."""
    options: OptionExits = field(default_factory=OptionExits)

    def __post_init__(self) -> None:
        """Refuse a policy that contradicts itself."""
        if self.options.trail_after_fraction >= self.options.target_fraction:
            raise ValueError("options.trail_after_fraction must be below target_fraction, or nothing is ever trailed")


CEILINGS: Mapping[str, Decimal] = {
    "max_notional_per_order": Decimal(50_000),
    "max_contracts_per_order": Decimal(50),
    "max_open_positions": Decimal(50),
    "max_exposure": Decimal(500_000),
    "max_daily_loss": Decimal(10_000),
    "max_orders_per_symbol_per_day": Decimal(20),
    "max_recommendation_age_seconds": Decimal(3_600),
    "max_standing_age_seconds": Decimal(60),
}
"""What no declaration goes beyond without saying `above_ceilings`. One wrong digit is the usual accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one account. Amounts are USD, times are seconds or minutes as the name says."""

    trading_state: TradingState
    """The declared state."""
    allowed_actions: tuple[Action, ...]
    """Anything else is refused."""
    allow_shorting: bool
    """Whether SELL_STOCK may open a short position."""
    max_notional_per_order: PositiveDecimal
    """USD, entry price × quantity (× 100 for an option)."""
    max_contracts_per_order: PositiveInt
    """Option contracts in one order."""
    max_open_positions: PositiveInt
    """Positions held, entries resting and orders in flight, together; a spread is one."""
    max_exposure: PositiveDecimal
    """USD: shares at market value, options at what they can still lose, and what rests or is in flight at its cost."""
    max_daily_loss: PositiveDecimal
    """USD: last session's closing equity less equity now."""
    max_orders_per_symbol_per_day: PositiveInt
    """Entries sent in one symbol on one trading day."""
    symbol_cooldown_minutes: NotNegativeInt
    """Between two entries in one symbol."""
    min_confidence_stock: Fraction
    """A recommendation for shares needs at least this."""
    min_confidence_option: Fraction
    """A recommendation for an option needs at least this."""
    max_recommendation_age_seconds: PositiveInt
    """Older recommendations are refused as stale."""
    max_standing_age_seconds: PositiveInt
    """The broker's truth must be at most this old for a gate to be evaluated."""
    entry_after_open_minutes: NotNegativeInt
    """No entry earlier than this after the open."""
    entry_before_close_minutes: NotNegativeInt
    """No entry later than this before the close, half days included."""
    entry_life_seconds: PositiveInt
    """An entry's unfilled remainder is cancelled after this."""
    absence_grace_seconds: PositiveInt
    """An order without an answer counts as never placed only after the broker has not known it for this long."""
    halt_after_rejections: PositiveInt
    """This many rejections by the broker within `halt_window_seconds` halt the account."""
    halt_window_seconds: PositiveInt
    """The window of `halt_after_rejections`."""
    halt_after_unknown_seconds: PositiveInt
    """An order that nobody knows about for this long halts the account."""
    sizing: Sizing
    exits: Exits = field(default_factory=Exits)
    options: Options = field(default_factory=Options)

    requests_per_minute: PositiveInt = 200
    """What the broker answers for this account, whoever asks: shared by its processes, and held below what it tells."""
    above_ceilings: bool = False
    """Lifts the ceilings of `CEILINGS`. Named so that nobody lifts them by a typing error in a number."""

    def __post_init__(self) -> None:
        """Refuse a contradiction between fields, and what is above a ceiling."""
        over = [f"{name} is above {most}" for name, most in CEILINGS.items() if getattr(self, name) > most]
        if over and not self.above_ceilings:
            raise ValueError(f"{'; '.join(over)}; lower it, or set above_ceilings = true and mean it")
        if self.halt_after_unknown_seconds <= self.absence_grace_seconds:
            raise ValueError(
                "halt_after_unknown_seconds must be above absence_grace_seconds, which resolves most of them"
            )
        if Action.SELL_STOCK in self.allowed_actions and not self.allow_shorting:
            raise ValueError("allowed_actions has SELL_STOCK but allow_shorting is false; drop one or allow the other")

    def document(self) -> str:
        """The limits as canonical JSON: what infra injects and a service parses."""
        # A float prints back as the decimal it was made from up to 15 digits; no limit has as many.
        return json.dumps(asdict(self), default=float, sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """First 12 hex digits of the document's SHA-256."""
        return sha256(self.document().encode()).hexdigest()[:12]


def parse(document: str, *, name: str) -> Limits:
    """Read a limits document strictly.

    Raises:
        DocumentError: not JSON, an unknown or missing key, a wrong type, a value out of range.
    """
    try:
        parsed = json.loads(document, parse_float=Decimal, object_pairs_hook=_no_duplicates)
    except ValueError as error:
        raise DocumentError(name, (Problem("", f"is not a JSON object: {error}"),)) from error
    return build(Limits, parsed, name=name)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key appears twice")
    return table
