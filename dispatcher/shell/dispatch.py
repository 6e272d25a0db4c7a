"""The walk: row → recommendation → decision → order → committed intent → answer → books → log. One way only."""

import json
from datetime import timedelta
from decimal import Decimal
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
from dispatcher.core import recommendation, state
from dispatcher.core.entries import booked, in_flight
from dispatcher.core.execution import Execution, conclude
from dispatcher.core.gates import Case, age, refusal
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
from dispatcher.core.recommendation import Recommendation
from dispatcher.ports import BrokerThrottledError, BrokerUnavailableError, Claim, Weighed
from dispatcher.shell.deciding import Decided, decide
from dispatcher.shell.desk import Desk, Sending
from dispatcher.shell.truth import day_began

LOOK_AGAIN_SECONDS = 5.0
NOT_SENT_RETRY_SECONDS = 1.0


def dispatch(desk: Desk) -> bool:
    """Handle the next recommendation; False when there was none."""
    now = desk.monotonic()
    if now < desk.entries_after:
        return False
    desk.skipped = {key: until for key, until in desk.skipped.items() if until > now}
    claim = desk.ledger.claim(desk.now(), tuple(desk.skipped))
    if claim is None:
        return False
    desk.counts.considered += 1
    read = recommendation.read(claim.row)
    if isinstance(read, Refusal):
        _refuse(desk, claim, read, Weighed())
    else:
        _consider(desk, claim, read)
    return True


def send(desk: Desk, sending: Sending) -> None:
    """Send a committed intent, unless the lease has run out meanwhile, and conclude from the answer."""
    if not desk.lease.holds():
        return  # it stays intended, and whoever holds the lease resolves it
    started = desk.monotonic()
    outcome = desk.broker.submit(sending.order)
    _conclude(desk, sending, outcome, Decimal(f"{(desk.monotonic() - started) * 1000:.1f}"))


def record(desk: Desk, sending: Sending, found: BrokerOrder) -> tuple[str, Execution]:
    """Write an order that stands at the broker into the books; the execution and its id, to be said."""
    execution = conclude(sending.order, found, state.of(found), desk.mode)
    execution_id = desk.ledger.accept(sending.recommendation_id, execution, desk.now())
    desk.truth.answered(sending.recommendation_id)
    desk.counts.accepted += 1
    return execution_id, execution


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
    _say_refused(desk, sending.recommendation_id, sending.order.symbol, refused)


def another_has_our_id(desk: Desk, sending: Sending) -> None:
    """An order under our id that is not what we meant: a person must look, and nothing more is opened meanwhile."""
    doubt(desk, sending, "another order has our id")
    desk.switch.halt(f"the broker's order {sending.order.client_order_id} is not the one we meant")


def may_send_again(desk: Desk, sending: Sending) -> bool:
    """Whether an order that was not placed may be sent again: still fresh, and the account still active."""
    fresh = age(sending.recommended_at, desk.limits, desk.now()).passed
    return fresh and desk.switch.order().state is TradingState.ACTIVE


def _consider(desk: Desk, claim: Claim, read: Recommendation) -> None:
    # Asked first, so that a stale one ends even while the broker cannot be read.
    young = age(read.created_at, desk.limits, desk.now())
    too_old = refusal((young,))
    if too_old is not None:
        _refuse(desk, claim, too_old, Weighed((young,)))
        return
    try:
        standing, market = desk.truth.standing(), desk.truth.market(read.symbol)
        history = desk.ledger.history(read.symbol, day_began(desk.now()))
        state = desk.switch.order().state
        decided = decide(desk, Case(read, standing, market, history, desk.limits, state, desk.now()))
    except BrokerUnavailableError as error:
        desk.ledger.unclaim(claim.recommendation_id)
        desk.counts.considered -= 1
        if isinstance(error, BrokerThrottledError):
            desk.entries_after = desk.monotonic() + error.retry_seconds
            say_throttled(desk, error)
            return
        desk.skipped[claim.recommendation_id] = desk.monotonic() + max(LOOK_AGAIN_SECONDS, error.retry_seconds)
        raise
    _act(desk, claim, read, decided)


def _act(desk: Desk, claim: Claim, read: Recommendation, decided: Decided) -> None:
    entry = decided.result
    if isinstance(entry, Refusal):
        _refuse(desk, claim, entry, decided.weighed)
        if entry.reason is Reason.DAILY_LOSS:
            desk.switch.halt(f"daily loss {entry.observed}, limit {entry.threshold}")
        return
    at = desk.now()
    desk.ledger.intend(claim, entry, decided.cost, decided.weighed, at)
    desk.truth.sent(claim.recommendation_id, in_flight(entry, decided.cost))
    if decided.chosen is not None:
        desk.say(decided.chosen)
    send(desk, Sending(claim.recommendation_id, read.created_at, at, entry))


def _conclude(desk: Desk, sending: Sending, outcome: Outcome, milliseconds: Decimal) -> None:
    match outcome:
        case Accepted(found):
            _accepted(desk, sending, found, milliseconds)
        case Duplicate():
            _adopt(desk, sending, milliseconds)
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


def _accepted(desk: Desk, sending: Sending, found: BrokerOrder, milliseconds: Decimal) -> None:
    order, booking = sending.order, booked(sending.order)
    execution_id, execution = record(desk, sending, found)
    desk.say(
        OrderAccepted(
            **_about(desk, sending),
            broker_order_id=found.id,
            side=order.side,
            qty=Decimal(order.quantity),
            limit_price=order.limit.amount,
            take_profit=booking.take_profit,
            stop_loss=booking.stop_loss,
            broker_status=found.status,
            milliseconds=milliseconds,
        )
    )
    say_execution(desk, sending.recommendation_id, execution_id, execution)


def _adopt(desk: Desk, sending: Sending, milliseconds: Decimal) -> None:
    """The id exists already. It is ours only when it says what we meant and came after we meant it."""
    found = desk.broker.find(sending.order.client_order_id)
    if isinstance(found, BrokerOrder) and ours(sending.order, sending.intended_at, found):
        _accepted(desk, sending, found, milliseconds)
    elif isinstance(found, BrokerOrder):
        another_has_our_id(desk, sending)
    else:
        doubt(desk, sending, found.why if isinstance(found, Unknown) else "the id is taken, and no order known of it")


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


def _refuse(desk: Desk, claim: Claim, refused: Refusal, weighed: Weighed) -> None:
    desk.ledger.refuse(claim.recommendation_id, refused, weighed, desk.now())
    desk.counts.refusals[refused.reason] += 1
    _say_refused(desk, claim.recommendation_id, str(claim.row.get("ticker"))[:32], refused)


def _say_refused(desk: Desk, recommendation_id: int, symbol: str, refused: Refusal) -> None:
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


def _about(desk: Desk, sending: Sending) -> Any:
    """The fields that every event about an order has."""
    return {
        "account": desk.name,
        "recommendation_id": sending.recommendation_id,
        "client_order_id": sending.order.client_order_id,
        "symbol": sending.order.symbol,
    }
