"""The books follow the broker: its statement explains what moved, and what it does not explain is said and adopted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from contract.events import PositionChanged, PositionClosed, PositionDifference, PositionOpened
from dispatcher.core.positions.book import Book, Posted, Stage, adjust, ended_by, post
from dispatcher.core.positions.cover import COMPLEX, STOPS, Holding
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.lots import Movement
from dispatcher.ports import BrokerUnavailableError
from dispatcher.shell.positions.desk import PositionDesk, seconds

OVERLAP = timedelta(seconds=60)
"""Fills are read again from this long before the newest one: the statement may be late, and lines have ids."""
OVERLAP_EVERY = timedelta(seconds=15)
CROWD = 100
"""More fills than this are not read again each turn, but this often."""
EVENTS_BACK = timedelta(days=5)
EVENTS_EVERY = timedelta(seconds=60)
"""What is no trade is posted the next day, under the day it is of."""


def read_statement(desk: PositionDesk) -> None:
    """Write down what the broker's statement says since the last time."""
    began, now = desk.ledger.began(desk.now()), desk.now()
    lines = _fills(desk, began, now)
    if desk.memory.events_read is None or now - desk.memory.events_read >= EVENTS_EVERY:
        day = began.replace(hour=0, minute=0, second=0, microsecond=0)
        lines += desk.broker.events(max(day, now - EVENTS_BACK))
        desk.memory.events_read = now
    if lines:
        desk.ledger.enter(lines)


def _fills(desk: PositionDesk, began: datetime, now: datetime) -> tuple[Movement, ...]:
    """New fills. While there are many, what may have come late among those that are known is looked for less often."""
    latest, memory = desk.ledger.latest_fill(), desk.memory
    if latest is None:
        return desk.broker.trades(began)
    at, newest = latest
    if memory.crowded is not None and now - memory.crowded < OVERLAP_EVERY:
        return desk.broker.trades(at - timedelta(seconds=1), beyond=newest)
    lines = desk.broker.trades(max(began, at - OVERLAP))
    memory.crowded = now if len(lines) > CROWD else None
    return lines


def keep_books(desk: PositionDesk, holdings: Mapping[str, Holding]) -> dict[str, Book]:
    """Bring the books up to date with the statement and the holdings; the live ones by symbol."""
    books, incoming = desk.ledger.books(), desk.ledger.incoming()
    live: dict[str, Book] = {}
    for symbol in sorted(books.keys() | incoming.keys() | holdings.keys()):
        kept = _keep(desk, symbol, books.get(symbol, ()), incoming.get(symbol, ()), holdings.get(symbol))
        if kept and kept[-1].stage is not Stage.CLOSED:
            live[symbol] = kept[-1]
    return live


def _keep(
    desk: PositionDesk,
    symbol: str,
    before: tuple[Book, ...],
    incoming: tuple[Movement, ...],
    holding: Holding | None,
) -> tuple[Book, ...]:
    posted = post(before, incoming) if incoming else Posted(before)
    posted = _square(desk, symbol, posted, holding)
    known = {book.id: book for book in before}
    changed = tuple(book for book in posted.books if known.get(book.id) != book)
    if not changed:
        _set_aside(desk, posted.books, incoming)
        return _planned(desk, posted.books)
    saved = dict(zip(map(id, changed), desk.ledger.save(*changed), strict=True))
    kept = _planned(desk, tuple(saved.get(id(book), book) for book in posted.books))
    _set_aside(desk, kept, incoming)
    _tell(desk, known, kept, posted)
    desk.ledger.tell()
    return kept


def _square(desk: PositionDesk, symbol: str, posted: Posted, holding: Holding | None) -> Posted:
    """Adopt what the broker holds where the statement does not explain it, once that has lasted."""
    held = holding.quantity if holding else Decimal(0)
    live = posted.books[-1] if posted.books and posted.books[-1].stage is not Stage.CLOSED else None
    booked = live.quantity if live else Decimal(0)
    if held == booked:
        desk.memory.differences.pop(symbol, None)
        return posted
    now = desk.now()
    missing, first_seen = desk.memory.differences.get(symbol, (None, now))
    if missing != held - booked:
        first_seen = now
    desk.memory.differences[symbol] = (held - booked, first_seen)
    if now - first_seen < timedelta(seconds=desk.policy.difference_grace_seconds):
        return posted
    del desk.memory.differences[symbol]
    _differ(desk, symbol, held, booked, "adopted: the books say now what the broker holds")
    adopted = adjust(posted.books, symbol, held, holding.average_price if holding else None, now)
    return replace(posted, books=adopted.books)


