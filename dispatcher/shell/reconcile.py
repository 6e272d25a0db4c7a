"""Orders without an ending: ask the broker by our own id, until there is an answer. Never guess one."""

from datetime import datetime, timedelta
from typing import assert_never

from contract.events import OrderResolved, OrderUpdated, ReconcileCompleted
from contract.limits import TradingState
from dispatcher.core import state
from dispatcher.core.execution import Execution, conclude
from dispatcher.core.lookup import CLOCKS_APART, Anothers, Gone, Stands, Unclear, judge
from dispatcher.core.order import Order
from dispatcher.core.outcome import BrokerOrder
from dispatcher.core.state import State
from dispatcher.ports import Concluded, OpenOrder
from dispatcher.shell.desk import Desk, Sending
from dispatcher.shell.guard import halt_for_vanished
from dispatcher.shell.repricing import concluded, reprice
from dispatcher.shell.sending import another_has_our_id, book, give_up, may_send_again, say_execution, send


def resolve(desk: Desk) -> int:
    """Look every unresolved order up once; how many remain without an answer."""
    waiting = [each for each in desk.ledger.unresolved() if each.recommendation_id not in desk.delayed]
    return sum(not _resolve(desk, each) for each in waiting)


def resend(desk: Desk) -> None:
    """Send again what was surely not placed and is due."""
    now = desk.monotonic()
    due = [sending for at, sending in desk.delayed.values() if at <= now]
    for sending in due:
        del desk.delayed[sending.recommendation_id]
        if may_send_again(desk, sending):
            send(desk, sending)
        else:
            give_up(desk, sending, "not placed while it was fresh")


def watch(desk: Desk, asked_to_cancel: set[str]) -> int:
    """Follow every order the broker has and may still fill; how many remain so.

    `asked_to_cancel` remembers the entries whose cancellation was asked for: their declared life is over, or the
    account may open nothing more. Exits are not ours to cancel, and are never.
    """
    live = desk.ledger.live()
    if not live:
        return 0
    known = {each.broker_order_id for each in live if each.broker_order_id}
    standing = desk.broker.orders_since(live[0].intended_at - CLOCKS_APART, known)
    seen = [
        (each, concluded(desk, each, found, standing))
        for each in live
        if (found := standing.get(each.broker_order_id or "")) is not None
    ]
    listed = {each.recommendation_id for each, _ in seen}
    halt_for_vanished(desk, [each for each in live if each.recommendation_id not in listed])
    moved = {each.recommendation_id for each, now_is in seen if _moved(each, now_is)}
    _follow(desk, [(each, now_is) for each, now_is in seen if each.recommendation_id in moved])
    for each, now_is in seen:
        if now_is.state in state.LIVE and each.recommendation_id not in moved:
            reprice(desk, each)
        _end_of_life(desk, each, now_is, asked_to_cancel)
    return len(live)


def first_of_all(desk: Desk) -> None:
    """At the start of a lease: what an earlier holder left is settled or counted before anything new is claimed."""
    desk.ledger.begin(desk.now())
    before = desk.ledger.unresolved()
    desk.truth.expect(before)
    after = resolve(desk) if before else 0
    desk.say(ReconcileCompleted(account=desk.name, unresolved_before=len(before), unresolved_after=after))


def _resolve(desk: Desk, each: OpenOrder) -> bool:
    sending = Sending(each.recommendation_id, each.recommended_at, each.intended_at, each.order)
    asked_at = desk.now()  # an answer may be slow, and an absence is only as young as its question
    found = desk.broker.find(each.order.client_order_id)
    grace = timedelta(seconds=desk.limits.absence_grace_seconds)
    answer = judge(
        each.order, each.intended_at, found, asked_for=asked_at - _may_be_sent_until(desk, each), grace=grace
    )
    match answer:
        case Stands(order):
            _stands(desk, each, sending, order)
            return True
        case Gone():
            _absent(desk, each, sending)
            return True
        case Anothers():
            if each.state is not State.UNKNOWN:
                another_has_our_id(desk, sending)
        case Unclear():
            pass
        case _:
            assert_never(answer)
    _halt_if_old(desk, each)
    return False


