"""Authority over one account, held by one process at a time and prolonged while it lives.

The epoch fences what is committed; the deadline fences what is sent: it is reckoned from before the renewal was asked
for, on a clock that runs on while the process is stopped, so a process that slept through its lease sends nothing.
"""

from collections.abc import Callable
from typing import Protocol

from dispatcher.ports import Grant, Held

LEASE_SECONDS = 5.0
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
