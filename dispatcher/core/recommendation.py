"""A row of `dispatch_recommendations`, read once at the door. Past this point there are no dicts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from contract.limits import Action
from dispatcher.core.reasons import Reason, Refusal

# Far above any price or share count that trades, far below where Decimal arithmetic loses digits.
LARGEST = Decimal("1e9")
SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?")


@dataclass(frozen=True, slots=True)
class Plan:
    """Prices in USD as upstream computed them, not yet on a tick; quantity where upstream chose it.

    The prices are the stock's, also of a recommendation for an option: never premiums. The quantity is in whole shares,
    or in contracts.
    """

    entry: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    quantity: int | None


class Strategy(StrEnum):
    """Upstream's word for how long it means a trade to last, its `strategy_type`. Kept with the execution.

    It chooses nothing here: the account's limits say which expiries are opened, and when a position is closed.
    """

    DAY_TRADE = "day_trade"
    SWING_TRADE = "swing_trade"
    CONSERVATIVE = "conservative"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What upstream asks for. `confidence` is 0 to 1; `volatility` is the symbol's relative to usual (1 = usual).

    `strategy` is None where upstream does not say.
    """

    id: int
    created_at: datetime
    symbol: str
    action: Action
    confidence: Decimal | None
    plan: Plan | None
    volatility: Decimal | None
    strategy: Strategy | None = None

    @property
    def buys(self) -> bool:
        """Whether the entry is a purchase."""
        return self.action is Action.BUY_STOCK


class _FieldError(Exception):
    """A field that cannot be read; never leaves this module."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")


def read(row: Mapping[str, Any]) -> Recommendation | Refusal:
    """Read a row; a malformed one is a refusal whose detail names the field."""
    try:
        return Recommendation(
            id=row["id"],
            created_at=_moment(row.get("created_at")),
            symbol=_symbol(row.get("ticker")),
            action=_action(row.get("action"), row.get("instrument_type")),
            confidence=_confidence(row.get("confidence")),
            plan=_plan(_table(row.get("reason"), "reason")),
            volatility=_volatility(_table(row.get("features_snapshot"), "features_snapshot")),
            strategy=_strategy(row.get("strategy_type")),
        )
    except _FieldError as error:
        return Refusal(Reason.MALFORMED, str(error))


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _FieldError("created_at", f"{_shown(value)} is not a time with a zone")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise _FieldError("created_at", f"{_shown(value)} is no moment of the calendar") from error


def _symbol(value: Any) -> str:
    if not isinstance(value, str) or not SYMBOL.fullmatch(value):
        raise _FieldError("ticker", f"{_shown(value)} is not a stock symbol")
    return value


def _action(action: Any, instrument: Any) -> Action:
    """`BUY` with the instrument beside it, or both as one word; two that contradict each other say nothing."""
    if isinstance(action, str) and action in Action.__members__:
        if instrument is not None and action.partition("_")[2] != instrument:
            raise _FieldError("instrument_type", f"{_shown(instrument)} contradicts the action {action}")
        return Action(action)
    if action not in ("BUY", "SELL"):  # a set would have to hash what upstream wrote
        raise _FieldError("action", f"{_shown(action)} is neither BUY nor SELL, nor both words in one as BUY_CALL")
    if instrument not in ("STOCK", "CALL", "PUT"):
        raise _FieldError("instrument_type", f"{_shown(instrument)} is none of STOCK, CALL, PUT")
    return Action(f"{action}_{instrument}")


def _strategy(value: Any) -> Strategy | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(Strategy):
        raise _FieldError("strategy_type", f"{_shown(value)} is none of {', '.join(Strategy)}")
    return Strategy(value)


def _plan(reason: Mapping[str, Any]) -> Plan | None:
    if reason.get("plan") is None:
        return None
    plan = _table(reason["plan"], "reason.plan")
    return Plan(
        entry=_amount(plan.get("entry"), "reason.plan.entry"),
        stop_loss=_amount(plan.get("stop_loss"), "reason.plan.stop_loss"),
        take_profit=_amount(plan.get("take_profit"), "reason.plan.take_profit"),
        quantity=_quantity(plan.get("quantity")),
    )


def _quantity(value: Any) -> int | None:
    if value is None:
        return None
    amount = _amount(value, "reason.plan.quantity")
    if amount != amount.to_integral_value():
        raise _FieldError("reason.plan.quantity", f"{_shown(value)} is not a whole number of shares")
    return int(amount)


def _confidence(value: Any) -> Decimal | None:
    if value is None or value == 0:
        return value if value is None else Decimal(0)
    confidence = _amount(value, "confidence")
    if confidence > 1:
        raise _FieldError("confidence", f"{_shown(value)} is not between 0 and 1")
    return confidence


def _volatility(features: Mapping[str, Any]) -> Decimal | None:
    value = features.get("vol_ratio")
    return None if value is None else _amount(value, "features_snapshot.vol_ratio")


def _table(value: Any, field: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _FieldError(field, f"{_shown(value)} is not an object")
    return value


def _amount(value: Any, field: str) -> Decimal:
    """A number as a number: text is refused, because nobody knows what wrote it."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _FieldError(field, f"{_shown(value)} is not a number")
    try:
        amount = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    except InvalidOperation as error:
        raise _FieldError(field, f"{_shown(value)} is not a number") from error
    if not amount.is_finite() or not 0 < amount < LARGEST:
        raise _FieldError(field, f"{_shown(value)} is not between 0 and {LARGEST:,.0f}")
    return amount


def _shown(value: Any) -> str:
    """The value for a message, cut: upstream may write anything of any length."""
    try:
        shown = repr(value)
    except ValueError:  # Python refuses to write a whole number of more than 4,300 digits
        shown = "a number too long to write"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004  a line in a log
