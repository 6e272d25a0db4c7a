"""When a schedule fires: `rate()`, `cron()` and `at()` of EventBridge, in a time zone. Pure.

`cron(minutes hours day-of-month month day-of-week year)`, one of the two days being `?`. A local time that a clock
change skips is skipped; one that it repeats fires once.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EXPRESSION = re.compile(r"(rate|cron|at)\((.*)\)")
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = 6
_WEEK = 7
_YEARS = (1970, 2199)
_HORIZON_DAYS = 366 * 8
"""How far ahead an occurrence is looked for: beyond the rarest one, a 29th of February on a given weekday excepted."""


class ExpressionError(ValueError):
    """An expression or a time zone that cannot be read. Says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds from its start."""

    seconds: int

    def after(self, moment: datetime, start: datetime) -> datetime | None:
        """The first occurrence after `moment` of a schedule that started at `start`."""
        passed = max(0, int((moment - start).total_seconds() // self.seconds))
        return start + timedelta(seconds=self.seconds * (passed + 1))


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    moment: datetime

    def after(self, moment: datetime, start: datetime) -> datetime | None:  # noqa: ARG002 - one form for all three
        """The moment itself, as long as it is ahead."""
        return self.moment if self.moment > moment else None


@dataclass(frozen=True, slots=True)
class Cron:
    """At every local minute that fits."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    fits: Callable[[date], bool]
    zone: ZoneInfo

    def after(self, moment: datetime, start: datetime) -> datetime | None:  # noqa: ARG002 - one form for all three
        """The first occurrence after `moment`, None when there is none in the years ahead."""
        first = moment.astimezone(self.zone).date()
        for ahead in range(_HORIZON_DAYS):
            day = first + timedelta(days=ahead)
            if self.fits(day):
                later = (each for each in self._moments(day) if each > moment)
                if (found := next(later, None)) is not None:
                    return found
        return None

    def _moments(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                moment = local.astimezone(UTC)
                if moment.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield moment


Expression = Rate | At | Cron


def parsed(text: str, zone: str = "UTC") -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: it, or the zone's name, cannot be read.
    """
    match = _EXPRESSION.fullmatch(text.strip())
    if not match:
        raise ExpressionError(f"{text}: neither rate(), cron() nor at()")
    kind, inner = match.groups()
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ExpressionError(f"{zone} is no time zone") from error
    if kind == "rate":
        return _rate(inner)
    return _at(inner, known) if kind == "at" else _cron(inner, known)


def _rate(inner: str) -> Rate:
    match = re.fullmatch(r"(\d+) (minute|hour|day)(s?)", inner)
    if not match or int(match[1]) < 1:
        raise ExpressionError(f"rate({inner}): expected a number and minutes, hours or days")
    return Rate(int(match[1]) * _UNITS[match[2]])


def _at(inner: str, zone: ZoneInfo) -> At:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner):
        raise ExpressionError(f"at({inner}): expected yyyy-mm-ddThh:mm:ss")
    try:
        return At(datetime.fromisoformat(inner).replace(tzinfo=zone).astimezone(UTC))
    except ValueError as error:
        raise ExpressionError(f"at({inner}): {error}") from error


def _cron(inner: str, zone: ZoneInfo) -> Cron:
    fields = inner.upper().split()
    if len(fields) != _FIELDS:
        raise ExpressionError(f"cron({inner}): expected six fields")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") is (weekday == "?"):
        raise ExpressionError(f"cron({inner}): exactly one of day-of-month and day-of-week must be ?")
    months, years = _numbers(month, 1, 12, _MONTHS, 1), _numbers(year, *_YEARS)
    fits_day = _monthday(day) if weekday == "?" else _weekday(weekday)

    def fits(date_: date) -> bool:
        return date_.month in months and date_.year in years and fits_day(date_)

    return Cron(_sorted(_numbers(minutes, 0, 59)), _sorted(_numbers(hours, 0, 23)), fits, zone)


def _sorted(numbers: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers))


def _monthday(text: str) -> Callable[[date], bool]:
    if text == "L":
        return lambda day: (day + timedelta(days=1)).month != day.month
    if match := re.fullmatch(r"(\d+)W", text):
        wanted = int(match[1])
        return lambda day: day == _nearest_weekday(day, wanted)
    days = _numbers(text, 1, 31)
    return lambda day: day.day in days


def _nearest_weekday(day: date, wanted: int) -> date | None:
    """The weekday nearest to the `wanted` day of the same month."""
    try:
        middle = day.replace(day=wanted)
    except ValueError:
        return None
    near = (middle + timedelta(days=step) for step in (0, -1, 1, -2, 2))
    return next(each for each in near if each.month == day.month and each.isoweekday() < _WEEK - 1)


def _weekday(text: str) -> Callable[[date], bool]:
    if match := re.fullmatch(r"(\w+)#([1-5])", text):
        (wanted,), nth = _numbers(match[1], 1, 7, _DAYS, 1), int(match[2])
        return lambda day: _number_of(day) == wanted and (day.day + _WEEK - 1) // _WEEK == nth
    if match := re.fullmatch(r"(\w+)L", text):
        (wanted,) = _numbers(match[1], 1, 7, _DAYS, 1)
        return lambda day: _number_of(day) == wanted and (day + timedelta(days=_WEEK)).month != day.month
    days = _numbers("SAT" if text == "L" else text, 1, 7, _DAYS, 1)
    return lambda day: _number_of(day) in days


def _number_of(day: date) -> int:
    """EventBridge counts from Sunday, 1, to Saturday, 7."""
    return day.isoweekday() % _WEEK + 1


def _numbers(text: str, low: int, high: int, names: list[str] | None = None, first: int = 0) -> frozenset[int]:
    """The numbers of a field: `*`, `?`, lists, ranges, steps, names."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        start, dash, end = span.partition("-")
        lowest = low if start in {"*", "?"} else _number(start, names, first)
        highest = _number(end, names, first) if dash else high if step or start in {"*", "?"} else lowest
        if not low <= lowest <= highest <= high or (step and not (step.isdigit() and int(step))):
            raise ExpressionError(f"{part}: expected numbers from {low} to {high}")
        found.update(range(lowest, highest + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: list[str] | None, first: int) -> int:
    if names and text in names:
        return names.index(text) + first
    if not text.isdigit():
        raise ExpressionError(f"{text or 'nothing'}: expected a number")
    return int(text)
