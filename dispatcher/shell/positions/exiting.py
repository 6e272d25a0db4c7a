"""What is written down and said when an exit is decided, whoever decided it."""

from collections.abc import Iterable
from dataclasses import replace

from contract.events import ExitDecided
from dispatcher.core.positions.book import Book, Exit, Stage
from dispatcher.core.positions.instrument import contract
from dispatcher.shell.positions.desk import PositionDesk
from dispatcher.shell.positions.leaving import leave


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
