"""Now, by the broker's clock: a sandbox whose market is open on a Sunday works, and our own clock plays no part."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.ports import BrokerUnavailableError, Timekeeper

MEASURE_EVERY_SECONDS = 60.0
PROMPT_SECONDS = 0.5
"""An answer that took longer says too little about when it was given: half of it is how far wrong it may be."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class _Measured:
    """The broker's time at a moment of our monotonic clock, and how long the answer took."""

    time: datetime
    at: float
    took: float


class BrokerClock:
    """The broker's time, measured each minute and carried on by a monotonic clock in between.

    A question may wait for the account's budget, or its process sleep over the answer. Taken for the time at which it
    was asked, such an answer puts the clock ahead by the whole wait, and an order of ours looks older than its intent.
    """

    def __init__(self, broker: Timekeeper, monotonic: Callable[[], float]) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._measured = self._measure()
        self._asked_at = monotonic()

    def now(self) -> datetime:
        """The broker's time, UTC. A measurement that fails or takes long leaves the one before in force."""
        if self._monotonic() - self._asked_at >= MEASURE_EVERY_SECONDS:
            self._measure_again()
            self._asked_at = self._monotonic()
        return self._measured.time + timedelta(seconds=self._monotonic() - self._measured.at)

    def _measure_again(self) -> None:
        try:
            measured = self._ask()
        except BrokerUnavailableError:
            return
        if measured.took <= PROMPT_SECONDS:
            self._measured = measured

    def _measure(self) -> _Measured:
        """The first measurement: of a few answers the quickest, or the first that was prompt."""
        best = self._ask()
        for _ in range(TRIES - 1):
            if best.took <= PROMPT_SECONDS:
                break
            best = min(best, self._ask(), key=lambda each: each.took)
        return best

    def _ask(self) -> _Measured:
        """As in NTP: the answer was given in the middle of the time that it took."""
        asked_at = self._monotonic()
        time = self._broker.clock()
        took = self._monotonic() - asked_at
        return _Measured(time, asked_at + took / 2, took)
