"""Everything one account's position manager needs, in one place, and what it remembers between two cycles.

What is remembered only keeps it from saying the same thing twice; what it does follows from the broker and the books.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from contract.events import ExitUndecided
from contract.limits import Exits
from dispatcher.core.order import trading_day
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Session
from dispatcher.ports import Say, TradingAccount
from dispatcher.position_ports import PositionBroker, PositionLedger, Requests
from dispatcher.shell.lease import Authority


@dataclass(slots=True)
class Memory:
    """By symbol: differences and stray orders with when they were first seen, words with when they were last said."""

    differences: dict[str, tuple[Decimal, datetime]] = field(default_factory=dict)
    strays: dict[str, datetime] = field(default_factory=dict)
    excess: dict[str, datetime] = field(default_factory=dict)
    """Symbols whose stops stand for more than is held, and since when."""
    said: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    session: Session | None = None
    session_of: datetime | None = None
    events_read: datetime | None = None
    crowded: datetime | None = None
    """When many fills of late were last read again, to find those that came late among them."""
    quotes: dict[str, Sight] = field(default_factory=dict)
    quoted: frozenset[str] = frozenset()
    quoted_at: datetime | None = None
    """Quotes of contracts as last read, of which, and when; those of many are not read again at each turn."""
    undecided: dict[str, datetime] = field(default_factory=dict)
    """Since when no price decides over a position that one should decide over."""
    seen: dict[str, datetime] = field(default_factory=dict)
    """When each position was last seen to: whoever waited longest is first, so that none starves another."""
    looks: Decimal = Decimal(0)
    """Fresh looks left; one is made of a whole one."""
    looks_granted: datetime | None = None


@dataclass(slots=True)
class PositionDesk:
    """One account's positions, looked after under a lease of their own."""

    account: TradingAccount
    broker: PositionBroker
    ledger: PositionLedger
    lease: Authority
    requests: Requests | None
    say: Say
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    """The wall clock, UTC: people's requests are dated by theirs, and the broker's may be another day in a sandbox."""
    since: datetime
    """When the lease was taken, by the broker's clock: an earlier holder may have sent until then."""
    memory: Memory = field(default_factory=Memory)

    @property
    def policy(self) -> Exits:
        """The declared policy for exits."""
        return self.account.limits.exits

    @property
    def name(self) -> str:
        """The account's name here."""
        return self.account.name

    @property
    def grace(self) -> timedelta:
        """How long an absence must last before it counts."""
        return timedelta(seconds=self.account.limits.absence_grace_seconds)

    def session(self) -> Session | None:
        """Today's session; asked for once a day."""
        now, asked = self.now(), self.memory.session_of
        if asked is None or trading_day(asked) != trading_day(now):
            self.memory.session, self.memory.session_of = self.broker.session(trading_day(now)), now
        return self.memory.session

    def market_open(self) -> bool:
        """Whether it is within today's session."""
        session = self.session()
        return session is not None and session.opens <= self.now() < session.closes

    def news(self, topic: str, symbol: str, words: str, *, again: bool = True) -> bool:
        """Whether this is to be said: it is new, or (`again`) it was last said `stuck_seconds` ago."""
        before, now = self.memory.said.get((topic, symbol)), self.now()
        old = again and before is not None and now - before[1] >= timedelta(seconds=self.policy.stuck_seconds)
        if before is not None and before[0] == words and not old:
            return False
        self.memory.said[topic, symbol] = (words, now)
        return True

    def undecided(self, symbol: str, why: str) -> None:
        """Say that no price decides over a position: at once, and with its age while it lasts."""
        since = self.memory.undecided.setdefault(symbol, self.now())
        if self.news("undecided", symbol, ""):
            self.say(ExitUndecided(account=self.name, symbol=symbol, seconds=seconds(self.now() - since), why=why))

    def decided(self, symbol: str) -> None:
        """A price decides again, or it is no longer needed."""
        self.memory.undecided.pop(symbol, None)
        self.settled("undecided", symbol)

    def settled(self, topic: str, symbol: str) -> None:
        """What was said about it is over."""
        self.memory.said.pop((topic, symbol), None)


def seconds(span: timedelta) -> Decimal:
    """A span as an event tells it."""
    return Decimal(f"{span.total_seconds():.1f}")
