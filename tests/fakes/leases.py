"""Leases in memory: several holders can be given the same one, and fight over it as over the database's."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.ports import DatabaseUnavailableError, Grant, Held


@dataclass
class LeaseRow:
    """What the database would hold for the account."""

    holder: str = ""
    epoch: int = 0
    expires_at: float = float("-inf")


@dataclass
class FakeLeases:
    """See ports.Leases. `away` makes every answer a database that cannot be reached."""

    monotonic: Callable[[], float]
    row: LeaseRow = field(default_factory=LeaseRow)
    away: bool = False
    renewed: int = 0
    left: int = 0

    def acquire(self, holder: str, seconds: float) -> Grant | Held:
        self._reach()
        if self.monotonic() < self.row.expires_at:
            return Held(self.row.holder, self.row.epoch)
        self.row.holder, self.row.epoch = holder, self.row.epoch + 1
        self.row.expires_at = self.monotonic() + seconds
        return Grant(self.row.epoch)

    def renew(self, epoch: int, seconds: float) -> bool:
        self.renewed += 1
        self._reach()
        ours = epoch == self.row.epoch and self.monotonic() < self.row.expires_at
        if ours:
            self.row.expires_at = self.monotonic() + seconds
        return ours

    def release(self, epoch: int) -> None:
        self._reach()
        if epoch == self.row.epoch:
            self.row.expires_at = self.monotonic()

    def leave(self) -> None:
        self.left += 1

    def _reach(self) -> None:
        if self.away:
            raise DatabaseUnavailableError("server closed the connection unexpectedly")
