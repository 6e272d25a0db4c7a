"""From committed intents to their endings: each is sent once, and what the broker answers is booked and said."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, assert_never

from contract.events import (
    BrokerUnavailable,
    ExecutionRecorded,
    OrderAccepted,
    OrderDelayed,
    OrderRejected,
    OrderUnknown,
    RecommendationRefused,
)
from contract.limits import TradingState
from dispatcher.core import state
from dispatcher.core.entries import booked
from dispatcher.core.execution import Execution, conclude
from dispatcher.core.gates import age
from dispatcher.core.lookup import ours
from dispatcher.core.outcome import (
    Accepted,
    BrokerOrder,
    Duplicate,
    NotSent,
    Outcome,
    Rejected,
    Throttled,
    Unknown,
)
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.ports import BrokerThrottledError, Concluded
from dispatcher.shell.desk import Desk, Sending

NOT_SENT_RETRY_SECONDS = 1.0

NotAccepted = Duplicate | Rejected | Throttled | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Asked:
    """What an order's request came to. `milliseconds` from the request to its answer."""

    outcome: Outcome
    milliseconds: Decimal


class Withheld(Enum):
    """Why an order did not leave."""

    NOT_OURS = "without the lease it stays intended, and whoever holds the lease resolves it"
    STOPPED = "trading was stopped before it was sent"


@dataclass(frozen=True, slots=True)
class Taken:
    """An order that the broker has. `milliseconds` from the request to its answer."""

    sending: Sending
    found: BrokerOrder
    milliseconds: Decimal


def send(desk: Desk, *sendings: Sending) -> None:
    """Send committed intents side by side, and conclude from the answers in turn; what was taken is booked together."""
    taken: list[Taken] = []
    sent, began = 0, desk.monotonic()
    each_by = desk.side_by_side if len(sendings) > 1 else map
    for each, came in zip(sendings, each_by(partial(_ask, desk), sendings), strict=True):
        if isinstance(came, Asked):
            sent += 1
            found = came.outcome.order if isinstance(came.outcome, Accepted) else _concluded(desk, each, came.outcome)
            if found is not None:
                taken.append(Taken(each, found, came.milliseconds))
        elif came is Withheld.STOPPED:
            give_up(desk, each, came.value)
    if sent:
        desk.pace.took(sent, desk.monotonic() - began)
    if taken:
        _record(desk, taken)


def book(desk: Desk, *concluded: Concluded) -> dict[int, str]:
    """Write into the books what became of orders at the broker; the id of each execution, to be said.

    Raises:
        LostAuthorityError: one of them is not in the state it was left in. None is written.
    """
    ids = desk.ledger.conclude(concluded, desk.now())
    for each in concluded:
        desk.truth.answered(each.recommendation_id)
    return ids


def say_execution(desk: Desk, recommendation_id: int, execution_id: str, execution: Execution) -> None:
    """Say what a row of `dispatch_executions` says."""
    desk.say(
        ExecutionRecorded(
            account=desk.name,
            execution_id=execution_id,
            recommendation_id=recommendation_id,
            symbol=execution.order.symbol,
            status=execution.status,
            execution_mode=execution.mode,
            qty=Decimal(execution.order.quantity),
            filled_qty=execution.filled_quantity,
            filled_avg_price=execution.filled_average_price,
        )
    )


def say_throttled(desk: Desk, error: BrokerThrottledError) -> None:
    """Say that a question waits for the account's next minute at the broker; everything else goes on."""
    retry = Decimal(f"{error.retry_seconds:.1f}")
    desk.say(BrokerUnavailable(account=desk.name, what=error.what, error=error.error, retry_seconds=retry))


def doubt(desk: Desk, sending: Sending, why: str) -> None:
    """Record that nobody knows; reconciliation will ask."""
    desk.ledger.doubt(sending.recommendation_id, why, desk.now())
    desk.counts.unknown += 1
    desk.say(OrderUnknown(**_about(desk, sending), why=why))


def give_up(desk: Desk, sending: Sending, why: str) -> None:
    """End an order that surely is not at the broker and is no longer fresh."""
    refused = Refusal(Reason.NOT_SENT_IN_TIME, why)
    desk.ledger.not_placed(sending.recommendation_id, refused, desk.now())
    desk.truth.never_placed(sending.recommendation_id)
    desk.counts.refusals[refused.reason] += 1
    say_refused(desk, sending.recommendation_id, sending.order.symbol, refused)


def another_has_our_id(desk: Desk, sending: Sending) -> None:
    """An order under our id that is not what we meant: a person must look, and nothing more is opened meanwhile."""
    doubt(desk, sending, "another order has our id")
    desk.switch.halt(f"the broker's order {sending.order.client_order_id} is not the one we meant")


def may_send_again(desk: Desk, sending: Sending) -> bool:
    """Whether an order that was not placed may be sent again: still fresh, and the account still active."""
    fresh = age(sending.recommended_at, desk.limits, desk.now()).passed
    return fresh and desk.switch.order().state is TradingState.ACTIVE


