"""When lines were said, and how long a log is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from contract.events import Line

_TIME_LENGTH = len("2026-02-03 16:40:30")
"""Anything shorter may be a number that happens to read as a date."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time between the first and the latest line that tell theirs."""

    first: datetime | None = None
    latest: datetime | None = None

    @property
    def seconds(self) -> float:
        """Its length; 0 when no line tells its time."""
        return (self.latest - self.first).total_seconds() if self.first and self.latest else 0.0

    def through(self, at: datetime | None) -> "Span":
        """The span that reaches to `at`; the same one when `at` is not known."""
        return self if at is None else Span(self.first or at, at)


def when(line: Line) -> datetime | None:
    """When the line was said: by its own word, or by the time stamp that a logger or a log tail put before it."""
    at = line.at or _leading_time(line.raw)
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _leading_time(raw: str) -> datetime | None:
    word = raw[:40].split(" ", 1)[0]
    try:
        return datetime.fromisoformat(word if len(word) >= _TIME_LENGTH else raw[:_TIME_LENGTH])
    except ValueError:
        return None
