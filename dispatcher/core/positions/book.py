"""A position as our books have it: what moved it, what was meant with it, what is being done about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dispatcher.core.positions.instrument import multiplier
from dispatcher.core.positions.lots import ADJUST, ENDS, FEES, FILL, Movement, Tally, tally

ZERO = Decimal(0)


class Stage(StrEnum):
    """Where a position stands. Each cycle looks at the broker again, so each stage has a way out."""

    OPEN = "open"  # exiting, or closed when the broker holds nothing any more
    EXITING = "exiting"  # closed when the broker holds nothing any more; alarmed with its age meanwhile
    CLOSED = "closed"  # the end; a late line of the statement may still explain it


WAYS: Mapping[Stage, frozenset[Stage]] = {
    Stage.OPEN: frozenset({Stage.EXITING, Stage.CLOSED}),
    Stage.EXITING: frozenset({Stage.CLOSED}),
    Stage.CLOSED: frozenset(),
}
"""What may follow each stage, but for itself. The database holds it by a trigger; a test compares the two."""


class ExitReason(StrEnum):
    """Why a position is being closed by us."""

    STOP = "stop"
    """The loss reached the declared stop."""
    TARGET = "target"
    """The gain reached the declared target."""
    TRAILING_STOP = "trailing_stop"
    """The gain fell back to the declared share of its peak."""
    MAX_HOLD = "max_hold"
    """Held for as long as declared."""
    END_OF_DAY = "end_of_day"
    """The session ends, and the policy holds nothing overnight."""
    EXPIRY_CUTOFF = "expiry_cutoff"
    """The contract expires today, and its last safe moment has come."""
    PAST_STOP = "past_stop"
    """The market is beyond the planned stop while no stop stands at the broker."""
    PAST_TARGET = "past_target"
    """The market is beyond the planned target while no target stands at the broker."""
    REQUESTED = "requested"
    """A person asked to close the position."""
    FLATTEN = "flatten"
    """A person asked to close everything."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The prices that protect a position of shares, USD, and where they come from."""

    stop_loss: Decimal
    take_profit: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Exit:
    """A decision to close. `observed` and `threshold` are what was compared, as text with units."""

    reason: ExitReason
    observed: str
    threshold: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Book:
    """One position from flat to flat. Times are the broker's clock; `id` is None until it is written.

    `peak` is the best price seen since the opening, USD. `unprotected_since` is when shares were first seen without a
    live stop, None while there is nothing to protect or all is protected; `unprotected_seconds` is what was before.
    """

    symbol: str
    opened_at: datetime
    movements: tuple[Movement, ...]
    stage: Stage = Stage.OPEN
    id: int | None = None
    version: int = 0
    plan: Plan | None = None
    peak: Decimal | None = None
    exit: Exit | None = None
    unprotected_since: datetime | None = None
    unprotected_seconds: Decimal = ZERO
    closed_at: datetime | None = None
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        """Add the movements up, once."""
        object.__setattr__(self, "tally", tally(self.movements, multiplier(self.symbol)))

    @property
    def quantity(self) -> Decimal:
        """What is held, signed."""
        return self.tally.quantity

    @property
    def orders(self) -> frozenset[str]:
        """The broker's ids of the orders whose fills are in here."""
        return frozenset(each.order_id for each in self.movements if each.order_id is not None)

    @property
    def unexplained(self) -> bool:
        """Whether its quantity changed in a way that the statement has yet to explain: a split, perhaps."""
        return any(each.kind == ADJUST for each in self.movements[1:])

    @property
    def adopted(self) -> bool:
        """Whether it began as a quantity that nothing explained: held before we began, or opened by a transfer."""
        return self.movements[0].kind == ADJUST


@dataclass(frozen=True, slots=True)
class Posted:
    """The books of one symbol after new lines were entered."""

    books: tuple[Book, ...]
    explained: tuple[Movement, ...] = ()
    """Lines that explained an earlier adjustment."""


def post(books: tuple[Book, ...], incoming: tuple[Movement, ...]) -> Posted:
    """Enter new lines of the statement into a symbol's books (oldest first; only the last may be live)."""
    posted = Posted(books)
    for movement in sorted(incoming, key=lambda each: (each.at, each.id)):
        posted = _enter(posted, movement)
    return posted


def adjust(books: tuple[Book, ...], symbol: str, held: Decimal, price: Decimal | None, at: datetime) -> Posted:
    """Make the books say what the broker holds. `price` is the broker's average where the books were flat."""
    live = _live(books)
    missing = held - (live.quantity if live else ZERO)
    known = price if live is None else None
    return post(books, (Movement(f"adjust-{symbol}-{at.isoformat()}", ADJUST, symbol, missing, known, ZERO, at),))


def _enter(posted: Posted, movement: Movement) -> Posted:
    for index, book in enumerate(posted.books):
        pending = next((each for each in book.movements if _explains(movement, each)), None)
        if pending is not None:
            books = (*posted.books[:index], _replaced(book, pending, movement), *posted.books[index + 1 :])
            return Posted(books, (*posted.explained, movement))
    return replace(posted, books=_append(posted.books, movement))


def _explains(movement: Movement, pending: Movement) -> bool:
    """A line explains an adjustment of the same direction, at least as large, that was made after it happened."""
    comparable = pending.kind == ADJUST and movement.kind != ADJUST and movement.kind not in FEES
    same_way = movement.quantity * pending.quantity > 0 and abs(movement.quantity) <= abs(pending.quantity)
    return comparable and same_way and movement.at <= pending.at


def _replaced(book: Book, pending: Movement, movement: Movement) -> Book:
    rest = pending.quantity - movement.quantity
    instead = (movement,) if rest == 0 else (movement, replace(pending, quantity=rest))
    at = book.movements.index(pending)
    return replace(book, movements=(*book.movements[:at], *instead, *book.movements[at + 1 :]))


def _append(books: tuple[Book, ...], movement: Movement) -> tuple[Book, ...]:
    live = _live(books)
    if movement.kind in FEES and books:
        return (*books[:-1], replace(books[-1], movements=(*books[-1].movements, movement)))
    if live is None:
        return (*books, Book(movement.symbol, movement.at, (movement,))) if _opens(movement) else books
    grown = replace(live, movements=(*live.movements, movement))
    if grown.quantity == 0:
        grown = replace(grown, stage=Stage.CLOSED, closed_at=movement.at)
    return (*books[:-1], grown)


def _opens(movement: Movement) -> bool:
    return movement.quantity != 0 and movement.kind not in FEES


def _live(books: tuple[Book, ...]) -> Book | None:
    return books[-1] if books and books[-1].stage is not Stage.CLOSED else None


def ended_by(book: Book) -> str:
    """Why a position is gone, as far as the books tell: our own exit, the contract's end, or the order that filled."""
    last = book.movements[-1]
    if last.kind in ENDS:
        return {"OPEXP": "expired", "OPEXC": "exercised", "OPASN": "assigned"}[last.kind]
    if book.exit is not None:
        return book.exit.reason.value
    return "an order filled" if last.kind == FILL else "the broker holds nothing any more"
