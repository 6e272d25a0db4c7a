"""The exchange's own time: real, set to any moment, or standing still."""

import time
from collections.abc import Callable

_STAMP_STEP = 1_000  # one microsecond: the finest step every client library keeps


class Clock:
    """Nanoseconds UTC. It runs with real time from where it was set, or stands still."""

    def __init__(
        self,
        *,
        start: int | None,
        running: bool,
        source: Callable[[], int] = time.time_ns,
    ) -> None:
        """Begin at `start` (nanoseconds UTC; None: the real time)."""
        self._source = source
        self.running = running
        self._base = source() if start is None else start
        self._mark = source()
        self._last_stamp = 0

    def now(self) -> int:
        """Tell the time. Reading it changes nothing."""
        if not self.running:
            return self._base
        return self._base + self._source() - self._mark

    def stamp(self) -> int:
        """Tell the time for something that happens: no two stamps are equal."""
        self._last_stamp = max(self.now(), self._last_stamp + _STAMP_STEP)
        return self._last_stamp

    def set(self, at: int) -> None:
        """Move to another moment; going back restarts the stamps there too."""
        self._base, self._mark = at, self._source()
        self._last_stamp = min(self._last_stamp, at)

    def advance(self, nanoseconds: int) -> None:
        """Move forward by so many nanoseconds."""
        self.set(self.now() + nanoseconds)
