"""What the operator's decisions ask of the world. The AWS edge answers in earnest, `tests/fakes` answer in tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, so that a test need not wait for it."""

    def now(self) -> datetime:
        """The time of day, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """Where one container of one task writes: a log group, and in it `prefix/container/task-id`."""

    group: str
    name: str

    @property
    def task(self) -> str:
        """The id of the task."""
        return self.name.rpartition("/")[-1]


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line as CloudWatch Logs keeps it. Lines sort by when they were said, then by when they arrived."""

    at: int
    """When the task said it, in milliseconds since 1970."""
    ingested: int
    """When it arrived, in milliseconds since 1970."""
    id: str
    """Unique, so that a line read twice is told once."""
    stream: Stream
    text: str


class LogReader(Protocol):
    """Reads the logs of exactly the given streams."""

    def read(self, streams: Sequence[Stream], *, since: int, until: int | None = None) -> Sequence[LogLine]:
        """Every line said from `since` on, and before `until`, in order; both in milliseconds since 1970.

        A stream that does not exist yet has no lines.

        Raises:
            OpsError: the logs could not be read.
        """


class LogSource(Protocol):
    """A log that goes on."""

    def fresh(self) -> Sequence[LogLine]:
        """The lines that were not given before, in order.

        Raises:
            OpsError: the log could not be read.
        """
