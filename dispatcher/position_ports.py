"""What the position manager asks of the world. It shares the exceptions of `ports`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from contract.control import Answer, Request
from dispatcher.core.outcome import Found, Outcome
from dispatcher.core.positions.book import Book, Plan
from dispatcher.core.positions.cover import Holding, Working
from dispatcher.core.positions.lots import Movement
from dispatcher.core.positions.orders import Oco, Purpose
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Account, Session
from dispatcher.core.state import State

NAMES = 100
"""Symbols asked for in one request for quotes or bars."""


class PositionBroker(Protocol):
    """The counterparty as the position manager sees it. Reads raise BrokerUnavailableError."""

    def account(self) -> Account:
        """The account behind our key."""

    def clock(self) -> datetime:
        """The broker's clock, UTC."""

    def session(self, day: date) -> Session | None:
        """The regular session of a day, None when there is none."""

    def holdings(self) -> dict[str, Holding]:
        """What is held, by symbol."""

    def holding(self, symbol: str) -> Holding | None:
        """What is held of one symbol at this moment, None when nothing is."""

    def working(self, symbol: str | None = None) -> tuple[Working, ...]:
        """Every order that stands, held legs included; of one symbol, or of all."""

    def sent(self, symbol: str | None, after: datetime) -> tuple[Working, ...]:
        """Every order, in the symbol or in any, that was submitted after the moment, ended ones included."""

    def trades(self, after: datetime, *, beyond: str | None = None) -> tuple[Movement, ...]:
        """Every fill after the moment, as the account's statement has it; those behind the line `beyond` if given."""

    def events(self, after: datetime) -> tuple[Movement, ...]:
        """What moved positions outside of trading since the moment: expiries, assignments, splits, fees."""

    def sights(self, symbols: tuple[str, ...]) -> dict[str, Sight]:
        """The latest quotes of shares and contracts, by symbol, where there are any."""

    def submit(self, order: Oco) -> Outcome:
        """Send the order once. Never raises, never sends twice."""

    def find(self, client_order_id: str) -> Found:
        """Look an order up by our own id."""

    def order(self, broker_order_id: str) -> Working | None:
        """One order by the broker's id, ended or not; None when there is none."""

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancellation; what became of it is read from the order."""

    def cancel_all(self) -> None:
        """Ask for a cancellation of every order of the account."""

    def close(self, symbol: str) -> Outcome:
        """Close what is held of the symbol, at the market. The broker takes its own quantity, so it cannot flip."""

    def close_all(self) -> Mapping[str, Outcome] | Outcome:
        """Close everything that is held, as `close` does it: what the broker said of each symbol, or of the request."""


@dataclass(frozen=True, slots=True)
class SentOrder:
    """An order of the position manager. A close goes by symbol and has no body: its id is ours alone."""

    client_order_id: str
    position: int
    symbol: str
    purpose: Purpose
    sequence: int
    intended_at: datetime
    since: datetime
    state: State = State.INTENDED
    oco: Oco | None = None
    broker_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often something was tried, and what became of the last try, since when."""

    number: int
    state: State | None
    since: datetime | None


class PositionLedger(Protocol):
    """The position manager's books, for one account under one lease. Every change names what it was made from.

    Writes raise LostAuthorityError when the lease is another's, or when a row is not as it was left.
    """

    def began(self, at: datetime) -> datetime:
        """When the account's statement began to be ours to read; `at`, if this is the first time anyone asks."""

    def latest_fill(self) -> tuple[datetime, str] | None:
        """When the newest fill that was entered happened, and its id."""

    def enter(self, lines: tuple[Movement, ...]) -> None:
        """Write lines of the statement down; those that are known already change nothing."""

    def incoming(self) -> dict[str, tuple[Movement, ...]]:
        """Lines that are in no book yet, by symbol."""

    def set_aside(self, lines: tuple[Movement, ...]) -> None:
        """Lines that belong in no book."""

    def books(self) -> dict[str, tuple[Book, ...]]:
        """Live positions, and closed ones whose end is not explained yet; by symbol, oldest first."""

    def save(self, *books: Book) -> tuple[Book, ...]:
        """Write books, all or none; as they are then."""

    def plan(self, book: Book) -> Plan | None:
        """What our own entry meant to protect the position with; None when it is not ours."""

    def intend(self, *orders: SentOrder) -> None:
        """Commit orders, all or none, before any byte is sent."""

    def move(self, order: SentOrder, state: State, at: datetime, *, detail: str | None = None) -> SentOrder:
        """Bring an order from the state it is in to another."""

    def orders(self) -> tuple[SentOrder, ...]:
        """Orders of ours without an ending."""

    def attempts(self, position: int, purpose: Purpose) -> Attempts:
        """How often the position was to be protected, or closed."""

    def realized(self, since: datetime) -> Decimal:
        """USD gained by positions closed since the moment, less fees."""

    def tell(self) -> None:
        """Tell the dispatcher that something moved at the broker."""


class Bell(Protocol):
    """What the stream of trade updates tells: that something happened. What happened is read from the broker."""

    def listen(self) -> None:
        """Begin to listen; the broker gives an account one connection, so only the holder of the lease does."""

    def silence(self) -> None:
        """Listen no more, so that another may."""

    def wait(self, seconds: float) -> bool:
        """Wait for something to happen; True when it did."""

    def take(self) -> tuple[str, ...]:
        """What the stream went through since the last time: connected, lost."""


class Requests(Protocol):
    """What people ask of one account's position manager."""

    def open(self) -> tuple[Request, ...]:
        """Requests without a final answer, oldest first.

        Raises:
            ControlUnavailableError: they could not be read.
        """

    def answer(self, request: Request, answer: Answer) -> None:
        """Write back what became of a request.

        Raises:
            ControlUnavailableError: it may not have been written.
        """
