"""One account at work with fakes on every port, and everything it said."""

from dataclasses import dataclass, field
from typing import Any

from contract.environment import ExecutionMode
from contract.events import Event
from dispatcher.ports import TradingAccount
from dispatcher.shell.desk import Desk
from dispatcher.shell.switch import Switch
from dispatcher.shell.truth import Truth
from tests.dispatcher.cases import NOW, limits, row
from tests.fakes.broker import FakeBroker
from tests.fakes.chains import FakeChains
from tests.fakes.clock import FakeClock
from tests.fakes.lease import FakeLease
from tests.fakes.ledger import FakeLedger


@dataclass
class Shop:
    """A desk and what stands around it. Its lease holds until a test loses it."""

    clock: FakeClock
    broker: FakeBroker
    ledger: FakeLedger
    lease: FakeLease
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
        """Be stopped for longer than the lease lasts."""
        self.lease.abandon()


def shop() -> Shop:
    """A shop whose account is ours, on a clock of its own that stands."""
    clock, lease = FakeClock(NOW), FakeLease(FakeClock(NOW))
    lease.take()
    switch = Switch(None, limits().trading_state, clock, clock.broker)
    return Shop(clock, FakeBroker(clock.broker), FakeLedger(), lease, switch)
