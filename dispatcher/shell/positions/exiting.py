"""The way out: cancel what stands, see that it is gone, close what the broker holds at that moment. Again until flat.

The broker closes its own quantity of the position's own symbol, so a close can neither flip a position nor touch the
underlying; a resting order that still keeps shares back makes it refuse, and then what stands is cancelled first.
"""

from dataclasses import replace

from contract.events import ExitDecided, ExitStuck, ExitUndecided
from dispatcher.core.positions import exits
from dispatcher.core.positions.book import Book, Exit, Stage
from dispatcher.core.positions.cover import Holding, Working
from dispatcher.core.positions.exits import Case, Keep, Undecided
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.orders import Purpose
from dispatcher.core.positions.sight import Sight
from dispatcher.core.positions.spreads import spread_of
from dispatcher.core.state import LIVE, State
from dispatcher.shell.positions.desk import PositionDesk, seconds
from dispatcher.shell.positions.sending import ready, send_close

LOOKS = 3
"""How often in one cycle it is looked whether cancelled orders are gone."""


def supervise(desk: PositionDesk, book: Book, holding: Holding, sight: Sight | None) -> Book:
    """Decide over a position in options: its peak is written down before anything is decided by it."""
    seen = _case(desk, book, holding, sight)
    peak = exits.peak_of(seen, desk.policy)
    if peak != book.peak:
        (book,) = desk.ledger.save(replace(book, peak=peak))
    decided = exits.decide(replace(seen, peak=peak), desk.policy)
    if isinstance(decided, Exit):
        return begin(desk, book, decided)
    if isinstance(decided, Undecided) and desk.news("undecided", book.symbol, decided.why):
        desk.say(ExitUndecided(account=desk.name, symbol=book.symbol, why=decided.why))
    if isinstance(decided, Keep):
        desk.settled("undecided", book.symbol)
    return book


def next_exit(desk: PositionDesk, book: Book, holding: Holding, sight: Sight | None) -> str:
    """What ends a position next, in words."""
    decided = exits.decide(_case(desk, book, holding, sight), desk.policy)
    match decided:
        case Exit():
            return f"{decided.reason} ({decided.observed}; {decided.threshold})"
        case Keep(words):
            return words
        case Undecided(why):
            return f"a price, and none decides now: {why}"


def begin(desk: PositionDesk, book: Book, leaving: Exit) -> Book:
    """Decide that the position is closed, write it down, and make the first step."""
    bare = book.unprotected_since or (
        desk.now() if contract(book.symbol) is None else None
    )  # its stop is cancelled now
    (book,) = desk.ledger.save(replace(book, stage=Stage.EXITING, exit=leaving, unprotected_since=bare))
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
    return proceed(desk, book)


def proceed(desk: PositionDesk, book: Book) -> Book:
    """One step towards flat; what it waits for is said when it takes longer than declared."""
    why = "the market is closed" if not desk.market_open() else _step(desk, book)
    since = desk.now() - (book.exit.at if book.exit else book.opened_at)
    stuck = since.total_seconds() >= desk.policy.stuck_seconds
    if stuck and why is not None and desk.news("stuck", book.symbol, ""):
        reason = book.exit.reason if book.exit else ""
        desk.say(ExitStuck(account=desk.name, symbol=book.symbol, reason=reason, seconds=seconds(since), why=why))
    return book


def _step(desk: PositionDesk, book: Book) -> str | None:
    """Make the way free and close; what it waits for otherwise."""
    if _covers(desk, book):
        return "its short leg is still held, and would be uncovered without this one"
    for _ in range(LOOKS):
        standing = desk.broker.working(book.symbol)
        if any(_closes(each, book) for each in standing):
            return "an order at the market is filling"
        if not standing:
            return _close(desk, book)
        for each in standing:
            if each.status != "pending_cancel":
                desk.broker.cancel(each.id)
    return "the cancellation of what stands is not confirmed"


def _covers(desk: PositionDesk, book: Book) -> bool:
    """Whether it is the long leg of a spread whose short one still stands: that one leaves first."""
    if contract(book.symbol) is None or book.quantity < 0:
        return False
    return spread_of(book.symbol, desk.broker.holdings()) is not None


def _close(desk: PositionDesk, book: Book) -> str | None:
    held = desk.broker.holding(book.symbol)
    if held is None:
        return "the broker holds nothing any more; the books follow"
    if held.quantity * book.quantity < 0:
        return f"the broker holds {held.quantity}, and the decision was about {book.quantity}"
    attempts = desk.ledger.attempts(book.id or 0, Purpose.CLOSE)
    why = ready(desk, attempts)
    if why is not None:
        return why
    sent = send_close(desk, book, attempts.number + 1)
    return None if sent.state in LIVE or sent.state is State.FILLED else f"the close is {sent.state}"


def _closes(order: Working, book: Book) -> bool:
    sells = order.side == "sell"
    return order.kind == "market" and order.parent is None and sells is (book.quantity > 0)


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
