"""Why a recommendation ended without an order. One enum; its page in the docs is generated from it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word on the wire, and what it means."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        """Make the member: its value is the word alone."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member


class Reason(Word):
    """A refusal's word on the wire, and what it means."""

    MALFORMED = "malformed", "A field is missing or cannot be read; the detail names it."
    ACTION_NOT_ALLOWED = "action_not_allowed", "The account's `allowed_actions` does not have the action."
    TRADING_HALTED = "trading_halted", "The account's trading state is HALTED."
    REDUCE_ONLY = "reduce_only", "The account's trading state is REDUCE_ONLY, and this would open a position."
    STALE = "stale", "Older than `max_recommendation_age_seconds` by the broker's clock."
    FROM_THE_FUTURE = "from_the_future", "Created later than the broker's clock says it is, beyond clock skew."
    MARKET_CLOSED = "market_closed", "Outside the declared window of today's session, holidays and half days included."
    STANDING_TOO_OLD = "standing_too_old", "The broker's truth is older than `max_standing_age_seconds`."
    ACCOUNT_BLOCKED = "account_blocked", "The broker has blocked trading on the account."
    UNKNOWN_SYMBOL = "unknown_symbol", "The broker does not know the symbol."
    NOT_TRADABLE = "not_tradable", "The broker does not trade the symbol now."
    NOT_SHORTABLE = "not_shortable", "A short sale of a symbol that is not easy to borrow."
    DUPLICATE_POSITION = "duplicate_position", "A position, an open order or an order of ours exists in the symbol."
    CONFIDENCE_TOO_LOW = "confidence_too_low", "Below the account's minimum for the instrument, or not given."
    DAILY_LOSS = "daily_loss", "The account has lost `max_daily_loss` since the last close."
    TOO_MANY_POSITIONS = "too_many_positions", "`max_open_positions` are held, resting or in flight."
    SYMBOL_COOLDOWN = "symbol_cooldown", "The last entry in the symbol is younger than `symbol_cooldown_minutes`."
    SYMBOL_DAILY_LIMIT = "symbol_daily_limit", "`max_orders_per_symbol_per_day` entries were sent in the symbol today."
    NO_QUOTE = "no_quote", "The broker gave no two-sided, uncrossed quote."
    NO_PLAN = "no_plan", "No `reason.plan`, and no `features_snapshot.vol_ratio` to make one from."
    PRICE_NOT_POSITIVE = "price_not_positive", "A price rounds to nothing."
    BRACKET_CROSSED = (
        "bracket_crossed",
        "Stop, entry and target are not in order, or less than $0.01 apart, on the tick.",
    )
    STOP_BEYOND_MARKET = "stop_beyond_market", "The stop would trigger at once at the current quote."
    QUANTITY_ZERO = "quantity_zero", "Risk and caps leave no whole share; brackets cannot be fractional."
    NOTIONAL_TOO_LARGE = "notional_too_large", "Entry × quantity is above `max_notional_per_order`."
    EXPOSURE = "exposure", "With this order the account would be exposed above `max_exposure`."
    BUYING_POWER = "buying_power", "Above the broker's buying power less our own orders in flight."
    OPTION_LEVEL = "option_level", "The broker has not approved the account for such options: 2 to buy, 3 for spreads."
    LEVELS_CROSSED = (
        "levels_crossed",
        "Stop, entry and target of the underlying lie the wrong way round for the action: a put gains when it falls.",
    )
    NO_CONTRACT = "no_contract", "No contract of the chain suits; the detail counts the reasons."
    IV_UNDEFINED = "iv_undefined", "The rank of the implied volatility is undefined, and the policy refuses then."
    IV_RANK_TOO_HIGH = "iv_rank_too_high", "Premium is not bought above `max_rank_to_buy`: it is dear."
    IV_RANK_TOO_LOW = "iv_rank_too_low", "Premium is not sold below `min_rank_to_sell`: it is cheap."
    NO_EDGE = "no_edge", "Our own closed trades show no edge: the Kelly fraction is 0."
    CONTRACTS_ZERO = "contracts_zero", "The bounds leave no whole contract; the detail names the one that decided."
    TOO_MANY_CONTRACTS = "too_many_contracts", "The stated quantity is above `max_contracts_per_order`."
    LOSS_TOO_LARGE = "loss_too_large", "The trade could lose more than `max_loss_per_trade`."
    NOT_SENT_IN_TIME = "not_sent_in_time", "Never placed at the broker, confirmed, and no longer fresh."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recommendation's end without an order.

    `observed` and `threshold` are what a gate compared, as text with units.
    """

    reason: Reason
    detail: str
    observed: str | None = None
    threshold: str | None = None
