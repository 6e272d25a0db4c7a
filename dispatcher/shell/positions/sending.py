"""Orders of the position manager: committed, sent once, concluded from the answer, looked up where there was none."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from contract.events import ExitOrder, ExitUnanswered
from dispatcher.core import state
from dispatcher.core.lookup import CLOCKS_APART, Anothers, Gone, Stands, Unclear, judge
from dispatcher.core.outcome import Accepted, BrokerOrder, Duplicate, NotSent, Outcome, Rejected, Throttled, Unknown
from dispatcher.core.positions.book import Book
from dispatcher.core.positions.cover import OURS, Working
from dispatcher.core.positions.orders import Oco, Purpose, client_order_id
from dispatcher.core.state import LIVE, UNRESOLVED, State
from dispatcher.position_ports import Attempts, SentOrder
from dispatcher.shell.positions.desk import PositionDesk, seconds

LONGEST_WAIT = timedelta(seconds=30)
NOT_THERE = 404


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
    sent = _intend(desk, book, Purpose.PROTECT, sequence, oco)
    if not desk.lease.holds():
        return sent  # it stays intended, and whoever holds the lease looks it up
    return _conclude(desk, sent, desk.broker.submit(oco))


def send_close(desk: PositionDesk, book: Book, sequence: int) -> SentOrder:
    """Commit that the position is closed now, then ask the broker to close what it holds at that moment."""
    sent = _intend(desk, book, Purpose.CLOSE, sequence, None)
    if not desk.lease.holds():
        return sent
    return _conclude(desk, sent, desk.broker.close(book.symbol))


def settle(desk: PositionDesk, standing: tuple[Working, ...]) -> int:
    """Ask about every order of ours without an ending; how many remain without an answer."""
    there = {each.id: each for each in standing}
    unclear = 0
    for order in desk.ledger.orders():
        if _find_out(desk, order, there.get(order.broker_order_id or "")):
            desk.settled("unanswered", order.client_order_id)
        else:
            unclear += 1
            _alarm(desk, order)
    return unclear


def next_oco_id(desk: PositionDesk, book: Book, attempts: Attempts) -> str:
    """The id of the next try to protect the position."""
    return client_order_id(desk.name, _id(book), Purpose.PROTECT, attempts.number + 1)


def _id(book: Book) -> int:
    if book.id is None:
        raise AssertionError("a position that was never written down is not acted on")
    return book.id


def _intend(desk: PositionDesk, book: Book, purpose: Purpose, sequence: int, oco: Oco | None) -> SentOrder:
    now = desk.now()
    order_id = client_order_id(desk.name, _id(book), purpose, sequence)
    sent = SentOrder(order_id, _id(book), book.symbol, purpose, sequence, now, now, oco=oco)
    desk.ledger.intend(sent)
    return sent


def _conclude(desk: PositionDesk, sent: SentOrder, outcome: Outcome) -> SentOrder:
    if isinstance(outcome, Accepted):
        return _stands(desk, sent, outcome.order, "taken by the broker")
    return _move(desk, sent, *_ending(outcome))


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


def _find_out(desk: PositionDesk, order: SentOrder, there: Working | None) -> bool:
    """Whether the broker says what became of it."""
    if order.state in LIVE:
        return _follow(desk, order, there)
    return _look_for_close(desk, order) if order.oco is None else _look_up(desk, order, order.oco)


def _alarm(desk: PositionDesk, order: SentOrder) -> None:
    age = desk.now() - order.intended_at
    if age.total_seconds() >= desk.policy.stuck_seconds and desk.news("unanswered", order.client_order_id, ""):
        desk.say(
            ExitUnanswered(
                account=desk.name,
                symbol=order.symbol,
                purpose=order.purpose,
                client_order_id=order.client_order_id,
                state=order.state,
                seconds=seconds(age),
            )
        )


def _look_up(desk: PositionDesk, order: SentOrder, oco: Oco) -> bool:
    asked_at = desk.now()
    found = desk.broker.find(order.client_order_id)
    asked_for = asked_at - max(order.since, desk.since)
    answer = judge(oco, order.intended_at, found, asked_for=asked_for, grace=desk.grace)
    match answer:
        case Stands(there):
            _stands(desk, order, there, "found at the broker by our id")
        case Gone():
            _move(desk, order, State.NOT_PLACED, "absent at the broker for the grace period")
        case Anothers():
            _move(desk, order, State.REJECTED, "another order has our id; a person must look")
        case Unclear():
            return False
        case _:
            assert_never(answer)
    return True


def _look_for_close(desk: PositionDesk, order: SentOrder) -> bool:
    """A close has no id of ours at the broker: it is the order at the market that came after we meant it."""
    asked_at = desk.now()
    found = desk.broker.sent(order.symbol, order.intended_at - CLOCKS_APART)
    closes = [each for each in found if each.kind == "market" and not each.client_order_id.startswith(OURS)]
    if closes:
        _stands(desk, order, _as_order(closes[-1]), "found at the broker: an order at the market after our intent")
        return True
    if asked_at - max(order.since, desk.since) < desk.grace:
        return False
    _move(desk, order, State.NOT_PLACED, "no order at the market for the grace period")
    return True


def _follow(desk: PositionDesk, order: SentOrder, there: Working | None) -> bool:
    found = there or desk.broker.order(order.broker_order_id or "")
    if found is None:
        return False  # the broker took it once and knows nothing of it now
    if state.of(_as_order(found)) is not order.state:
        _stands(desk, order, _as_order(found), f"filled {found.filled}")
    return True


def _stands(desk: PositionDesk, sent: SentOrder, found: BrokerOrder, how: str) -> SentOrder:
    return _move(desk, replace(sent, broker_order_id=found.id), state.of(found), how)


def _move(desk: PositionDesk, order: SentOrder, to: State, detail: str) -> SentOrder:
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


def _as_order(there: Working) -> BrokerOrder:
    return BrokerOrder(
        id=there.id,
        client_order_id=there.client_order_id,
        status=there.status,
        symbol=there.symbol,
        side=there.side.value,
        quantity=there.quantity,
        filled_quantity=there.filled or Decimal(0),
        submitted_at=there.submitted_at,
    )
