"""Exits: what a price or a clock decides over a position in options, and what is written down when one is decided."""

from collections.abc import Iterable
from dataclasses import replace

from contract.events import ExitDecided
from dispatcher.core.positions import exits
from dispatcher.core.positions.book import Book, Exit, Stage
from dispatcher.core.positions.cover import Holding
from dispatcher.core.positions.exits import Ahead, Case, Undecided
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.sight import Sight
from dispatcher.shell.positions.desk import PositionDesk
from dispatcher.shell.positions.leaving import leave


def supervise(desk: PositionDesk, book: Book, holding: Holding, sight: Sight | None) -> Book:
    """Decide over a position in options: its peak is written down before anything is decided by it."""
    seen = _case(desk, book, holding, sight)
    peak = exits.peak_of(seen, desk.policy)
    if peak != book.peak:
        (book,) = desk.ledger.save(replace(book, peak=peak))
    decided = exits.decide(replace(seen, peak=peak), desk.policy)
    if isinstance(decided, Exit):
        desk.decided(book.symbol)
        return begin(desk, book, decided)
    if isinstance(decided, Undecided):
        desk.undecided(book.symbol, decided.why)
    else:
        desk.decided(book.symbol)
    return book


def ahead(desk: PositionDesk, book: Book, holding: Holding, sight: Sight | None) -> Ahead:
    """What ends a position in options next."""
    return exits.ahead(_case(desk, book, holding, sight), desk.policy)


def begin(desk: PositionDesk, book: Book, leaving: Exit) -> Book:
    """Decide that a position is closed, write it down, and make the first step."""
    (book,) = mark(desk, [book], leaving)
    leave(desk, [book])
    return book


def mark(desk: PositionDesk, books: Iterable[Book], leaving: Exit) -> tuple[Book, ...]:
    """Write down, all or none, that positions are closed for one reason; the next step is the turn's."""
    marked = desk.ledger.save(*(_marked(desk, book, leaving) for book in books))
    for book in marked:
        desk.say(
            ExitDecided(
                account=desk.name,
                symbol=book.symbol,
                qty=book.quantity,
                reason=leaving.reason,
                observed=leaving.observed,
                threshold=leaving.threshold,
            )
        )
    return marked


def _marked(desk: PositionDesk, book: Book, leaving: Exit) -> Book:
    """The stop of shares is about to be cancelled."""
    bare = book.unprotected_since or (desk.now() if contract(book.symbol) is None else None)
    return replace(book, stage=Stage.EXITING, exit=leaving, unprotected_since=bare)


def _case(desk: PositionDesk, book: Book, holding: Holding, sight: Sight | None) -> Case:
    return Case(
        symbol=book.symbol,
        quantity=holding.quantity,
        entry=holding.average_price,
        opened_at=book.opened_at,
        peak=book.peak,
        sight=sight,
        session=desk.session(),
        now=desk.now(),
    )