def _stands(desk: Desk, each: OpenOrder, sending: Sending, order: BrokerOrder) -> None:
    execution = conclude(sending.order, order, state.of(order), desk.mode)
    execution_id = book(desk, Concluded(each.recommendation_id, execution))[each.recommendation_id]
    desk.counts.accepted += 1
    _say_resolved(desk, each, execution.state, "found at the broker by our id")
    say_execution(desk, each.recommendation_id, execution_id, execution)


def _halt_if_old(desk: Desk, each: OpenOrder) -> None:
    """Nobody knows for too long: nothing more is opened until somebody has looked."""
    unknown_for = desk.now() - each.since
    if each.state is State.UNKNOWN and unknown_for >= timedelta(seconds=desk.limits.halt_after_unknown_seconds):
        desk.switch.halt(f"order {each.order.client_order_id} unknown for {unknown_for.total_seconds():.0f} s")


def _absent(desk: Desk, each: OpenOrder, sending: Sending) -> None:
    """Confirmed absent: the same id once more while fresh, else the end."""
    if may_send_again(desk, sending):
        desk.ledger.intend_again(sending.recommendation_id, desk.now())
        _say_resolved(desk, each, State.INTENDED, "absent at the broker for the grace period; sent once more")
        send(desk, sending)
    else:
        give_up(desk, sending, "absent at the broker, and no longer fresh")
        _say_resolved(desk, each, State.NOT_PLACED, "absent at the broker for the grace period, no longer fresh")


def _may_be_sent_until(desk: Desk, each: OpenOrder) -> datetime:
    """The last moment at which anyone may have sent it: its own, or an earlier holder's end."""
    return max(each.since, desk.since)


def _moved(each: OpenOrder, execution: Execution) -> bool:
    """Whether the broker tells something of an order that the books do not."""
    before = (each.broker_order_id, each.state, each.filled_quantity)
    return before != (execution.broker_order_id, execution.state, execution.filled_quantity)


def _follow(desk: Desk, moved: list[tuple[OpenOrder, Execution]]) -> None:
    if not moved:
        return
    ids = book(desk, *(Concluded(each.recommendation_id, now_is, was=(each.state,)) for each, now_is in moved))
    for each, execution in moved:
        desk.say(
            OrderUpdated(
                account=desk.name,
                recommendation_id=each.recommendation_id,
                client_order_id=execution.order.client_order_id,
                symbol=each.order.symbol,
                state=execution.state,
                filled_qty=execution.filled_quantity,
                filled_avg_price=execution.filled_average_price,
            )
        )
        say_execution(desk, each.recommendation_id, ids[each.recommendation_id], execution)


def _end_of_life(desk: Desk, each: OpenOrder, execution: Execution, asked: set[str]) -> None:
    """An entry rests for its declared life and no longer, and not at all in an account that may open nothing."""
    stock = isinstance(each.order, Order)
    life = desk.limits.entry_life_seconds if stock else desk.limits.options.entry.life_seconds
    over = desk.now() - each.intended_at > timedelta(seconds=life)
    unwanted = over or desk.switch.order().state is not TradingState.ACTIVE
    if execution.state in state.LIVE and unwanted and execution.broker_order_id not in asked:
        desk.broker.cancel(execution.broker_order_id)
        asked.add(execution.broker_order_id)


def _say_resolved(desk: Desk, each: OpenOrder, now_is: State, how: str) -> None:
    desk.say(
        OrderResolved(
            account=desk.name,
            recommendation_id=each.recommendation_id,
            client_order_id=each.order.client_order_id,
            symbol=each.order.symbol,
            was=each.state,
            state=now_is,
            how=how,
        )
    )
