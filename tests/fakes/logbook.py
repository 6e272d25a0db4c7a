"""CloudWatch Logs as a list: lines that are there from a given time on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ops.ports import Clock, LogLine, Stream


def milliseconds(at: datetime) -> int:
    """The time as logs have it."""
    return int(at.timestamp() * 1000)


class FakeLogbook:
    """Lines of streams, each readable only once the clock has reached its arrival. An `ops.ports.LogReader`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._lines: list[LogLine] = []
        self.read_of: list[tuple[Stream, ...]] = []

    def write(self, stream: Stream, seconds: float, text: str, *, late: float = 0) -> None:
        """A line said so long after the beginning, and arriving `late` after that."""
        said = self._began + timedelta(seconds=seconds)
        arrived = said + timedelta(seconds=late)
        number = f"{len(self._lines):06}"
        self._lines.append(LogLine(milliseconds(said), milliseconds(arrived), number, stream, text))

    def read(self, streams: Sequence[Stream], *, since: int, until: int | None = None) -> Sequence[LogLine]:
        self.read_of.append(tuple(streams))
        now = milliseconds(self._clock.now())
        wanted = [each for each in self._lines if each.stream in streams and each.ingested <= now]
        return sorted(each for each in wanted if since <= each.at and (until is None or each.at < until))
