"""Time that moves only when told: the monotonic clock, and the broker's, which keep step."""

from datetime import datetime, timedelta
from threading import Event, current_thread


class FakeClock:
    """`clock()` is the monotonic time in seconds; `clock.broker()` is the broker's time, UTC."""

    def __init__(self, at: datetime) -> None:
        self._started_at = at
        self._seconds = 0.0

    def __call__(self) -> float:
        return self._seconds

    def broker(self) -> datetime:
        return self._started_at + timedelta(seconds=self._seconds)

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self._seconds += seconds


class FakeStop(Event):
    """An order to stop. Whoever waits for it in the thread that made it lets the fake time go by instead."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._ours = current_thread()

    def wait(self, timeout: float | None = None) -> bool:
        if current_thread() is not self._ours:
            return super().wait(timeout)
        self._clock.pass_by(timeout or 0.0)
        return self.is_set()
