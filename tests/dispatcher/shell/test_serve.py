"""One account served: standing by, working, waiting for what is away, and letting go when told to stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from contract import events
from contract.environment import ExecutionMode
from contract.events import Event
from contract.limits import TradingState
from dispatcher.core.outcome import Throttled
from dispatcher.core.state import State
from dispatcher.ports import Channel, DatabaseUnavailableError, Held, Ledger, TradingAccount
from dispatcher.shell.aside import at_once
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.serve import ASK_AGAIN_SECONDS, WAIT_SECONDS, Means, serve
from dispatcher.shell.switch import Switch
from tests.dispatcher.cases import NOW, limits, row
from tests.fakes.broker import FakeBroker, away
from tests.fakes.chains import FakeChains
from tests.fakes.clock import FakeClock, FakeStop
from tests.fakes.lease import FakeLease
from tests.fakes.ledger import FakeLedger


@dataclass
class Shift:
    """One account's service with fakes on every port. Steps are taken each time it waits for upstream or pauses."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    ledger: FakeLedger = field(default_factory=FakeLedger)
    said: list[Event] = field(default_factory=list)
    alive: int = 0
    opened: list[int] = field(default_factory=list)
    database_away: bool = False
    hears: Callable[[Event], None] = lambda _: None

    def __post_init__(self) -> None:
        self.stop = FakeStop(self.clock)
        self.broker = FakeBroker(self.clock.broker)
        self.lease = FakeLease(self.clock)
        self.switch = Switch(None, TradingState.ACTIVE, self.clock, self.clock.broker)
        self.ledger.waiting = self.pass_by

    def serve(self, *, seconds: float = 3.0) -> None:
        """Serve until told to stop, or until so much fake time has gone by."""
        self._ends_at = seconds
        serve(self._means(), self.stop)

    def words(self) -> list[str]:
        """The names of what was said, but for heartbeats."""
        return [event.name for event in self.said if not isinstance(event, events.Heartbeat)]

    def heartbeats(self) -> list[events.Heartbeat]:
        return [event for event in self.said if isinstance(event, events.Heartbeat)]

    def recommend(self, **changes: Any) -> None:
        number = len(self.ledger.rows) + 1
        self.ledger.rows.append(row(id=number, created_at=self.clock.broker()) | changes)

    def _means(self) -> Means:
        return Means(
            account=TradingAccount("large", "PA3LARGE", limits()),
            mode=ExecutionMode.ALPACA_PAPER,
            broker=self.broker,
            options=FakeChains(self.broker).means(),
            lease=self.lease,
            switch=self.switch,
            open_ledger=self._open_ledger,
            catalog=Catalog(self.clock),
            aside=at_once,
            threads_to_spare=True,
            say=self._say,
            alive=self._live,
            monotonic=self.clock,
            heartbeat_seconds=1.0,
        )

    def _open_ledger(self, epoch: int) -> Ledger:
        self.opened.append(epoch)
        if self.database_away:
            raise DatabaseUnavailableError("connection refused")
        return self.ledger

    def _say(self, event: Event) -> None:
        self.said.append(event)
        self.hears(event)

    def _live(self) -> None:
        self.alive += 1
        if self.clock() >= self._ends_at:
            self.stop.set()

    def pass_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        self.lease.renew()


@pytest.fixture
def shift() -> Shift:
    return Shift()


def test_the_limits_in_force_are_told_first_then_the_lease_then_what_was_left(shift: Shift) -> None:
    shift.serve()

    assert shift.words() == ["limits_in_force", "lease_acquired", "reconcile_completed"]
    assert shift.said[0] == events.LimitsInForce(
        account="large", digest=limits().digest(), document=limits().document()
    )


def test_told_to_stop_it_lets_go_of_the_lease(shift: Shift) -> None:
    shift.serve()

    assert (shift.lease.holds(), shift.lease.released) == (False, [1])


