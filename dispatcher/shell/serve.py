"""One account served: stand by or hold the lease, settle what was left, then work until told to stop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from threading import Event, Thread

from contract.control import TradingOrder
from contract.environment import ExecutionMode
from contract.events import Heartbeat, TradingStateChanged
from contract.limits import TradingState
from dispatcher.ports import (
    Broker,
    Channel,
    Grant,
    Ledger,
    Say,
    TradingAccount,
)
from dispatcher.shell.aside import Aside, Start
from dispatcher.shell.beat import Beat
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.clock import BrokerClock
from dispatcher.shell.desk import Counts, Desk, OptionMeans, SideBySide
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.lease import Authority
from dispatcher.shell.reconcile import first_of_all, resend, resolve
from dispatcher.shell.switch import Switch
from dispatcher.shell.tenure import Tenure
from dispatcher.shell.truth import Truth
from dispatcher.shell.upkeep import Upkeep

WAIT_SECONDS = 0.5
"""How long to wait for upstream before looking anyway; a notification cuts it short."""
ASK_AGAIN_SECONDS = 1.0
"""Between two look-ups of what has no answer, and two looks at what may still fill."""
ORDERS_AT_A_TIME = 2
"""On their way to the broker, where several are sent: one is made ready while the other is answered."""
LATEST_LOOK_SECONDS = 0.5
"""How long such a look waits for a pause between two recommendations."""


@dataclass(frozen=True, slots=True)
class Means:
    """What one account is served with."""

    account: TradingAccount
    mode: ExecutionMode
    broker: Broker
    options: OptionMeans
    lease: Authority
    switch: Switch
    open_ledger: Callable[[int], Ledger]
    """The ledger under an epoch."""
    catalog: Catalog
    aside: Start
    """Runs what the account's walk must not wait for."""
    threads_to_spare: bool
    """Few accounts share the process: each may claim aside, while it asks for quotes, and send orders side by side."""
    say: Say
    alive: Callable[[], None]
    """Tells the health check that this account's loop turns."""
    monotonic: Callable[[], float]
    heartbeat_seconds: float
    wait_seconds: float = WAIT_SECONDS
    """How long to wait for upstream before looking anyway: longer where many accounts look."""


def serve(means: Means, stop: Event) -> None:
    """Serve the account until told to stop. What is away is waited for; what is a surprise ends the process."""
    Service(means, stop).run()


class Service:
    """The loop of one account, and the heartbeat that goes on whether it trades, stands by or waits."""

    def __init__(self, means: Means, stop: Event) -> None:
        self._means = means
        self._stop = stop
        self._beat = Beat(means, self._heartbeat)
        self._tenure = Tenure(
            account=means.account.name,
            keeper=means.broker,
            lease=means.lease,
            say=means.say,
            beat=self._beat,
            monotonic=means.monotonic,
            stop=stop,
        )
        self._counts = Counts()
        self._unresolved = 0
        self._newest_input: datetime | None = None
        self._told_state = TradingState.ACTIVE

    def run(self) -> None:
        """Until told to stop."""
        self._beat.begin()
        self._means.switch.listen()
        listening = Thread(target=self._means.switch.keep, args=(self._stop,), name="kill switch", daemon=True)
        listening.start()
        self._tenure.run(self._trade)
        listening.join()

    @property
    def _name(self) -> str:
        return self._means.account.name

    def _trade(self, grant: Grant, clock: BrokerClock) -> None:
        hands = ThreadPoolExecutor(ORDERS_AT_A_TIME, thread_name_prefix="sending")
        side_by_side = hands.map if self._means.threads_to_spare else map
        try:
            self._work(self._desk(self._means.open_ledger(grant.epoch), clock, side_by_side))
        finally:
            hands.shutdown(cancel_futures=True)  # what has not left by now stays intended, and is looked up

    def _work(self, desk: Desk) -> None:
        first_of_all(desk)
        upkeep, aside = Upkeep(desk), Aside(self._means.aside)
        try:
            self._turns(desk, upkeep, aside)
        finally:
            aside.finish()

    def _turns(self, desk: Desk, upkeep: Upkeep, aside: Aside) -> None:
        look_at, hurry = self._means.monotonic(), False
        while self._tenure.working():
            with self._tenure.broker_may_be_away():
                aside.raise_what_went_wrong()
                if self._tell_state(desk.switch.order()):
                    upkeep.look_now()  # what rests may have to go
                    hurry = True
                if hurry:
                    hurry = not aside.do(upkeep.round)  # once more while the round before is still running
                resend(desk)
                busy = dispatch(desk)
                if busy:
                    upkeep.considered()
                # In a pause between two recommendations, so that none waits for it; without a pause it comes late.
                if self._means.monotonic() >= look_at + (LATEST_LOOK_SECONDS if busy else 0.0):
                    self._look(desk, upkeep, aside)
                    look_at = self._means.monotonic() + ASK_AGAIN_SECONDS
                if not busy and Channel.FILLS in desk.ledger.wait(self._means.wait_seconds):
                    upkeep.look_now()
                    look_at = self._means.monotonic()
            self._beat()

    def _look(self, desk: Desk, upkeep: Upkeep, aside: Aside) -> None:
        """What does not come by itself: answers still missing here, everything else aside."""
        if self._unresolved or upkeep.busy:
            self._unresolved = resolve(desk) + len(desk.delayed)
        aside.do(upkeep.round)
        self._newest_input = upkeep.newest_input

    def _tell_state(self, order: TradingOrder) -> bool:
        """Say what the account may do when that has changed, and at the start when it may not do everything."""
        changed = order.state is not self._told_state
        if changed:
            self._told_state = order.state
            why = f"{order.why} (by {order.by})"
            self._means.say(TradingStateChanged(account=self._name, state=order.state, why=why))
        return changed

    def _desk(self, ledger: Ledger, clock: BrokerClock, side_by_side: SideBySide) -> Desk:
        means = self._means
        return Desk(
            account=means.account,
            mode=means.mode,
            broker=means.broker,
            options=means.options,
            ledger=ledger,
            lease=means.lease,
            truth=Truth(means.broker, clock.now, means.account.limits.max_standing_age_seconds, means.catalog),
            switch=means.switch,
            say=means.say,
            now=clock.now,
            monotonic=means.monotonic,
            since=clock.now(),
            spare=means.aside if means.threads_to_spare else None,
            side_by_side=side_by_side,
            counts=self._counts,
        )

    def _heartbeat(self, since: Decimal) -> None:
        self._means.say(
            Heartbeat(
                account=self._name,
                seconds=since,
                standing_by=self._tenure.standing_by_for is not None,
                unresolved=self._unresolved,
                newest_input_seconds=self._newest_input_seconds(),
                **self._counts.take(),
            )
        )

    def _newest_input_seconds(self) -> Decimal | None:
        clock = self._tenure.clock
        if self._newest_input is None or clock is None:
            return None
        return Decimal(f"{(clock.now() - self._newest_input).total_seconds():.1f}")
