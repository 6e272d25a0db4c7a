"""The kill switch: what the account may do at this moment, by whoever allows least.

Three have a say: the declared limits, the control table (where a person says it, within a second), and this process,
which halts by itself when something is wrong. A control table that cannot be read for a while means REDUCE_ONLY.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Lock

from contract.control import TradingOrder, strictest
from contract.limits import TradingState
from dispatcher.ports import Control, ControlUnavailableError

POLL_SECONDS = 0.5
UNREADABLE_SECONDS = 5.0
"""Without word from the control table for this long, nothing is opened."""
OURSELVES = "dispatcher"


class Switch:
    """One account's trading state. Read by the account's thread, kept fresh by a thread of its own.

    `changed` is told of news, so that whoever waits need not wait on.
    """

    def __init__(
        self,
        control: Control | None,
        declared: TradingState,
        monotonic: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._changed = changed
        self._control = control
        self._monotonic = monotonic
        self._now = now
        self._declared = TradingOrder(declared, "pipeline.toml", now(), "declared")
        self._lock = Lock()
        self._heard: TradingOrder | None = None
        self._heard_at = float("-inf")  # until the table was heard once, it may say HALTED
        self._halted: TradingOrder | None = None

    def order(self) -> TradingOrder:
        """The order in force: of those who have a say, the one that allows least."""
        with self._lock:
            said = [each for each in (self._declared, self._heard, self._halted, self._deaf()) if each is not None]
        state = strictest(*(each.state for each in said))
        return next(each for each in reversed(said) if each.state is state)

    def halt(self, why: str) -> None:
        """Halt the account at once, and for everyone as soon as the control table takes it.

        What is halted already stays as it was said: the first reason is the one to look at.
        """
        if self.order().state is TradingState.HALTED:
            return
        with self._lock:
            self._halted = TradingOrder(TradingState.HALTED, OURSELVES, self._now(), why)
        self._changed()

    def keep(self, stop: Event) -> None:
        """Listen to the control table until told to stop."""
        while not stop.is_set():
            self.listen()
            stop.wait(None if self._control is None else POLL_SECONDS)  # with no table there is nothing to wake for

    def listen(self) -> None:
        """Hand on a halt of ours, then hear what the control table says."""
        if self._control is None:
            return
        try:
            self._hand_on(self._control)
            heard = self._control.read()
        except ControlUnavailableError:
            return  # how long ago we last heard decides
        with self._lock:
            before, self._heard, self._heard_at = self._heard, heard, self._monotonic()
        if heard != before:
            self._changed()

    def _hand_on(self, control: Control) -> None:
        """Once the table says HALTED it is the authority: a person resumes there, and we obey."""
        with self._lock:
            halted = self._halted
        if halted is None:
            return
        control.write(halted)
        with self._lock:
            self._heard, self._halted = halted, None

    def _deaf(self) -> TradingOrder | None:
        silent = self._monotonic() - self._heard_at
        if self._control is None or silent < UNREADABLE_SECONDS:
            return None
        why = f"the control table could not be read for {UNREADABLE_SECONDS:.0f} s"
        return TradingOrder(TradingState.REDUCE_ONLY, OURSELVES, self._now(), why)
