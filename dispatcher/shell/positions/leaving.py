"""The way out: cancel what stands, see that it is gone, close what the broker holds at that moment. Again until flat.

The broker closes its own quantity of the position's own symbol, so a close can neither flip a position nor touch the
underlying; a resting order that still keeps shares back makes it refuse, and then what stands is cancelled first.

All that are on their way take each step together: what stands and what is held is asked for once, however many they
are. Where everything is to go, it is cancelled in one request and closed in another.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from contract.events import ExitStuck
from dispatcher.core.outcome import Throttled
from dispatcher.core.positions.book import Book, ExitReason
from dispatcher.core.positions.cover import Holding, Working
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.orders import Purpose
from dispatcher.core.positions.spreads import spread_of
from dispatcher.core.state import LIVE, State
from dispatcher.position_ports import SentOrder
from dispatcher.shell.positions.desk import PositionDesk, seconds
from dispatcher.shell.positions.sending import ready, send_all, send_close

LOOKS = 3
"""How often in one step it is looked whether cancelled orders are gone."""
FEW = 3
"""More than so many orders are cancelled in one request, where all that stand are to go."""

Waits = dict[str, str]
"""By symbol: what a position on its way out waits for."""
Try = tuple[Book, int]
"""A position to be closed, and the how-manyeth attempt it is."""


def leave(desk: PositionDesk, books: Sequence[Book], *, alone: bool = False) -> None:
    """One step towards flat; what it waits for is said when it takes longer than declared.

    `alone`: it was just seen that none of them is a leg of a spread, and need not be looked for.
    """
    if not books:
        return
    trading = desk.market_open()
    waits = _step(desk, books, alone=alone) if trading else {book.symbol: "the market is closed" for book in books}
    for book in books:
        _alarm(desk, book, waits.get(book.symbol), again=trading)


def _alarm(desk: PositionDesk, book: Book, why: str | None, *, again: bool) -> None:
    """Say what keeps it: every so often while something could be done about it, and once for a night."""
    waited = _waited(desk, book)
    stuck = waited.total_seconds() >= desk.policy.stuck_seconds
    if stuck and why is not None and desk.news("stuck", book.symbol, "", again=again):
        reason = book.exit.reason if book.exit else ""
        desk.say(ExitStuck(account=desk.name, symbol=book.symbol, reason=reason, seconds=seconds(waited), why=why))


def _waited(desk: PositionDesk, book: Book) -> timedelta:
    """Since when it was to be gone; the night before today's session does not count."""
    decided, session, now = book.exit.at if book.exit else book.opened_at, desk.session(), desk.now()
    opened = session.opens if session is not None and session.opens <= now else decided
    return now - max(decided, opened)


def _step(desk: PositionDesk, books: Sequence[Book], *, alone: bool) -> Waits:
    """Make the way free and close; what each that was not closed waits for."""
    waits: Waits = {}
    free = _make_way(desk, books, waits)
    if free:
        held = _held(desk, free, alone=alone)
        _close(desk, _due(desk, free, held, waits), held, waits)
    return waits


def _make_way(desk: PositionDesk, books: Sequence[Book], waits: Waits) -> list[Book]:
    """Cancel what stands; those for whom nothing stands any more."""
    left, free = {book.symbol: book for book in books}, []
    for _ in range(LOOKS):
        standing = desk.broker.working(next(iter(left)) if len(left) == 1 else None)
        busy = {each.symbol for each in standing}
        filling = {each.symbol for each in standing if each.symbol in left and _closes(each, left[each.symbol])}
        waits |= dict.fromkeys(filling, "an order at the market is filling")
        free += [book for symbol, book in left.items() if symbol not in busy]
        left = {symbol: book for symbol, book in left.items() if symbol in busy and symbol not in filling}
        if not left:
            return free
        _cancel(desk, left, standing)
    waits |= dict.fromkeys(left, "the cancellation of what stands is not confirmed")
    return free


def _closes(order: Working, book: Book) -> bool:
    sells = order.side == "sell"
    return order.kind == "market" and order.parent is None and sells is (book.quantity > 0)


def _cancel(desk: PositionDesk, left: Mapping[str, Book], standing: Sequence[Working]) -> None:
    """Ask for the cancellation of what keeps these back: of one order of each family, the others go with it."""
    asked = [each for each in standing if each.symbol in left and each.status != "pending_cancel"]
    if len(asked) > FEW and _flattened(left.values()) and all(each.symbol in left for each in standing):
        desk.broker.cancel_all()
        return
    heads_last = sorted(asked, key=lambda each: each.parent is None)
    for order in {(each.parent or each).id: each.id for each in heads_last}.values():
        desk.broker.cancel(order)


def _flattened(books: Collection[Book]) -> bool:
    """Whether somebody asked for everything to go."""
    return all(book.exit is not None and book.exit.reason is ExitReason.FLATTEN for book in books)


def _held(desk: PositionDesk, free: Sequence[Book], *, alone: bool) -> Mapping[str, Holding]:
    """What the broker holds at this moment: of one symbol, or of all where others matter too."""
    book = free[0]
    may_cover = contract(book.symbol) is not None and book.quantity > 0 and not alone
    if len(free) > 1 or may_cover:
        return desk.broker.holdings()
    holding = desk.broker.holding(book.symbol)
    return {} if holding is None else {book.symbol: holding}


def _due(desk: PositionDesk, free: Sequence[Book], held: Mapping[str, Holding], waits: Waits) -> list[Try]:
    """Those that may be closed now."""
    due = []
    for book in free:
        attempts = desk.ledger.attempts(book.id or 0, Purpose.CLOSE)
        why = _hindered(book, held) or ready(desk, attempts)
        if why is None:
            due.append((book, attempts.number + 1))
        else:
            waits[book.symbol] = why
    return due


def _hindered(book: Book, held: Mapping[str, Holding]) -> str | None:
    """Why the broker must not be asked to close it."""
    holding = held.get(book.symbol)
    if holding is None:
        return "the broker holds nothing any more; the books follow"
    if holding.quantity * book.quantity < 0:
        return f"the broker holds {holding.quantity}, and the decision was about {book.quantity}"
    if holding.quantity > 0 and spread_of(book.symbol, held) is not None:
        return "its short leg is still held, and would be uncovered without this one"
    return None


def _close(desk: PositionDesk, due: Sequence[Try], held: Mapping[str, Holding], waits: Waits) -> None:
    if len(due) > 1 and {book.symbol for book, _ in due} == held.keys() and _flattened([book for book, _ in due]):
        for sent in send_all(desk, due):
            _note(sent, waits)
        return
    for at, (book, number) in enumerate(due):
        sent, outcome = send_close(desk, book, number)
        _note(sent, waits)
        if isinstance(outcome, Throttled):  # nor would the others be let through
            waits |= dict.fromkeys((each.symbol for each, _ in due[at + 1 :]), "the broker's rate limit")
            return


def _note(sent: SentOrder, waits: Waits) -> None:
    if sent.state not in LIVE and sent.state is not State.FILLED:
        waits[sent.symbol] = f"the close is {sent.state}"