def test_a_heartbeat_tells_what_happened_since_the_last_one(shift: Shift) -> None:
    for symbol in ("AAPL", "MSFT", None):
        shift.recommend(ticker=symbol)

    shift.serve(seconds=2.0)

    assert shift.heartbeats() == [
        events.Heartbeat(
            account="large",
            seconds=Decimal("1.0"),
            standing_by=False,
            considered=considered,
            refused=considered // 3,
            accepted=considered // 3 * 2,
            rejected=0,
            unknown=0,
            unresolved=0,
            newest_input_seconds=Decimal(age),
            refused_by=refused_by,
        )
        for considered, age, refused_by in ((3, "1.0", '{"malformed": 1}'), (0, "2.0", "{}"))
    ]


def test_a_fill_that_the_position_manager_saw_reaches_the_books_before_the_next_look_is_due(shift: Shift) -> None:
    shift.recommend()
    told_at: list[float] = []

    def fill(seconds: float) -> None:
        shift.pass_by(seconds)
        if shift.broker.sent and not told_at:
            shift.broker.change(shift.broker.sent[0], status="filled", filled_quantity=Decimal(10))
            shift.ledger.told = {Channel.FILLS}

    def hear(event: Event) -> None:
        if isinstance(event, events.OrderUpdated):
            told_at.append(shift.clock())

    shift.ledger.waiting, shift.hears = fill, hear
    shift.serve()

    assert told_at == [WAIT_SECONDS]
    assert WAIT_SECONDS < ASK_AGAIN_SECONDS


def test_while_another_holds_the_lease_it_stands_by_says_so_once_and_beats(shift: Shift) -> None:
    shift.lease.another = Held("other:1", 4)
    shift.recommend()

    shift.serve()

    assert shift.words() == ["limits_in_force", "standby"]
    assert shift.said[1] == events.Standby(account="large", holder="other:1", epoch=4)
    assert [beat.standing_by for beat in shift.heartbeats()] == [True, True, True]
    assert (shift.broker.sent, shift.ledger.books) == ([], {})


def test_a_new_holder_is_told_too(shift: Shift) -> None:
    shift.lease.another = Held("other:1", 4)

    def replace(event: Event) -> None:
        if isinstance(event, events.Heartbeat):
            shift.lease.another = Held("other:2", 5)

    shift.hears = replace
    shift.serve()

    assert [(event.holder, event.epoch) for event in shift.said if isinstance(event, events.Standby)] == [
        ("other:1", 4),
        ("other:2", 5),
    ]


def test_when_the_other_lets_go_it_takes_over_and_trades(shift: Shift) -> None:
    shift.lease.another = Held("other:1", 4)
    shift.recommend()

    def let_go(event: Event) -> None:
        if isinstance(event, events.Heartbeat):
            shift.lease.another = None

    shift.hears = let_go
    shift.serve()

    assert shift.words()[1:4] == ["standby", "lease_acquired", "reconcile_completed"]
    assert shift.ledger.states() == {1: State.ACCEPTED}
    assert shift.heartbeats()[-1].standing_by is False


def test_a_broker_that_is_away_at_the_start_is_waited_for_with_signs_of_life(shift: Shift) -> None:
    shift.broker.away = away(2.0)
    shift.recommend()

    def come_back(_: Event) -> None:
        if len(shift.heartbeats()) == 2:
            shift.broker.away = None

    shift.hears = come_back
    shift.serve(seconds=5.0)

    assert shift.said[1] == events.BrokerUnavailable(
        account="large", what="account", error="ConnectionError: reset by peer", retry_seconds=Decimal("2.0")
    )
    assert shift.ledger.states() == {1: State.ACCEPTED}
    assert shift.alive > 5


def test_a_broker_that_goes_away_while_it_decides_loses_no_recommendation(shift: Shift) -> None:
    shift.recommend()
    shift.hears = lambda event: setattr(
        shift.broker, "away", away(2.0) if isinstance(event, events.ReconcileCompleted) else None
    )

    shift.serve(seconds=10.0)

    assert "broker_unavailable" in shift.words()
    assert shift.ledger.states() == {1: State.ACCEPTED}
    assert len(shift.broker.sent) == 1


