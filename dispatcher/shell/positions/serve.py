"""One account's positions served: the lease, the bell, the turn, the heartbeat."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from threading import Event

from contract.events import Heartbeat, ReconcileCompleted, StreamChanged
from dispatcher.ports import Grant, Say, TradingAccount
from dispatcher.position_ports import Bell, PositionBroker, PositionLedger, Requests
from dispatcher.shell.beat import Beat
from dispatcher.shell.clock import BrokerClock
from dispatcher.shell.lease import Authority
from dispatcher.shell.positions.cycle import View, quotes_every, report, supervised, turn, watch_contracts
from dispatcher.shell.positions.desk import PositionDesk
from dispatcher.shell.tenure import Tenure

SPACING_SECONDS = 2.0
"""Between two turns. A turn is three requests, and dispatcher and manager share 200 a minute."""


@dataclass(frozen=True, slots=True)
class PositionMeans:
    """What one account's positions are served with."""

    account: TradingAccount
    broker: PositionBroker
    lease: Authority
    bell: Bell
    requests: Requests | None
    open_ledger: Callable[[int], AbstractContextManager[PositionLedger]]
    say: Say
    alive: Callable[[], None]
    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    """See PositionDesk."""
    heartbeat_seconds: float


class PositionService:
    """The loop of one account's positions."""

    def __init__(self, means: PositionMeans, stop: Event) -> None:
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
        self._desk: PositionDesk | None = None
        self._view: View | None = None
        self._whole = False
        self._quoted_at = means.monotonic()

    def run(self) -> None:
        """Until told to stop."""
        self._beat.begin()
        self._tenure.run(self._work)

    @property
    def _name(self) -> str:
        return self._means.account.name

    def _work(self, grant: Grant, clock: BrokerClock) -> None:
        with self._means.open_ledger(grant.epoch) as ledger:
            self._desk = self._make_desk(ledger, clock)
            self._means.bell.listen()
            try:
                self._turns(self._desk)
            finally:
                self._desk = None
                self._means.bell.silence()

    def _turns(self, desk: PositionDesk) -> None:
        before = len(desk.ledger.orders())
        unclear = self._look(desk, partial(turn, desk)).unclear
        told = ReconcileCompleted(account=self._name, unresolved_before=before, unresolved_after=unclear)
        self._means.say(told)
        while self._tenure.working():
            with self._tenure.broker_may_be_away():
                self._wait(desk)
                self._look(desk, partial(turn, desk))
            self._beat()

    def _look(self, desk: PositionDesk, look: Callable[[], View]) -> View:
        """Look at the broker and act; what broke off may have written more than the view before it knows."""
        self._whole = False
        self._view = look()
        self._whole, self._quoted_at = True, desk.monotonic()
        return self._view

    def _wait(self, desk: PositionDesk) -> None:
        """Until something happens or it is time: never more often than the budget allows, never less than declared."""
        self._idle(desk, SPACING_SECONDS, self._tenure.pause)
        if not self._leaving():
            self._idle(desk, max(0.0, desk.policy.reconcile_seconds - SPACING_SECONDS), self._means.bell.wait)
        for each in self._means.bell.take():
            self._means.say(StreamChanged(account=self._name, connected=each == "connected", why=each))

    def _idle(self, desk: PositionDesk, seconds: float, wait: Callable[[float], bool | None]) -> None:
        """So long, or until `wait` tells of something, or a quote of a contract has decided something."""
        until, leaving = desk.monotonic() + seconds, self._leaving()
        while self._tenure.working() and (left := until - desk.monotonic()) > 0 and self._leaving() == leaving:
            if wait(min(left, self._quotes_due(desk), SPACING_SECONDS)):
                return
            self._beat()
            if self._view is not None and self._quotes_due(desk) == 0:
                self._look(desk, partial(watch_contracts, desk, self._view))

    def _quotes_due(self, desk: PositionDesk) -> float:
        """Seconds until the quotes of contracts are to be read; for ever where no price is to decide."""
        watched = sum(map(supervised, self._view.books.values())) if self._view is not None and self._whole else 0
        if not watched:
            return float("inf")
        return max(0.0, self._quoted_at + quotes_every(desk, watched).total_seconds() - desk.monotonic())

    def _leaving(self) -> int:
        """How many positions are on their way out."""
        return 0 if self._view is None else sum(book.exit is not None for book in self._view.books.values())

    def _make_desk(self, ledger: PositionLedger, clock: BrokerClock) -> PositionDesk:
        means = self._means
        return PositionDesk(
            account=means.account,
            broker=means.broker,
            ledger=ledger,
            lease=means.lease,
            requests=means.requests,
            say=means.say,
            now=clock.now,
            monotonic=means.monotonic,
            wall=means.wall,
            since=clock.now(),
        )

    def _heartbeat(self, since: Decimal) -> None:
        """With what is held, as of the last turn."""
        self._means.say(
            Heartbeat(
                account=self._name,
                seconds=since,
                standing_by=self._tenure.standing_by_for is not None,
                considered=0,
                refused=0,
                accepted=0,
                rejected=0,
                unknown=0,
                unresolved=self._view.unclear if self._view else 0,
                newest_input_seconds=None,
            )
        )
        if self._desk is not None and self._view is not None:
            report(self._desk, self._view)
