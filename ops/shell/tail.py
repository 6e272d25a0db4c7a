"""A log that goes on, read by polling: every line once, in order, late arrivals included."""

from collections.abc import Callable, Sequence

from ops.ports import LogLine, LogReader, Stream

OVERLAP_MS = 30_000
"""How far each look reaches back behind the newest line: log drivers deliver late, and several tasks not in step."""


class Tail:
    """The lines of tasks as they come. The tasks may change from look to look; their streams are all that is read."""

    def __init__(self, reader: LogReader, streams: Callable[[], Sequence[Stream]], *, since: int) -> None:
        """Begin.

        Args:
            reader: reads streams.
            streams: the streams of the tasks as they are now; asked at each look.
            since: how far back the first look reaches, in milliseconds since 1970.
        """
        self._reader = reader
        self._streams = streams
        self._since = since
        self._newest = since
        self._told: dict[str, int] = {}

    def fresh(self) -> Sequence[LogLine]:
        """The lines that were not given before, in order.

        Raises:
            OpsError: the log could not be read.
        """
        horizon = max(self._since, self._newest - OVERLAP_MS)
        lines = self._reader.read(self._streams(), since=horizon)
        new = sorted(line for line in lines if line.id not in self._told)
        self._newest = max([self._newest, *(line.at for line in new)])
        self._told |= {line.id: line.at for line in new}
        self._forget()
        return new

    def _forget(self) -> None:
        """Only lines that the next look can meet again need to be remembered."""
        horizon = self._newest - OVERLAP_MS
        self._told = {identity: at for identity, at in self._told.items() if at >= horizon}
