"""Now, by the broker's clock: a sandbox whose market is open on a Sunday works, and our own clock plays no part."""

from collections.abc import Callable
from datetime import datetime, timedelta

from dispatcher.ports import BrokerUnavailableError, Timekeeper

MEASURE_EVERY_SECONDS = 60.0


class BrokerClock:
    """The broker's time, measured each minute and carried on by a monotonic clock in between."""

    def __init__(self, broker: Timekeeper, monotonic: Callable[[], float]) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._measured_at = monotonic()
        self._time_then = broker.clock()

    def now(self) -> datetime:
        """The broker's time, UTC. A measurement that fails leaves the one before in force."""
        elapsed = self._monotonic() - self._measured_at
        if elapsed < MEASURE_EVERY_SECONDS:
            return self._time_then + timedelta(seconds=elapsed)
        before = self._monotonic()
        try:
            self._time_then, self._measured_at = self._broker.clock(), before
        except BrokerUnavailableError:
            return self._time_then + timedelta(seconds=elapsed)
        return self._time_then
