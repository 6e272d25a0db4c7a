"""How numbers and instants are written on Alpaca's wire: strings, UTC, nanoseconds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache

SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain(value: Decimal) -> str:
    """Write a number without exponent and without trailing zeros: 150, 0.5, -3."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_or_none(value: Decimal | None) -> str | None:
    """Write a number, or nothing where there is none."""
    return None if value is None else plain(value)


def rounded(value: Decimal, digits: int) -> Decimal:
    """Round half-even to a number of digits after the point, at any magnitude."""
    with localcontext() as context:
        context.prec = 60
        return value.quantize(Decimal(1).scaleb(-digits))


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def instant(nanoseconds: int) -> str:
    """Write an instant as RFC 3339 in UTC with as many of nine digits as it has."""
    seconds, rest = divmod(nanoseconds, SECOND)
    if rest == 0:
        return _second(seconds) + "Z"
    return f"{_second(seconds)}.{rest:09d}".rstrip("0") + "Z"


def instant_or_none(nanoseconds: int | None) -> str | None:
    """Write an instant, or nothing where there is none."""
    return None if nanoseconds is None else instant(nanoseconds)


def nanoseconds(at: datetime) -> int:
    """Count nanoseconds since 1970 UTC, exactly to the microsecond."""
    since = at.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000


def moment(nanoseconds_since_epoch: int) -> datetime:
    """Turn nanoseconds since 1970 into an aware UTC datetime (microseconds kept)."""
    return _EPOCH + timedelta(microseconds=nanoseconds_since_epoch // 1000)


def read_instant(text: str) -> int:
    """Read an ISO date or instant as nanoseconds; a bare date is midnight UTC.

    Raises ValueError when it is neither.
    """
    at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return nanoseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
