"""Time that moves only when told: the monotonic clock, and the broker's, which keep step."""

from datetime import datetime, timedelta


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
