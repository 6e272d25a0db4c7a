"""Authority over one account, held by one process at a time and renewed while it lives.

The epoch fences what is committed; the deadline fences what is sent: it is reckoned from before the renewal was asked
for, on a clock that runs on while the process is stopped, so a process that slept through its lease sends nothing.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

from dispatcher.ports import DatabaseUnavailableError, Grant, Held, Leases

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0
WAIT_SECONDS = 0.5
MARGIN_SECONDS = 0.5
"""We stop this long before the database would let another begin."""


class Authority(Protocol):
    """One account's lease, however it is kept."""

    def take(self) -> Grant | Held:
        """The lease, or who has it."""

    def holds(self) -> bool:
        """Whether an order may be sent at this moment."""

    def keeps(self) -> bool:
        """Whether work may go on: it is held, and nobody else is to have it."""

    def release(self, epoch: int) -> None:
        """Let another take over at once."""

    def abandon(self) -> None:
        """Be gone, as after losing it."""

    def wait(self, pause: Callable[[float], None]) -> None:
        """Stand by until there may be news."""


class Lease:
    """One account's lease and the thread that renews it."""

    def __init__(self, leases: Leases, holder: str, monotonic: Callable[[], float]) -> None:
        self._leases = leases
        self._holder = holder
        self._monotonic = monotonic
        self._deadline = float("-inf")
        self._enough = Event()
        self._keeper: Thread | None = None

    def take(self) -> Grant | Held:
        """Try once; with a grant, keep it until `release` or loss."""
        asked_at = self._monotonic()
        answer = self._leases.acquire(self._holder, LEASE_SECONDS)
        if isinstance(answer, Grant):
            self._extend(asked_at)
            self._enough.clear()
            self._keeper = Thread(target=self._keep, args=(answer.epoch,), name="lease keeper", daemon=True)
            self._keeper.start()
        return answer

    def holds(self) -> bool:
        """Whether an order may be sent at this moment."""
        return self._monotonic() < self._deadline

    def keeps(self) -> bool:
        """See Authority."""
        return self.holds()

    def wait(self, pause: Callable[[float], None]) -> None:
        """See Authority."""
        pause(WAIT_SECONDS)

    def release(self, epoch: int) -> None:
        """Stop renewing and let another take over at once."""
        self._stop_keeping()
        self._deadline = float("-inf")
        try:
            self._leases.release(epoch)
        except DatabaseUnavailableError:
            self._leases.leave()  # it expires by itself

    def abandon(self) -> None:
        """Stop renewing and be gone, as after losing it."""
        self._stop_keeping()
        self._deadline = float("-inf")
        self._leases.leave()

    def _keep(self, epoch: int) -> None:
        while self.holds() and not self._enough.wait(RENEW_SECONDS):
            asked_at = self._monotonic()
            try:
                renewed = self._leases.renew(epoch, LEASE_SECONDS)
            except DatabaseUnavailableError:
                continue  # until the deadline passes, the database may come back
            if not renewed:
                self._deadline = float("-inf")
                return
            self._extend(asked_at)

    def _extend(self, asked_at: float) -> None:
        self._deadline = asked_at + LEASE_SECONDS - MARGIN_SECONDS

    def _stop_keeping(self) -> None:
        self._enough.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None
