"""A position of shares has a live stop, or it gets one, or it is alarmed. What is done is decided on a fresh look."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from contract.events import PositionProtected, PositionUnprotected, StrayOrder
from dispatcher.core.order import trading_day
from dispatcher.core.positions.book import Book
from dispatcher.core.positions.cover import (
    Alarm,
    Cancel,
    Covered,
    Holding,
    Leave,
    Scene,
    Shelter,
    Wait,
    Working,
    bare,
    care,
)
from dispatcher.core.positions.orders import Oco, Purpose, price
from dispatcher.core.positions.sight import Sight
from dispatcher.core.state import LIVE, State
from dispatcher.shell.positions import exiting
from dispatcher.shell.positions.desk import PositionDesk, seconds
from dispatcher.shell.positions.sending import next_oco_id, ready, send_oco


def look_after(desk: PositionDesk, book: Book, holding: Holding, orders: tuple[Working, ...]) -> Book:
    """See that live stops stand for every share; the book as it is then."""
    missing = bare(Scene(book, holding, orders, None, desk.now()))
    if missing == 0:
        desk.memory.excess.pop(book.symbol, None)
        return _protected(desk, book)
    if desk.memory.looks < 1:
        return uncovered(desk, book, missing, "too many positions are without a stop; it waits for its turn")
    desk.memory.looks -= 1
    fresh = look(desk, book)
    if fresh is None:
        return book  # it moved while we looked; the next cycle sees it as it is then
    return _act(desk, fresh)


def look(desk: PositionDesk, book: Book) -> Scene | None:
    """The position as it stands: read before and after its orders, so that they are of one moment. None if it moved."""
    before = desk.broker.holding(book.symbol)
    orders = desk.broker.working(book.symbol)
    sight = desk.broker.sights((book.symbol,)).get(book.symbol)
    after = desk.broker.holding(book.symbol)
    if before is None or after is None or before.quantity != after.quantity:
        return None
    return Scene(book, after, tuple(each for each in orders if each.symbol == book.symbol), sight, desk.now())


def uncovered(desk: PositionDesk, book: Book, quantity: Decimal, why: str) -> Book:
    """Count the time without a stop, and say it."""
    if book.unprotected_since is None:
        (book,) = desk.ledger.save(replace(book, unprotected_since=desk.now()))
    if desk.news("unprotected", book.symbol, why):
        since = desk.now() - (book.unprotected_since or desk.now())
        desk.say(
            PositionUnprotected(account=desk.name, symbol=book.symbol, qty=quantity, seconds=seconds(since), why=why)
        )
    return book


def _act(desk: PositionDesk, scene: Scene) -> Book:
    decided = care(scene, desk.policy)
    match decided:
        case Covered():
            return _protected(desk, scene.book)
        case Cancel(missing, orders, _) if missing == 0:
            return _thin_out(desk, scene.book, orders)
        case Cancel(missing, orders, why):
            book = uncovered(desk, scene.book, missing, why)
            for each in orders:
                desk.broker.cancel(each)
            return book
        case Wait(missing, why) | Alarm(missing, why):
            return uncovered(desk, scene.book, missing, why)
        case Leave(missing, leaving):
            book = uncovered(desk, scene.book, missing, f"{leaving.reason}: {leaving.observed}, {leaving.threshold}")
            return exiting.begin(desk, book, leaving) if desk.market_open() else book
        case Shelter():
            return _shelter(desk, scene, decided)
        case _:
            assert_never(decided)


def _thin_out(desk: PositionDesk, book: Book, orders: tuple[str, ...]) -> Book:
    """Cancel stops for more than is held, once that lasts: after a partial fill the broker takes a moment to follow."""
    now = desk.now()
    first_seen = desk.memory.excess.setdefault(book.symbol, now)
    if now - first_seen < timedelta(seconds=desk.policy.difference_grace_seconds):
        return book
    del desk.memory.excess[book.symbol]
    for each in orders:
        desk.say(StrayOrder(account=desk.name, symbol=book.symbol, broker_order_id=each))
        desk.broker.cancel(each)
    return book


def _shelter(desk: PositionDesk, scene: Scene, shelter: Shelter) -> Book:
    attempts = desk.ledger.attempts(scene.book.id or 0, Purpose.PROTECT)
    why = ready(desk, attempts)
    oco = _priced(scene, shelter, next_oco_id(desk, scene.book, attempts))
    if why is not None or not isinstance(oco, Oco):
        return uncovered(desk, scene.book, shelter.bare, why or str(oco))
    book = uncovered(desk, scene.book, shelter.bare, f"a target and a stop of our own: {shelter.plan.source}")
    sent = send_oco(desk, book, oco, attempts.number + 1)
    whole = shelter.quantity == shelter.bare
    if sent.state in LIVE or sent.state is State.FILLED:
        return _protected(desk, book) if whole else uncovered(desk, book, shelter.bare - shelter.quantity, _PART)
    return uncovered(desk, book, shelter.bare, f"the order that protects is {sent.state}")


_PART = "less than one share cannot have a stop at the broker"


def _priced(scene: Scene, shelter: Shelter, order_id: str) -> Oco | str:
    sight = scene.sight or Sight(Decimal(0), Decimal(0), scene.now)
    market = sight.bid if scene.holding.quantity > 0 else sight.ask
    priced = price(
        shelter.plan,
        symbol=scene.book.symbol,
        side=shelter.side,
        quantity=shelter.quantity,
        market=market,
        on=trading_day(scene.now),
        order_id=order_id,
    )
    return priced if isinstance(priced, Oco) else priced.why


def _protected(desk: PositionDesk, book: Book) -> Book:
    since = book.unprotected_since
    if since is None:
        return book
    bare_for = seconds(desk.now() - since)
    total = book.unprotected_seconds + bare_for
    (book,) = desk.ledger.save(replace(book, unprotected_since=None, unprotected_seconds=total))
    desk.settled("unprotected", book.symbol)
    desk.say(PositionProtected(account=desk.name, symbol=book.symbol, seconds=bare_for))
    return book
