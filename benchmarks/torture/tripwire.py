"""Where the exchange can make a process stand: everything stops at a moment of an order request."""

from collections.abc import Callable
from threading import Event

STAND_SECONDS = 30.0
"""An exchange that was forgotten goes on after this, so that nothing hangs for ever."""


class Tripwire:
    """Observes order requests. When it trips, `stop` was called in the exchange's thread, and the exchange stands."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._moment: str | None = None
        self._skip = 0
        self._go_on = Event()
        self.tripped = Event()
        self.client_order_id = ""

    def arm(self, moment: str, skip: int) -> None:
        """Trip at the moment (received, applied, answered), after it has passed `skip` times."""
        self._go_on.clear()
        self._skip = skip
        self._moment = moment

    def disarm(self) -> None:
        """Watch nothing, and let the exchange go on."""
        self._moment = None
        self.tripped.clear()
        self._go_on.set()

    def observe(self, moment: str, client_order_id: str | None) -> None:
        """What the exchange calls."""
        if moment != self._moment:
            return
        self._skip -= 1
        if self._skip >= 0:
            return
        self._moment = None
        self._stop()  # first of all: every millisecond counts for what stands after `answered`
        self.client_order_id = client_order_id or ""
        self.tripped.set()
        self._go_on.wait(STAND_SECONDS)
