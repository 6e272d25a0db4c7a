"""One account at work with fakes on every port, and everything it said."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contract.environment import ExecutionMode
from contract.events import Event
from dispatcher.ports import Grant, TradingAccount
from dispatcher.shell.desk import Desk
from dispatcher.shell.lease import Lease
from dispatcher.shell.switch import Switch
from dispatcher.shell.truth import Truth
from tests.dispatcher.cases import NOW, limits, row
from tests.fakes.broker import FakeBroker
from tests.fakes.chains import FakeChains
from tests.fakes.clock import FakeClock
from tests.fakes.leases import FakeLeases
from tests.fakes.ledger import FakeLedger


@dataclass
class Shop:
    """A desk and what stands around it. Its lease holds until a test lets it run out."""

    clock: FakeClock
    broker: FakeBroker
    ledger: FakeLedger
    lease_clock: FakeClock
    lease: Lease
    switch: Switch
    said: list[Event] = field(default_factory=list)
    desk: Desk = field(init=False)
    chains: FakeChains = field(init=False)

    def __post_init__(self) -> None:
        self.chains = FakeChains(self.broker)
        self.open_desk()

    def open_desk(self, **changed: Any) -> None:
        """Begin with empty hands, as a process that has just taken the lease does."""
        account = TradingAccount("large", "PA3LARGE", limits(**changed))
        self.desk = Desk(
            account=account,
            mode=ExecutionMode.ALPACA_PAPER,
            broker=self.broker,
            options=self.chains.means(),
            ledger=self.ledger,
            lease=self.lease,
            truth=Truth(self.broker, self.clock.broker, account.limits.max_standing_age_seconds),
            switch=self.switch,
            say=self.said.append,
            now=self.clock.broker,
            monotonic=self.clock,
            since=self.clock.broker(),
        )

    def recommend(self, **changes: Any) -> int:
        """A row of upstream's; without anything said a good one for AAPL, made just now."""
        number = len(self.ledger.rows) + 1
        self.ledger.rows.append(row(id=number, created_at=self.clock.broker()) | changes)
        return number

    def words(self) -> list[str]:
        """The names of what was said, in order."""
        return [event.name for event in self.said]

    def lose_the_lease(self) -> None:
        """Let more time pass for the lease than it lasts."""
        self.lease_clock.pass_by(60)


@contextmanager
def shop() -> Iterator[Shop]:
    """A shop for the length of a `with` block."""
    clock, lease_clock = FakeClock(NOW), FakeClock(NOW)
    lease = Lease(FakeLeases(lease_clock), "us", lease_clock)
    assert isinstance(lease.take(), Grant)
    switch = Switch(None, limits().trading_state, clock, clock.broker)
    yield Shop(clock, FakeBroker(clock.broker), FakeLedger(), lease_clock, lease, switch)
    lease.abandon()