def say_refused(desk: Desk, recommendation_id: int, symbol: str, refused: Refusal) -> None:
    """Say why no order was meant, or none was placed."""
    desk.say(
        RecommendationRefused(
            account=desk.name,
            recommendation_id=recommendation_id,
            symbol=symbol,
            reason=refused.reason,
            detail=refused.detail,
            observed=refused.observed,
            threshold=refused.threshold,
        )
    )


def _ask(desk: Desk, sending: Sending) -> Asked | Withheld:
    """Send one order, if it still may leave. For any thread: what follows from the answer is its caller's to do."""
    if not desk.lease.holds():
        return Withheld.NOT_OURS
    if desk.switch.order().state is not TradingState.ACTIVE:
        return Withheld.STOPPED
    asked_at = desk.monotonic()
    outcome = desk.broker.submit(sending.order)
    return Asked(outcome, Decimal(f"{(desk.monotonic() - asked_at) * 1000:.1f}"))


def _concluded(desk: Desk, sending: Sending, outcome: NotAccepted) -> BrokerOrder | None:
    """End what was not taken; the order, where it turns out that the broker has it after all."""
    match outcome:
        case Duplicate():
            return _adopted(desk, sending)
        case Rejected():
            _rejected(desk, sending, outcome)
        case Throttled(seconds):
            _delay(desk, sending, "the broker's rate limit", seconds)
        case NotSent(why):
            _delay(desk, sending, why, NOT_SENT_RETRY_SECONDS)
        case Unknown(why):
            doubt(desk, sending, why)
        case _:
            assert_never(outcome)
    return None


def _record(desk: Desk, taken: Sequence[Taken]) -> None:
    """Write orders that the broker has taken into the books, and say each with its execution."""
    executions = {
        each.sending.recommendation_id: conclude(each.sending.order, each.found, state.of(each.found), desk.mode)
        for each in taken
    }
    ids = book(desk, *(Concluded(number, execution) for number, execution in executions.items()))
    desk.counts.accepted += len(taken)
    for each in taken:
        number = each.sending.recommendation_id
        _say_accepted(desk, each)
        say_execution(desk, number, ids[number], executions[number])


def _say_accepted(desk: Desk, taken: Taken) -> None:
    order, booking = taken.sending.order, booked(taken.sending.order)
    desk.say(
        OrderAccepted(
            **_about(desk, taken.sending),
            broker_order_id=taken.found.id,
            side=order.side,
            qty=Decimal(order.quantity),
            limit_price=order.limit.amount,
            take_profit=booking.take_profit,
            stop_loss=booking.stop_loss,
            broker_status=taken.found.status,
            milliseconds=taken.milliseconds,
        )
    )


def _adopted(desk: Desk, sending: Sending) -> BrokerOrder | None:
    """The id exists already. It is ours only when it says what we meant and came after we meant it."""
    found = desk.broker.find(sending.order.client_order_id)
    if isinstance(found, BrokerOrder) and ours(sending.order, sending.intended_at, found):
        return found
    if isinstance(found, BrokerOrder):
        another_has_our_id(desk, sending)
    else:
        doubt(desk, sending, found.why if isinstance(found, Unknown) else "the id is taken, and no order known of it")
    return None


def _rejected(desk: Desk, sending: Sending, rejected: Rejected) -> None:
    desk.ledger.reject(sending.recommendation_id, rejected, desk.now())
    desk.truth.never_placed(sending.recommendation_id)
    desk.counts.rejected += 1
    desk.say(
        OrderRejected(
            **_about(desk, sending),
            http_status=rejected.http_status,
            code=rejected.code,
            message=rejected.message,
            extra=json.dumps(dict(rejected.extra), default=str),
        )
    )
    window = timedelta(seconds=desk.limits.halt_window_seconds)
    rejections = desk.ledger.rejections(desk.now() - window)
    if rejections >= desk.limits.halt_after_rejections:
        desk.switch.halt(f"{rejections} rejections by the broker within {window}; the last: {rejected.message}")


def _delay(desk: Desk, sending: Sending, why: str, seconds: float) -> None:
    """Surely not placed: the same id again after a while, as long as the recommendation is fresh."""
    if not may_send_again(desk, sending):
        give_up(desk, sending, f"not placed: {why}")
        return
    desk.delayed[sending.recommendation_id] = (desk.monotonic() + seconds, sending)
    desk.say(OrderDelayed(**_about(desk, sending), why=why, retry_seconds=Decimal(f"{seconds:.1f}")))


def _about(desk: Desk, sending: Sending) -> Any:
    """The fields that every event about an order has."""
    return {
        "account": desk.name,
        "recommendation_id": sending.recommendation_id,
        "client_order_id": sending.order.client_order_id,
        "symbol": sending.order.symbol,
    }
