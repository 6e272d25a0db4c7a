"""Everything one account's walk needs, in one place, and the counts that its heartbeat tells."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from contract.environment import ExecutionMode
from contract.limits import Limits
from dispatcher.core.entries import Entry
from dispatcher.core.reasons import Reason
from dispatcher.option_ports import Complete, OptionBroker
from dispatcher.ports import Broker, Ledger, Say, TradingAccount
from dispatcher.shell.aside import Start
from dispatcher.shell.lease import Authority
from dispatcher.shell.pace import Pace
from dispatcher.shell.switch import Switch
from dispatcher.shell.truth import Truth


@dataclass(slots=True)
class Counts:
    """What happened since the last heartbeat."""

    considered: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    refusals: Counter[Reason] = field(default_factory=Counter)

    def take(self) -> dict[str, Any]:
        """The counts as a heartbeat tells them, and start again from zero."""
        taken = {
            "considered": self.considered,
            "refused": self.refusals.total(),
            "accepted": self.accepted,
            "rejected": self.rejected,
            "unknown": self.unknown,
            "refused_by": json.dumps(self.refusals, sort_keys=True),
        }
        self.considered = self.accepted = self.rejected = self.unknown = 0
        self.refusals.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Sending:
    """An order whose intent is committed."""

    recommendation_id: int
    recommended_at: datetime
    intended_at: datetime
    order: Entry


@dataclass(frozen=True, slots=True)
class OptionMeans:
    """What trading in options needs beside the rest: the chains, and a model where the broker computes nothing."""

    broker: OptionBroker
    complete: Complete


T = TypeVar("T")
R = TypeVar("R")


class SideBySide(Protocol):
    """Does the same with each, a few at a time, and gives what it comes to in turn."""

    def __call__(self, do: Callable[[T], R], each: Iterable[T], /) -> Iterator[R]:
        """As `map` does, which does one at a time."""


@dataclass(slots=True)
class Desk:
    """One account at work under its lease.

    `delayed` are orders that were surely not placed, with the monotonic time to try again; `skipped` are
    recommendations given back because the broker could not be read, with the time to look at them again.
    """

    account: TradingAccount
    mode: ExecutionMode
    broker: Broker
    options: OptionMeans
    ledger: Ledger
    lease: Authority
    truth: Truth
    switch: Switch
    say: Say
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    since: datetime
    """When the lease was taken, by the broker's clock: an earlier holder may have sent until then."""
    spare: Start | None = None
    """Begins a job in another thread, where one can be spared."""
    side_by_side: SideBySide = map
    """How several orders are sent."""
    counts: Counts = field(default_factory=Counts)
    pace: Pace = field(default_factory=Pace)
    delayed: dict[int, tuple[float, Sending]] = field(default_factory=dict)
    skipped: dict[int, float] = field(default_factory=dict)
    differences: set[str] = field(default_factory=set)
    """Our ids of orders on which books and broker were found to differ, and the account was halted for."""
    entries_after: float = float("-inf")
    """No recommendation is taken up before this monotonic time: the budget has no requests for entries."""

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self.account.limits

    @property
    def name(self) -> str:
        """The account's name here."""
        return self.account.name
