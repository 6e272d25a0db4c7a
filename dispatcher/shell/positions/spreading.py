"""A spread is supervised as the one position that it is; when it is to go, both legs go, the short one first."""

from collections.abc import Mapping
from dataclasses import replace

from dispatcher.core.positions import exits
from dispatcher.core.positions.book import Book, Exit
from dispatcher.core.positions.exits import Ahead, Case, Keep, Undecided
from dispatcher.core.positions.sight import Sight
from dispatcher.core.positions.spreads import Spread
from dispatcher.shell.positions import exiting
from dispatcher.shell.positions.desk import PositionDesk


def supervise(desk: PositionDesk, live: dict[str, Book], spread: Spread, sights: Mapping[str, Sight]) -> None:
    """Decide over both legs. The peak of the whole is written down with the short leg, before anything is decided."""
    long, short = live.get(spread.long.symbol), live.get(spread.short.symbol)
    if long is None or short is None:
        return  # the books of a leg are not there yet; the next turn has them
    case = _case(desk, spread, long, short, sights)
    peak = exits.peak_of(case, desk.policy)
    if peak != short.peak:
        (short,) = desk.ledger.save(replace(short, peak=peak))
        live[short.symbol] = short
    decided = exits.decide(replace(case, peak=peak), desk.policy)
    match decided:
        case Exit():
            desk.decided(short.symbol)
            live[short.symbol] = exiting.begin(desk, short, decided)
            live[long.symbol] = exiting.begin(desk, long, decided)
        case Undecided(why):
            desk.undecided(short.symbol, f"as a spread: {why}")
        case Keep():
            desk.decided(short.symbol)


def ahead(desk: PositionDesk, spread: Spread, books: Mapping[str, Book], sights: Mapping[str, Sight]) -> Ahead | None:
    """What ends the spread next; None while the books of a leg are not there yet."""
    long, short = books.get(spread.long.symbol), books.get(spread.short.symbol)
    if long is None or short is None:
        return None
    told = exits.ahead(_case(desk, spread, long, short, sights), desk.policy)
    return replace(told, words=f"as a spread with both legs: {told.words}")


def _case(desk: PositionDesk, spread: Spread, long: Book, short: Book, sights: Mapping[str, Sight]) -> Case:
    entry = spread.entry
    return Case(
        symbol=short.symbol,
        quantity=spread.long.quantity if spread.paid else spread.short.quantity,
        entry=None if not entry else abs(entry),
        opened_at=min(long.opened_at, short.opened_at),
        peak=short.peak,
        sight=spread.sight(sights),
        session=desk.session(),
        now=desk.now(),
    )
