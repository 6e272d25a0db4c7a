"""An account's authority in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.ports import Grant, Held
from dispatcher.shell.lease import LEASE_SECONDS
from dispatcher.shell.tenure import WAIT_SECONDS

NEVER = float("-inf")


@dataclass
class FakeLease:
    """See Authority. Granted unless `another` has it, and never renewed but by `renew`."""

    monotonic: Callable[[], float]
    another: Held | None = None
    epoch: int = 0
    released: list[int] = field(default_factory=list)
    _deadline: float = NEVER

    def take(self) -> Grant | Held:
        if self.another is not None:
            return self.another
        self.epoch += 1
        self.renew()
        return Grant(self.epoch)

    def renew(self) -> None:
        self._deadline = self.monotonic() + LEASE_SECONDS

    def holds(self) -> bool:
        return self.monotonic() < self._deadline

    def keeps(self) -> bool:
        return self.holds()

    def release(self, epoch: int) -> None:
        self.released.append(epoch)
        self.abandon()

    def abandon(self) -> None:
        self._deadline = NEVER

    def wait(self, pause: Callable[[float], None]) -> None:
        pause(WAIT_SECONDS)
