"""Orders of the position manager: committed, sent once, concluded from the answer, looked up where there was none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from contract.events import ExitOrder
from dispatcher.core import state
from dispatcher.core.outcome import Accepted, BrokerOrder, Duplicate, NotSent, Outcome, Rejected, Throttled, Unknown
from dispatcher.core.positions.book import Book
from dispatcher.core.positions.orders import Oco, Purpose, client_order_id
from dispatcher.core.state import UNRESOLVED, State
from dispatcher.position_ports import Attempts, SentOrder
from dispatcher.shell.positions.desk import PositionDesk

LONGEST_WAIT = timedelta(seconds=30)
NOT_THERE = 404
UNNAMED = Unknown("the broker's answer does not name it")


def ready(desk: PositionDesk, attempts: Attempts) -> str | None:
    """Why another try must wait; None when it may be made. After a no from the broker it waits longer each time."""
    if attempts.state in UNRESOLVED:
        return "an order of ours has no answer yet"
    if attempts.state in {State.REJECTED, State.NOT_PLACED} and attempts.since is not None:
        wait = min(timedelta(seconds=2 ** min(attempts.number, 5) / 2), LONGEST_WAIT)
        if desk.now() - attempts.since < wait:
            return f"the broker said no; tried again after {wait.total_seconds():.0f} s"
    return None


def send_oco(desk: PositionDesk, book: Book, oco: Oco, sequence: int) -> SentOrder:
    """Commit a target and a stop of our own, then send them."""
    sent = _meant(desk, book, Purpose.PROTECT, sequence, oco)
    desk.ledger.intend(sent)
    if not desk.lease.holds():
        return sent  # it stays intended, and whoever holds the lease looks it up
    return _conclude(desk, sent, desk.broker.submit(oco))


def send_close(desk: PositionDesk, book: Book, sequence: int) -> tuple[SentOrder, Outcome | None]:
    """Commit that the position is closed now, then ask the broker to close what it holds at that moment.

    The order as it is then, and what the broker answered; None where nothing was asked.
    """
    sent = _meant(desk, book, Purpose.CLOSE, sequence, None)
    desk.ledger.intend(sent)
    if not desk.lease.holds():
        return sent, None
    outcome = desk.broker.close(book.symbol)
    return _conclude(desk, sent, outcome), outcome


def send_all(desk: PositionDesk, due: Sequence[tuple[Book, int]]) -> list[SentOrder]:
    """Commit that each of these is closed now, then ask the broker to close everything that it holds."""
    meant = [_meant(desk, book, Purpose.CLOSE, sequence, None) for book, sequence in due]
    desk.ledger.intend(*meant)
    if not desk.lease.holds():
        return meant
    answer = desk.broker.close_all()
    each = answer if isinstance(answer, Mapping) else dict.fromkeys((sent.symbol for sent in meant), answer)
    return [_conclude(desk, sent, each.get(sent.symbol, UNNAMED)) for sent in meant]


def next_oco_id(desk: PositionDesk, book: Book, attempts: Attempts) -> str:
    """The id of the next try to protect the position."""
    return client_order_id(desk.name, _id(book), Purpose.PROTECT, attempts.number + 1)


def _id(book: Book) -> int:
    if book.id is None:
        raise AssertionError("a position that was never written down is not acted on")
    return book.id


def _meant(desk: PositionDesk, book: Book, purpose: Purpose, sequence: int, oco: Oco | None) -> SentOrder:
    now = desk.now()
    order_id = client_order_id(desk.name, _id(book), purpose, sequence)
    return SentOrder(order_id, _id(book), book.symbol, purpose, sequence, now, now, oco=oco)


def _conclude(desk: PositionDesk, sent: SentOrder, outcome: Outcome) -> SentOrder:
    if isinstance(outcome, Accepted):
        return stands(desk, sent, outcome.order, "taken by the broker")
    return move(desk, sent, *_ending(outcome))


def _ending(outcome: Duplicate | Rejected | Throttled | NotSent | Unknown) -> tuple[State, str]:
    """What an answer without an order means, and why."""
    match outcome:
        case Duplicate():
            return State.UNKNOWN, "the id is taken; it is looked up"
        case Rejected():
            ending = State.NOT_PLACED if outcome.http_status == NOT_THERE else State.REJECTED
            return ending, f"HTTP {outcome.http_status} {outcome.code}: {outcome.message}"
        case Throttled():
            return State.NOT_PLACED, "the broker's rate limit"
        case NotSent(why):
            return State.NOT_PLACED, why
        case Unknown(why):
            return State.UNKNOWN, why
        case _:
            assert_never(outcome)


def stands(desk: PositionDesk, sent: SentOrder, found: BrokerOrder, how: str) -> SentOrder:
    """Write down what the broker says of an order that it knows."""
    return move(desk, replace(sent, broker_order_id=found.id), state.of(found), how)


def move(desk: PositionDesk, order: SentOrder, to: State, detail: str) -> SentOrder:
    """Bring an order to another state, and say it."""
    moved = desk.ledger.move(order, to, desk.now(), detail=detail)
    desk.say(
        ExitOrder(
            account=desk.name,
            symbol=order.symbol,
            purpose=order.purpose,
            client_order_id=order.client_order_id,
            broker_order_id=order.broker_order_id,
            state=to,
            detail=detail,
        )
    )
    return moved
