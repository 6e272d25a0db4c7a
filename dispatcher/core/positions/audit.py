"""Broker against database: what the one says and the other does not. A comparison, which changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contract.limits import Exits
from dispatcher.core.positions.book import Book, Stage
from dispatcher.core.positions.cover import Holding, Scene, Working, bare
from dispatcher.core.positions.instrument import contract


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it should be. `check` is what was compared."""

    check: str
    symbol: str
    evidence: str
    fix: str


def compare(
    holdings: Mapping[str, Holding],
    books: Mapping[str, Book],
    orders: tuple[Working, ...],
    policy: Exits,
    now: datetime,
) -> tuple[Discrepancy, ...]:
    """Everything that differs; `books` are the live positions in the database."""
    found: list[Discrepancy] = []
    for symbol in sorted(holdings.keys() | books.keys()):
        holding, book = holdings.get(symbol), books.get(symbol)
        found += _quantities(symbol, holding, book)
        if holding is not None and contract(symbol) is None:
            found += _stops(holding, book, tuple(each for each in orders if each.symbol == symbol), now)
        if book is not None:
            found += _stuck(book, policy, now)
    return tuple(found)


def _quantities(symbol: str, holding: Holding | None, book: Book | None) -> Iterator[Discrepancy]:
    held, booked = holding.quantity if holding else Decimal(0), book.quantity if book else Decimal(0)
    if held != booked:
        evidence = f"the broker holds {held}, the database says {booked}"
        yield Discrepancy("quantity", symbol, evidence, "see whether the position manager runs; it adopts the broker's")


def _stops(holding: Holding, book: Book | None, orders: tuple[Working, ...], now: datetime) -> Iterator[Discrepancy]:
    leaving = book is not None and book.stage is Stage.EXITING
    scene = Scene(book or Book(holding.symbol, now, ()), holding, orders, None, now)
    missing = bare(scene)
    if missing > 0 and not leaving:
        evidence = f"{missing} of {abs(holding.quantity)} shares have no live stop"
        yield Discrepancy("protection", holding.symbol, evidence, "see position_unprotected in the log for the reason")
    if missing < 0:
        evidence = f"live stops stand for {-missing} shares more than are held"
        yield Discrepancy("protection", holding.symbol, evidence, "cancel the stop that is too much")


def _stuck(book: Book, policy: Exits, now: datetime) -> Iterator[Discrepancy]:
    since = now - (book.exit.at if book.exit else now)
    if book.stage is Stage.EXITING and since.total_seconds() >= policy.stuck_seconds:
        reason = book.exit.reason if book.exit else ""
        evidence = f"to be closed ({reason}) for {since.total_seconds():.0f} s"
        yield Discrepancy("exit", book.symbol, evidence, "see exit_stuck in the log for what it waits for")
