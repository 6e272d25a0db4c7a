"""The fields of a broker's answer, read tolerantly: what must be there is, or the answer is unreadable."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


class UnreadableAnswerError(ValueError):
    """The answer lacks what it must have."""


def table(value: Any) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise UnreadableAnswerError(f"{type(value).__name__} where an object was expected")
    return value


def rows(value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise UnreadableAnswerError(f"{type(value).__name__} where a list was expected")
    return value


def text(table: Mapping[str, Any], key: str) -> str:
    """A text that is not empty."""
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise UnreadableAnswerError(f"{key} is missing")
    return value


def amount(table: Mapping[str, Any], key: str) -> Decimal:
    """A number, written as one or as text."""
    found = decimal(table.get(key))
    if found is None:
        raise UnreadableAnswerError(f"{key} is not a number")
    return found


def decimal(value: Any) -> Decimal | None:
    """A finite number, written as one or as text; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def moment(value: Any) -> datetime | None:
    """A time stamp; the broker's have nanoseconds, which Python cuts to microseconds."""
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
