"""One account's lease, held through broken connections until told to stop, with signs of life all the while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event

from contract.events import BrokerUnavailable, DatabaseUnavailable, LeaseAcquired, LeaseLost, Standby
from dispatcher.ports import (
    BrokerUnavailableError,
    DatabaseUnavailableError,
    Grant,
    Held,
    LostAuthorityError,
    Say,
    Timekeeper,
)
from dispatcher.shell.clock import BrokerClock
from dispatcher.shell.lease import Authority

WAIT_SECONDS = 0.5
DATABASE_RETRY_SECONDS = 1.0


class Tenure:
    """Stands by while another holds the lease; works under it while it is ours."""

    def __init__(
        self,
        *,
        account: str,
        keeper: Timekeeper,
        lease: Authority,
        say: Say,
        beat: Callable[[], None],
        monotonic: Callable[[], float],
        stop: Event,
    ) -> None:
        self._account = account
        self._keeper = keeper
        self._lease = lease
        self._say = say
        self._beat = beat
        self._monotonic = monotonic
        self._stop = stop
        self.clock: BrokerClock | None = None
        self.standing_by_for: Held | None = None

    def run(self, work: Callable[[Grant, BrokerClock], None]) -> None:
        """Call `work` under the lease, again after each broken connection, until told to stop."""
        while not self._stop.is_set():
            with self.broker_may_be_away(), self._database_may_be_away():
                self._work_or_stand_by(work)

    def working(self) -> bool:
        """Whether work may go on: the lease is ours and nobody said stop."""
        return self._lease.keeps() and not self._stop.is_set()

    @contextmanager
    def broker_may_be_away(self) -> Iterator[None]:
        """Say that the broker is away, and wait for as long as it asks for."""
        try:
            yield
        except BrokerUnavailableError as error:
            retry = Decimal(f"{error.retry_seconds:.1f}")
            away = BrokerUnavailable(account=self._account, what=error.what, error=error.error, retry_seconds=retry)
            self._say(away)
            self.pause(error.retry_seconds)

    def pause(self, seconds: float) -> None:
        """Wait, with signs of life, and not a moment longer than until told to stop."""
        until = self._monotonic() + seconds
        while (left := until - self._monotonic()) > 0 and not self._stop.wait(min(left, WAIT_SECONDS)):
            self._beat()

    def _work_or_stand_by(self, work: Callable[[Grant, BrokerClock], None]) -> None:
        if self.clock is None:
            self.clock = BrokerClock(self._keeper, self._monotonic)
        answer = self._lease.take()
        if isinstance(answer, Held):
            self._stand_by(answer)
            return
        self.standing_by_for = None
        self._say(LeaseAcquired(account=self._account, epoch=answer.epoch))
        try:
            self._work(work, answer, self.clock)
        finally:
            self._lease.release(answer.epoch)

    def _stand_by(self, held: Held) -> None:
        """Say it once for each holder, then wait quietly."""
        if self.standing_by_for != held:
            self.standing_by_for = held
            self._say(Standby(account=self._account, holder=held.holder, epoch=held.epoch))
        self._lease.wait(self.pause)
        self._beat()

    def _work(self, work: Callable[[Grant, BrokerClock], None], grant: Grant, clock: BrokerClock) -> None:
        while self.working():
            with self.broker_may_be_away(), self._database_may_be_away():
                try:
                    work(grant, clock)
                except LostAuthorityError as error:
                    self._lose(grant, str(error))
                    return
        if not self._stop.is_set() and not self._lease.holds():
            self._lose(grant, "it was not renewed in time")

    def _lose(self, grant: Grant, why: str) -> None:
        self._lease.abandon()
        self._say(LeaseLost(account=self._account, epoch=grant.epoch, why=why))

    @contextmanager
    def _database_may_be_away(self) -> Iterator[None]:
        try:
            yield
        except DatabaseUnavailableError as error:
            retry = Decimal(str(DATABASE_RETRY_SECONDS))
            self._say(DatabaseUnavailable(account=self._account, error=str(error), retry_seconds=retry))
            self.pause(DATABASE_RETRY_SECONDS)
