"""What the dispatcher asks of the world. Adapters answer; the shell sees only this.

An expected ending is a value. A surprise has one exception per counterparty, said here, so that the shell can tell a
broker that is away from a database that is away.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from contract.control import TradingOrder
from contract.events import Event
from contract.limits import Limits
from dispatcher.core.entries import Entry
from dispatcher.core.execution import Execution
from dispatcher.core.gates import Check
from dispatcher.core.held import Position, Resting
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.options.repricing import Repricing
from dispatcher.core.options.volatility import Past
from dispatcher.core.outcome import BrokerOrder, Found, Outcome, Rejected
from dispatcher.core.reasons import Refusal
from dispatcher.core.standing import Account, Asset, History, Quote, Session
from dispatcher.core.state import UNRESOLVED, State
from dispatcher.core.trades import ClosedTrade

Say = Callable[[Event], None]
"""Says an event; the voice adds who speaks and when."""


class BrokerUnavailableError(Exception):
    """The broker's truth could not be read. Ask again after `retry_seconds`."""

    def __init__(self, what: str, error: str, retry_seconds: float) -> None:
        super().__init__(f"{what}: {error}")
        self.what = what
        self.error = error
        self.retry_seconds = retry_seconds


class BrokerRefusedError(BrokerUnavailableError):
    """The broker answered a read with a no: a wrong key, a wrong address. Waiting will hardly help."""

    def __init__(self, what: str, error: str, status: int) -> None:
        super().__init__(what, error, retry_seconds=60.0)
        self.status = status


class BrokerThrottledError(BrokerUnavailableError):
    """The account has no requests left for this for `retry_seconds`, by its budget or by the broker's 429."""


class DatabaseUnavailableError(Exception):
    """The database could not be reached, or the connection broke. What was not committed did not happen."""


class DatabaseAuthenticationError(Exception):
    """The database refused our credentials. The process ends, so that a new one starts with the new secret."""


class ControlUnavailableError(Exception):
    """The control table or a parameter could not be read or written."""


class LostAuthorityError(Exception):
    """Another process holds the account, or the row is not in the state we left it in. Nothing was written."""


class Timekeeper(Protocol):
    """Whoever tells the broker's time."""

    def clock(self) -> datetime:
        """The broker's clock, UTC."""


class Broker(Protocol):
    """The counterparty. Reads raise BrokerUnavailableError; an order's answer is always a value."""

    def account(self) -> Account:
        """The account behind our key."""

    def clock(self) -> datetime:
        """The broker's clock, UTC."""

    def session(self, day: date) -> Session | None:
        """The regular session of a day, None when there is none."""

    def positions(self) -> dict[str, Position]:
        """What is held, by symbol."""

    def resting(self) -> tuple[Resting, ...]:
        """Every order that is open, entries and legs alike; a leg costs nothing."""

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        """The latest quote of each stock that the broker has one of."""

    def asset(self, symbol: str) -> Asset | None:
        """What the broker says of the symbol, None when it does not know it."""

    def assets(self) -> dict[str, Asset]:
        """Every active asset, by symbol."""

    def submit(self, order: Entry) -> Outcome:
        """Send the order once. Never raises, never sends twice."""

    def find(self, client_order_id: str) -> Found:
        """Look an order up by our own id."""

    def orders_since(self, moment: datetime, among: Collection[str] | None = None) -> dict[str, BrokerOrder]:
        """Every order submitted after the moment, by the broker's id.

        `among`: of no others than those with these ids, and what took their place, need anything be told.
        """

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancellation; what became of it is read from the order."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A recommendation that is ours to end: the row as upstream wrote it, and our entries in its symbol today."""

    recommendation_id: int
    row: dict[str, Any]
    history: History


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order of ours without an ending, as the ledger remembers it. Times are the broker's clock, cost is USD."""

    recommendation_id: int
    recommended_at: datetime
    order: Entry
    state: State
    intended_at: datetime
    since: datetime
    """When the claim came into its state."""
    cost: Decimal
    broker_order_id: str | None
    filled_quantity: Decimal
    filled_average_price: Decimal | None = None
    repricing: Repricing | None = None
    """How its limit may still be moved; None for what is not moved."""
    priced_at: datetime | None = None
    """When its limit was last asked to move."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a decision is kept with: every gate's answer, and for options the rationale and how the limit may move."""

    checks: tuple[Check, ...] = ()
    rationale: Mapping[str, object] | None = None
    repricing: Repricing | None = None


@dataclass(frozen=True, slots=True)
class Meant:
    """An entry that was decided on, to be committed before it is sent. `cost` in USD of buying power."""

    recommendation_id: int
    order: Entry
    cost: Decimal
    weighed: Weighed


@dataclass(frozen=True, slots=True)
class Concluded:
    """What is known of an order that stands at the broker, and the states in which the books may have it."""

    recommendation_id: int
    execution: Execution
    was: tuple[State, ...] = UNRESOLVED


class Channel(StrEnum):
    """What the database tells of, to whoever listens."""

    RECOMMENDATIONS = "dispatch_recommendations"
    """Upstream wrote something."""
    FILLS = "dispatch_fills"
    """The position manager saw a position move; the message is the account."""
    TICKERS = "dispatch_tickers"
    """What upstream writes of, told just before `RECOMMENDATIONS`: the message is a ticker."""


