"""Positions in options, all at one look: what each price and clock decides. Those that are to go leave before the rest.

A spread is supervised as the one position that it is; when it is to go, both legs go, the short one first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from dispatcher.core.positions import exits
from dispatcher.core.positions.book import Book, Exit, Stage
from dispatcher.core.positions.cover import Holding
from dispatcher.core.positions.exits import Ahead, Case, Decision, Undecided
from dispatcher.core.positions.sight import Sight
from dispatcher.core.positions.spreads import Spread, mixed, spread_of
from dispatcher.shell.positions.desk import PositionDesk
from dispatcher.shell.positions.exiting import mark
from dispatcher.shell.positions.leaving import leave


@dataclass(frozen=True, slots=True)
class Seen:
    """The contracts of one account at one moment: live books, holdings, which of these may be legs, quotes."""

    live: Mapping[str, Book]
    holdings: Mapping[str, Holding]
    paired: Mapping[str, Holding]
    sights: Mapping[str, Sight]


@dataclass(frozen=True, slots=True)
class Judged:
    """A contract, or the legs of a spread with the short one first; its best price so far, and what is decided.

    The peak of a spread is kept with its first leg.
    """

    legs: tuple[str, ...]
    peak: Decimal | None
    decision: Decision


def seen(live: Mapping[str, Book], holdings: Mapping[str, Holding], sights: Mapping[str, Sight]) -> Seen:
    """What is to be looked at."""
    return Seen(live, holdings, mixed(holdings), sights)


def supervise(desk: PositionDesk, live: dict[str, Book], at: Seen, symbols: Iterable[str]) -> None:
    """Decide over all of these; `live` says afterwards which are on their way out, and the peaks as written down."""
    judged = [_judge(desk, at, legs, case) for legs, case in _wholes(desk, at, symbols)]
    for each in judged:
        if isinstance(each.decision, Exit):
            _begin(desk, live, each, each.decision)
    staying = [each for each in judged if not isinstance(each.decision, Exit)]
    peaks = [replace(live[each.legs[0]], peak=each.peak) for each in staying if live[each.legs[0]].peak != each.peak]
    if peaks:
        live |= {book.symbol: book for book in desk.ledger.save(*peaks)}
    for each in staying:
        _tell(desk, each)


def ahead(desk: PositionDesk, at: Seen, symbol: str) -> Ahead:
    """What ends the position next, or the spread that it is a leg of."""
    for legs, case in _wholes(desk, at, [symbol]):
        told = exits.ahead(case, desk.policy)
        return told if len(legs) == 1 else replace(told, words=f"as a spread with both legs: {told.words}")
    return Ahead("the books of its other leg are not there yet")


def _wholes(desk: PositionDesk, at: Seen, symbols: Iterable[str]) -> Iterator[tuple[tuple[str, ...], Case]]:
    """Each contract, or the spread it is a leg of, once; a leg whose partner is in no book yet waits a turn."""
    done: set[str] = set()
    for symbol in symbols:
        if symbol in done:
            continue
        spread = spread_of(symbol, at.paired)
        legs = (symbol,) if spread is None else (spread.short.symbol, spread.long.symbol)
        done |= {*legs}
        if all(leg in at.live for leg in legs):
            yield legs, _case(desk, at, symbol) if spread is None else _whole(desk, at, spread)


def _judge(desk: PositionDesk, at: Seen, legs: tuple[str, ...], case: Case) -> Judged:
    """Where one leg is leaving, the other leaves too: a long leg alone would wait for its short one for ever."""
    peak = exits.peak_of(case, desk.policy)
    begun = next((book.exit for book in map(at.live.__getitem__, legs) if book.exit is not None), None)
    return Judged(legs, peak, begun or exits.decide(replace(case, peak=peak), desk.policy))


def _begin(desk: PositionDesk, live: dict[str, Book], judged: Judged, leaving: Exit) -> None:
    """Write down that all its legs are closed, with the peak that decided, and make the first step of each."""
    first, *rest = judged.legs
    books = [replace(live[first], peak=judged.peak), *(live[leg] for leg in rest)]
    for book in mark(desk, [book for book in books if book.stage is Stage.OPEN], leaving):
        live[book.symbol] = book
    for leg in judged.legs:
        desk.decided(leg)
        leave(desk, [live[leg]], alone=len(judged.legs) == 1)


def _tell(desk: PositionDesk, judged: Judged) -> None:
    symbol = judged.legs[0]
    if isinstance(judged.decision, Undecided):
        desk.undecided(symbol, f"{'as a spread: ' if len(judged.legs) > 1 else ''}{judged.decision.why}")
    else:
        desk.decided(symbol)


def _case(desk: PositionDesk, at: Seen, symbol: str) -> Case:
    book, holding = at.live[symbol], at.holdings[symbol]
    return Case(
        symbol=symbol,
        quantity=holding.quantity,
        entry=holding.average_price,
        opened_at=book.opened_at,
        peak=book.peak,
        sight=at.sights.get(symbol),
        session=desk.session(),
        now=desk.now(),
    )


def _whole(desk: PositionDesk, at: Seen, spread: Spread) -> Case:
    long, short, entry = at.live[spread.long.symbol], at.live[spread.short.symbol], spread.entry
    return Case(
        symbol=short.symbol,
        quantity=spread.long.quantity if spread.paid else spread.short.quantity,
        entry=None if not entry else abs(entry),
        opened_at=min(long.opened_at, short.opened_at),
        peak=short.peak,
        sight=spread.sight(at.sights),
        session=desk.session(),
        now=desk.now(),
    )
