"""What became of our own orders: asked about until the broker has said how each ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from contract.events import ExitUnanswered
from dispatcher.core import state
from dispatcher.core.lookup import CLOCKS_APART, Anothers, Gone, Stands, Unclear, judge
from dispatcher.core.outcome import BrokerOrder
from dispatcher.core.positions.cover import OURS, Working
from dispatcher.core.positions.orders import Oco
from dispatcher.core.state import LIVE, State
from dispatcher.position_ports import SentOrder
from dispatcher.shell.positions.desk import PositionDesk, seconds
from dispatcher.shell.positions.sending import move, stands

MANY = 20
"""From so many orders on that do not stand any more, they are looked for in one list, and not one by one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Orders at the broker by its ids. `listed` has all since the oldest of those that are looked for, or is None."""

    at: datetime
    orders: Mapping[str, Working]
    listed: tuple[Working, ...] | None = None


def settle(desk: PositionDesk, standing: tuple[Working, ...]) -> int:
    """Ask about every order of ours without an ending; how many remain without an answer."""
    ours = desk.ledger.orders()
    seen = _seen(desk, ours, standing)
    unclear = 0
    for order in ours:
        if _find_out(desk, order, seen):
            desk.settled("unanswered", order.client_order_id)
        else:
            unclear += 1
            _alarm(desk, order)
    return unclear


def _seen(desk: PositionDesk, ours: tuple[SentOrder, ...], standing: tuple[Working, ...]) -> Seen:
    now, there = desk.now(), {each.id: each for each in standing}
    gone = [each for each in ours if each.broker_order_id not in there and (each.oco is None or each.state in LIVE)]
    if len(gone) < MANY:
        return Seen(now, there)
    listed = desk.broker.sent(None, min(each.intended_at for each in gone) - CLOCKS_APART)
    return Seen(now, {each.id: each for each in listed} | there, listed)


def _find_out(desk: PositionDesk, order: SentOrder, seen: Seen) -> bool:
    """Whether the broker says what became of it."""
    if order.state in LIVE:
        return _follow(desk, order, seen.orders.get(order.broker_order_id or ""))
    return _look_for_close(desk, order, seen) if order.oco is None else _look_up(desk, order, order.oco)


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
            stands(desk, order, there, "found at the broker by our id")
        case Gone():
            move(desk, order, State.NOT_PLACED, "absent at the broker for the grace period")
        case Anothers():
            move(desk, order, State.REJECTED, "another order has our id; a person must look")
        case Unclear():
            return False
        case _:
            assert_never(answer)
    return True


def _look_for_close(desk: PositionDesk, order: SentOrder, seen: Seen) -> bool:
    """A close has no id of ours at the broker: it is the order at the market that came after we meant it."""
    asked_at, after = desk.now() if seen.listed is None else seen.at, order.intended_at - CLOCKS_APART
    found = desk.broker.sent(order.symbol, after) if seen.listed is None else seen.listed
    closes = [each for each in found if each.symbol == order.symbol and _may_be_close(each, after)]
    if closes:
        stands(desk, order, _as_order(closes[-1]), "found at the broker: an order at the market after our intent")
        return True
    if asked_at - max(order.since, desk.since) < desk.grace:
        return False
    move(desk, order, State.NOT_PLACED, "no order at the market for the grace period")
    return True


def _may_be_close(there: Working, after: datetime) -> bool:
    late = there.submitted_at is None or there.submitted_at >= after
    return late and there.kind == "market" and not there.client_order_id.startswith(OURS)


def _follow(desk: PositionDesk, order: SentOrder, there: Working | None) -> bool:
    found = there or desk.broker.order(order.broker_order_id or "")
    if found is None:
        return False  # the broker took it once and knows nothing of it now
    if state.of(_as_order(found)) is not order.state:
        stands(desk, order, _as_order(found), f"filled {found.filled}")
    return True


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