class Ledger(Protocol):
    """Our own tables, for one account under one lease. Every write names the state it expects."""

    def begin(self, at: datetime) -> int:
        """Begin under a new lease: give back what an earlier holder claimed and did not intend; how many.

        An account's very first lease also decides from where on recommendations are considered: what upstream wrote
        more than a day before is history.
        """

    def advance(self) -> None:
        """Remember how far everything has been considered, so that the next claim looks no further back."""

    def sweep(self, at: datetime) -> None:
        """Look for what came in further back than that all the same; the next claims will find it."""

    def claim(self, at: datetime, skip: tuple[int, ...], *, most: int, since: datetime) -> tuple[Claim, ...]:
        """Claim the newest and strongest recommendations not considered for this account yet, but for those to skip.

        `most` of them, the first to be decided first. Their history is counted from `since` on, without what was never
        placed.

        Raises:
            LostAuthorityError: the lease is not ours any more.
        """

    def unclaim(self, recommendation_ids: Sequence[int]) -> None:
        """Give claims back, unintended."""

    def refuse(self, recommendation_id: int, refusal: Refusal, weighed: Weighed, at: datetime) -> None:
        """End a claim without an order."""

    def intend(self, meant: Sequence[Meant], at: datetime) -> None:
        """Commit each order's id and payload, under the lease, before any byte is sent.

        Raises:
            LostAuthorityError: the lease or a claim is not ours any more; none is committed, nothing may be sent.
        """

    def intend_again(self, recommendation_id: int, at: datetime) -> None:
        """Commit that an order confirmed absent is to be sent again, under the lease.

        Raises:
            LostAuthorityError: as for `intend`.
        """

    def reprice(self, recommendation_id: int, order: OptionOrder, at: datetime) -> None:
        """Commit the id and the limit of an order's replacement, under the lease, before it is asked for.

        Raises:
            LostAuthorityError: as for `intend`.
        """

    def conclude(self, concluded: Sequence[Concluded], at: datetime) -> dict[int, str]:
        """Record what is known of orders at the broker; the id of each execution, by recommendation.

        Raises:
            LostAuthorityError: one is not in the state it was left in; none is recorded.
        """

    def reject(self, recommendation_id: int, rejected: Rejected, at: datetime) -> None:
        """Record the broker's no, whole."""

    def doubt(self, recommendation_id: int, why: str, at: datetime) -> None:
        """Record that nobody knows whether the order exists."""

    def not_placed(self, recommendation_id: int, refusal: Refusal, at: datetime) -> None:
        """Record that the order never was at the broker."""

    def unresolved(self) -> list[OpenOrder]:
        """Orders that may stand at the broker without our knowing."""

    def live(self) -> list[OpenOrder]:
        """Orders the broker has and may still fill."""

    def rejections(self, since: datetime) -> int:
        """How many orders the broker rejected since the moment."""

    def ordered(self, recommendation_ids: Collection[int]) -> frozenset[int]:
        """Those of the recommendations that have or had an order at the broker, as far as the books know."""

    def past_volatility(self, underlying: str, iv: Decimal, first: date, today: date) -> Past:
        """The days of an underlying's volatility from `first` to before today, summed up as against `iv`."""

    def newest_input(self) -> datetime | None:
        """When upstream's newest recommendation was created."""

    def closed_trades(self, *, options: bool, most: int) -> tuple[ClosedTrade, ...]:
        """Trades of our own entries that are over and whose profit is known whole, the newest first."""

    def expected(self) -> frozenset[str]:
        """The tickers of what upstream wrote since the last time, as far as they were told."""

    def wait(self, seconds: float) -> frozenset[Channel]:
        """Wait for something to be told; what it was, nothing when the time was over."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The lease is ours, under the epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Held:
    """The lease is another's."""

    holder: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """What a process finds when it says that it is there.

    `renewed` are the accounts whose leases were prolonged; `members` the processes that are there, with what each may
    serve; `holders` who holds which of our accounts.
    """

    renewed: frozenset[str]
    members: Mapping[str, frozenset[str]]
    holders: Mapping[str, Held]


class Roster(Protocol):
    """The processes that serve accounts, and their leases. For one process, and one of its threads at a time."""

    def attend(self, held: Mapping[str, int], seconds: float) -> Attendance:
        """Say that we are there, and prolong what we hold, by account and epoch."""

    def take(self, accounts: tuple[str, ...], seconds: float) -> dict[str, int]:
        """Take the leases of those that are free; the epoch of each that was."""

    def release(self, account: str, epoch: int) -> None:
        """Let go, so that another may take it at once."""

    def leave(self) -> None:
        """Be there no more."""


class Control(Protocol):
    """Where a person says what one account may do."""

    def read(self) -> TradingOrder | None:
        """What was said, None when nothing was.

        Raises:
            ControlUnavailableError: it could not be read, or says what nobody understands.
        """

    def write(self, order: TradingOrder) -> None:
        """Say it for everyone.

        Raises:
            ControlUnavailableError: it may not have been written.
        """


@dataclass(frozen=True, slots=True)
class TradingAccount:
    """An account as configured: its name here, its number at the broker, its limits."""

    name: str
    number: str
    limits: Limits
