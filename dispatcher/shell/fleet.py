"""The accounts that this process serves, among all the processes that may: one thread, whatever their number.

Every half second it says that it is there, prolongs its leases, and takes or lets go what a fair share asks for. The
epoch fences what is committed; the deadline fences what is sent, as decision 0004 has it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Event

from dispatcher.core.sharing import Census, moves
from dispatcher.ports import Attendance, DatabaseUnavailableError, Grant, Held, Roster
from dispatcher.shell.lease import LEASE_SECONDS, MARGIN_SECONDS

ROUND_SECONDS = 0.5
NEVER = float("-inf")
NOBODY = Held("nobody", 0)
ACCOUNTS_WOKEN_A_SECOND = 200
"""An account that stands by is woken when it is granted; without that it looks up only to give a sign of life."""


class Berth:
    """One account's place in the fleet: a lease as its service knows it."""

    def __init__(self, fleet: "Fleet", account: str) -> None:
        self._fleet = fleet
        self._account = account
        self.epoch: int | None = None
        self.deadline = NEVER
        self.wanted_back = False
        """Another process has room for it: no new work is begun."""
        self.changed = Event()

    def take(self) -> Grant | Held:
        """The lease if this process has it, else who has."""
        return self._fleet.answer(self._account)

    def holds(self) -> bool:
        """Whether an order may be sent at this moment."""
        return self._fleet.monotonic() < self.deadline

    def keeps(self) -> bool:
        """Whether work may go on."""
        return self.holds() and not self.wanted_back

    def release(self, epoch: int) -> None:
        """Let another take over at once."""
        self._fleet.release(self._account, epoch)

    def abandon(self) -> None:
        """Forget it, as after losing it."""
        self._fleet.forget(self._account)

    def wait(self, pause: Callable[[float], None]) -> None:
        """Stand by until there may be news."""
        del pause
        self.changed.wait(self._fleet.patience)
        self.changed.clear()


class Fleet:
    """Every account that this process may serve."""

    def __init__(
        self, roster: Roster, holder: str, accounts: tuple[str, ...], monotonic: Callable[[], float], stop: Event
    ) -> None:
        self._roster = roster
        self._holder = holder
        self._stop = stop
        self.monotonic = monotonic
        self.patience = max(ROUND_SECONDS, len(accounts) / ACCOUNTS_WOKEN_A_SECOND)
        self._berths = {account: Berth(self, account) for account in accounts}
        self._holders: dict[str, Held] = {}
        self._leaving: list[tuple[str, int]] = []
        self._away: DatabaseUnavailableError | None = None
        self._attended = False
        self._closed = False
        self._changing = Condition()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fleet")
        self._kept: Future[None] | None = None

    def berth(self, account: str) -> Berth:
        """The account's place."""
        return self._berths[account]

    def start(self) -> None:
        """Begin to attend."""
        self._kept = self._pool.submit(self._keep)

    def close(self) -> None:
        """Let go of everything, after the last account was served. A surprise that ended the attending is raised."""
        with self._changing:
            self._closed = True
            self._changing.notify_all()
        self._pool.shutdown()
        if self._kept is not None:
            self._kept.result()

    def answer(self, account: str) -> Grant | Held:
        """Whether the account is ours. A surprise that ended the attending is raised here too, and ends the process.

        Raises:
            DatabaseUnavailableError: that could not be found out.
        """
        with self._changing:
            self._changing.wait_for(lambda: self._attended or self._away or self._stop.is_set(), LEASE_SECONDS)
            if self._kept is not None and self._kept.done():
                self._kept.result()
            if self._away is not None:
                raise DatabaseUnavailableError(str(self._away))
            berth = self._berths[account]
            if berth.epoch is not None and berth.keeps():
                return Grant(berth.epoch)
            if berth.epoch is not None and berth.wanted_back:
                self.release(account, berth.epoch)  # before its service ever began: nobody else would let it go
            held = self._holders.get(account, NOBODY)
            return NOBODY if held.holder == self._holder else held

    def release(self, account: str, epoch: int) -> None:
        """Let go with the next round, and begin it at once."""
        with self._changing:
            self._leaving.append((account, epoch))
            self._forget(account)
            self._changing.notify_all()

    def forget(self, account: str) -> None:
        """It is not ours any more."""
        with self._changing:
            self._forget(account)

    def round(self) -> None:
        """Say that we are there, let go, take.

        Raises:
            DatabaseUnavailableError: what is held runs out, unless a later round comes in time.
        """
        self._release_leaving()
        with self._changing:
            held = {name: berth.epoch for name, berth in self._berths.items() if berth.epoch is not None}
        asked_at = self.monotonic()
        found = self._roster.attend(held, LEASE_SECONDS)
        with self._changing:
            self._renewed(held, found, asked_at)
            self._holders = dict(found.holders)
        if self._stop.is_set():
            self._wake_all()  # and take nothing more; what is in hand is finished under its lease
        else:
            self._move(found)
        self._attended = True  # only now: who asks before the first taking would hear that nobody has it

    def _move(self, found: Attendance) -> None:
        """Let go of what another should have, take what is free and ours to take."""
        step = moves(self._holder, Census(found.members, {name: each.holder for name, each in found.holders.items()}))
        for account, berth in self._berths.items():
            berth.wanted_back = account in step.let_go
        if step.take:
            self._take(step.take)

    def _keep(self) -> None:
        while not self._closed:
            self._attempt(self.round)
            with self._changing:
                self._changing.wait_for(lambda: (self._leaving and not self._away) or self._closed, ROUND_SECONDS)
        self._attempt(self._go)

    def _go(self) -> None:
        for account, berth in self._berths.items():
            if berth.epoch is not None:
                self.release(account, berth.epoch)
        self._release_leaving()
        self._roster.leave()

    def _attempt(self, act: Callable[[], None]) -> None:
        away: DatabaseUnavailableError | None = None
        try:
            act()
        except DatabaseUnavailableError as error:
            away = error
        with self._changing:
            self._away = away
            self._changing.notify_all()

    def _release_leaving(self) -> None:
        while self._leaving:
            account, epoch = self._leaving[0]
            self._roster.release(account, epoch)
            del self._leaving[0]

    def _renewed(self, held: dict[str, int], found: Attendance, asked_at: float) -> None:
        """What was passed by is still ours until its deadline; what is another's, or nobody's, is not."""
        for account, epoch in held.items():
            berth = self._berths[account]
            if berth.epoch != epoch:
                continue
            if account in found.renewed:
                berth.deadline = asked_at + LEASE_SECONDS - MARGIN_SECONDS
            elif found.holders.get(account) != Held(self._holder, epoch):
                self._forget(account)

    def _take(self, accounts: tuple[str, ...]) -> None:
        asked_at = self.monotonic()
        granted = self._roster.take(accounts, LEASE_SECONDS)
        with self._changing:
            for account, epoch in granted.items():
                berth = self._berths[account]
                berth.epoch, berth.wanted_back = epoch, False
                berth.deadline = asked_at + LEASE_SECONDS - MARGIN_SECONDS
                berth.changed.set()

    def _forget(self, account: str) -> None:
        berth = self._berths[account]
        berth.epoch, berth.deadline, berth.wanted_back = None, NEVER, False

    def _wake_all(self) -> None:
        for berth in self._berths.values():
            berth.changed.set()