def test_a_database_that_goes_away_after_the_order_was_sent_loses_nothing(shift: Shift) -> None:
    shift.recommend()
    shift.ledger.breaks = {"conclude"}

    shift.serve(seconds=4.0)

    assert "database_unavailable" in shift.words()
    assert (len(shift.broker.sent), shift.ledger.states()) == (1, {1: State.ACCEPTED})
    assert [word for word in shift.words() if word in {"order_accepted", "order_resolved"}] == ["order_resolved"]
    assert shift.opened == [1, 1]


def test_a_database_that_goes_away_before_the_claim_loses_nothing(shift: Shift) -> None:
    shift.recommend()
    shift.ledger.breaks = {"claim"}

    shift.serve(seconds=4.0)

    assert shift.said[3] == events.DatabaseUnavailable(
        account="large", error="server closed the connection unexpectedly", retry_seconds=Decimal("1.0")
    )
    assert shift.ledger.states() == {1: State.ACCEPTED}


def test_a_database_that_stays_away_costs_the_lease_and_is_told(shift: Shift) -> None:
    shift.database_away = True

    shift.serve(seconds=12.0)

    assert shift.words()[:3] == ["limits_in_force", "lease_acquired", "database_unavailable"]
    assert events.LeaseLost(account="large", epoch=1, why="it was not renewed in time") in shift.said
    assert shift.heartbeats() != []


def test_authority_that_was_lost_is_told_and_asked_for_again(shift: Shift) -> None:
    shift.recommend()
    shift.ledger.lost = True

    def find_it_again(event: Event) -> None:
        if isinstance(event, events.LeaseLost):
            shift.ledger.lost = False

    shift.hears = find_it_again
    shift.serve(seconds=4.0)

    assert shift.said[3] == events.LeaseLost(account="large", epoch=1, why="the lease is another's")
    assert [event.epoch for event in shift.said if isinstance(event, events.LeaseAcquired)] == [1, 2]
    assert shift.ledger.states() == {1: State.ACCEPTED}


def test_told_to_stop_while_an_order_is_sent_it_finishes_that_order_and_claims_no_other(shift: Shift) -> None:
    shift.recommend(ticker="AAPL")
    shift.recommend(ticker="MSFT")
    shift.broker.before_submit = shift.stop.set

    shift.serve(seconds=60.0)

    assert len(shift.broker.sent) == 1
    assert list(shift.ledger.states().values()) == [State.ACCEPTED]
    assert shift.words()[-2:] == ["order_accepted", "execution_recorded"]


def test_told_to_stop_it_leaves_an_order_that_was_not_placed_to_whoever_comes_next(shift: Shift) -> None:
    shift.recommend()
    shift.broker.outcomes = [Throttled(60.0)]
    shift.serve(seconds=2.0)

    assert shift.ledger.states() == {1: State.INTENDED}
    assert shift.heartbeats()[-1].unresolved == 1


def test_a_change_of_what_the_account_may_do_is_told_once(shift: Shift) -> None:
    def halt(event: Event) -> None:
        if isinstance(event, events.ReconcileCompleted):
            shift.switch.halt("a person said so")

    shift.hears = halt
    shift.serve()

    assert [event for event in shift.said if isinstance(event, events.TradingStateChanged)] == [
        events.TradingStateChanged(account="large", state=TradingState.HALTED, why="a person said so (by dispatcher)")
    ]


def test_a_surprise_ends_the_service_and_lets_go_of_the_lease(shift: Shift) -> None:
    def surprise() -> None:
        raise ZeroDivisionError

    shift.recommend()
    shift.broker.before_submit = surprise

    with pytest.raises(ZeroDivisionError):
        shift.serve()

    assert (shift.lease.released, shift.ledger.states()) == ([1], {1: State.INTENDED})
