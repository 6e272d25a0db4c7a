"""What an account needs now and then and its walk must not wait for: done aside, a round at a time."""

from datetime import datetime

from dispatcher.ports import BrokerThrottledError
from dispatcher.shell.desk import Desk
from dispatcher.shell.guard import halt_for_losses, halt_for_unbooked
from dispatcher.shell.reconcile import watch
from dispatcher.shell.sending import say_throttled

BUSY_SECONDS = 2.0
"""Between two looks at what may still fill. Where a position manager runs, a fill is told at once all the same."""
IDLE_SECONDS = 5.0
"""Between two looks into the books of an account with nothing open and nothing new: a thousand must cost little."""
SWEEP_SECONDS = 60.0
"""Between two looks for what upstream wrote further back than has been considered, and for orders not in the books."""
ROUNDS_TO_ADVANCE = 2
"""One to mark how far upstream has come, one to move there."""


class Upkeep:
    """Resting orders followed, the broker's truth kept young and held against the books, what is done remembered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked_to_cancel: set[str] = set()
        self._to_advance = ROUNDS_TO_ADVANCE
        self._live = self._asked_for = self._answered = 0
        self._look_at = self._sweep_at = self._throttled_until = float("-inf")
        self.newest_input: datetime | None = None
        """When upstream's newest recommendation was created."""

    @property
    def busy(self) -> bool:
        """Whether an order is open or something was considered lately."""
        return self._live > 0 or self._to_advance > 0

    def considered(self) -> None:
        """There is something new to remember."""
        if not self._to_advance:
            self._look_at = min(self._look_at, self._desk.monotonic() + BUSY_SECONDS)
        self._to_advance = ROUNDS_TO_ADVANCE

    def look_now(self) -> None:
        """Something moved at the broker, or the account may do less than it might: look with the next round."""
        self._asked_for += 1

    def round(self) -> None:
        """Everything that is due.

        Raises:
            BrokerUnavailableError, DatabaseUnavailableError, LostAuthorityError: the rest is for the next round.
        """
        if self._desk.monotonic() < self._throttled_until:
            return
        try:
            self._round()
        except BrokerThrottledError as error:
            self._throttled_until = self._desk.monotonic() + error.retry_seconds
            say_throttled(self._desk, error)

    def _round(self) -> None:
        desk = self._desk
        asked = self._asked_for  # what is asked for during a look, or in vain, is for the next one
        if asked != self._answered or desk.monotonic() >= self._look_at:
            self._live = watch(desk, self._asked_to_cancel)
            self._answered = asked
            self._look_at = desk.monotonic() + (BUSY_SECONDS if self.busy else IDLE_SECONDS)
            self._remember()
        desk.truth.refresh()
        halt_for_losses(desk)

    def _remember(self) -> None:
        desk = self._desk
        self.newest_input = desk.ledger.newest_input()
        if self._to_advance:
            self._to_advance -= 1
            desk.ledger.advance()
        if desk.monotonic() >= self._sweep_at:
            self._sweep_at = desk.monotonic() + SWEEP_SECONDS
            desk.ledger.sweep(desk.now())
            halt_for_unbooked(desk)