def _planned(desk: PositionDesk, books: tuple[Book, ...]) -> tuple[Book, ...]:
    """Look for the entry's own prices until they are found; a position by hand has none."""
    live = books[-1] if books else None
    if live is None or live.stage is Stage.CLOSED or live.plan is not None or contract(live.symbol) is not None:
        return books
    plan = desk.ledger.plan(live)
    if plan is None:
        return books
    return (*books[:-1], *desk.ledger.save(replace(live, plan=plan)))


def _set_aside(desk: PositionDesk, books: tuple[Book, ...], incoming: tuple[Movement, ...]) -> None:
    placed = {movement.id for book in books for movement in book.movements}
    if left := tuple(each for each in incoming if each.id not in placed):
        desk.ledger.set_aside(left)


def _tell(desk: PositionDesk, known: Mapping[int | None, Book], kept: tuple[Book, ...], posted: Posted) -> None:
    for line in posted.explained:
        quantity = kept[-1].quantity
        _differ(desk, line.symbol, quantity, quantity, f"explained by the statement: {line.kind} {line.id}")
    for book in kept:
        before = known.get(book.id)
        if before is None:
            _opened(desk, book)
        if book.stage is Stage.CLOSED and (before is None or before.stage is not Stage.CLOSED or posted.explained):
            _closed(desk, book)
        elif before is not None and before.quantity != book.quantity:
            _changed(desk, book)


def _differ(desk: PositionDesk, symbol: str, held: Decimal, booked: Decimal, done: str) -> None:
    desk.say(PositionDifference(account=desk.name, symbol=symbol, broker_qty=held, database_qty=booked, done=done))


def _opened(desk: PositionDesk, book: Book) -> None:
    first = book.movements[0]
    source = book.plan.source if book.plan else f"no entry of ours: {first.kind} {first.order_id or first.id}"
    desk.say(
        PositionOpened(
            account=desk.name,
            symbol=book.symbol,
            qty=book.quantity or first.quantity,
            average_price=book.tally.average_price or first.price,
            source=source,
        )
    )


def _changed(desk: PositionDesk, book: Book) -> None:
    desk.say(
        PositionChanged(
            account=desk.name,
            symbol=book.symbol,
            qty=book.quantity,
            average_price=book.tally.average_price,
            realized=book.tally.realized,
        )
    )


def _closed(desk: PositionDesk, book: Book) -> None:
    closed_at = book.closed_at or desk.now()
    bare = closed_at - book.unprotected_since if book.unprotected_since else timedelta()
    for topic in ("unprotected", "stuck"):
        desk.settled(topic, book.symbol)
    desk.decided(book.symbol)
    desk.say(
        PositionClosed(
            account=desk.name,
            symbol=book.symbol,
            reason=_reason(desk, book),
            realized=book.tally.realized,
            fees=book.tally.fees,
            complete=book.tally.complete,
            held_seconds=seconds(closed_at - book.opened_at),
            unprotected_seconds=book.unprotected_seconds + seconds(max(bare, timedelta())),
        )
    )


def _reason(desk: PositionDesk, book: Book) -> str:
    """Why a position is gone: our exit, its contract's end, or what kind of order filled last."""
    last = book.movements[-1]
    if book.exit is not None or last.order_id is None:
        return ended_by(book)
    try:
        order = desk.broker.order(last.order_id)
    except BrokerUnavailableError:
        return ended_by(book)  # the position is closed either way, and that is what must be said
    if order is None or order.kind == "market":
        return "closed by hand"
    if order.kind in STOPS:
        return "stop_loss"
    return "take_profit" if order.order_class in COMPLEX else "closed by hand"
