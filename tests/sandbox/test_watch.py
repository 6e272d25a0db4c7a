from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from contract.environment import ExecutionMode
from contract.events import (
    Event,
    ExecutionRecorded,
    ExecutionStatus,
    Heartbeat,
    OrderAccepted,
    OrderRejected,
    OrderResolved,
    OrderUnknown,
    OrderUpdated,
    RecommendationRefused,
    Speaker,
    render,
)
from sandbox.feed import End, Expected
from sandbox.watch import Seen, Watch

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
ABOUT: dict[str, Any] = {"account": "large", "recommendation_id": 7, "client_order_id": "c7", "symbol": "NFLX"}
REFUSED = RecommendationRefused(recommendation_id=7, symbol="NFLX", reason="stale", detail="too old")
ACCEPTED = OrderAccepted(
    **ABOUT,
    broker_order_id="b7",
    side="buy",
    qty=Decimal(5),
    limit_price=Decimal(10),
    take_profit=Decimal(12),
    stop_loss=Decimal(9),
    broker_status="new",
    milliseconds=Decimal(2),
)
REJECTED = OrderRejected(**ABOUT, http_status=403, code=40310000, message="insufficient buying power", extra="{}")
UNKNOWN = OrderUnknown(**ABOUT, why="504")
RESOLVED = OrderResolved(**ABOUT, was="unknown", state="filled", how="found")
UPDATED = OrderUpdated(**ABOUT, state="filled", filled_qty=Decimal(5), filled_avg_price=Decimal(10))


def recorded(status: ExecutionStatus, filled: int) -> ExecutionRecorded:
    return ExecutionRecorded(
        execution_id="e",
        recommendation_id=7,
        symbol="NFLX",
        status=status,
        execution_mode=ExecutionMode.ALPACA_PAPER,
        qty=Decimal(5),
        filled_qty=Decimal(filled),
        filled_avg_price=None,
    )


RESTS, FILLS = recorded(ExecutionStatus.ACCEPTED, 0), recorded(ExecutionStatus.EXECUTED, 5)


def after(*said: Event) -> Seen:
    watch = Watch()
    for event in said:
        watch.hear(render(event, Speaker("dispatcher", "abc"), AT))
    return watch.seen.get(7, Seen())


def test_a_refusal_is_seen_with_its_reason() -> None:
    assert after(REFUSED) == Seen(states=("refused",), reason="stale", detail="too old")


def test_what_a_gate_compared_is_told_with_the_reason() -> None:
    said = RecommendationRefused(
        recommendation_id=7, symbol="NFLX", reason="stale", detail="Too old.", observed="90 s", threshold="60 s"
    )

    assert after(said).detail == "Too old: 90 s, against 60 s"


def test_a_fill_is_seen_with_everything_on_the_way() -> None:
    assert after(ACCEPTED, RESTS, UPDATED, FILLS) == Seen(
        states=("accepted", "filled"),
        client_order_id="c7",
        statuses=("ACCEPTED", "EXECUTED"),
        modes=frozenset({"ALPACA_PAPER"}),
        filled=Decimal(5),
    )


@pytest.mark.parametrize(
    ("said", "end", "over"),
    [
        ((), End.REFUSED, False),
        ((REFUSED,), End.REFUSED, True),
        ((REFUSED,), End.FILLED, True),
        ((REJECTED,), End.FILLED, True),
        ((ACCEPTED,), End.RESTING, False),
        ((ACCEPTED, RESTS), End.RESTING, True),
        ((ACCEPTED, RESTS), End.FILLED, False),
        ((ACCEPTED, RESTS, UPDATED), End.FILLED, False),
        ((ACCEPTED, RESTS, UPDATED, FILLS), End.FILLED, True),
        ((UNKNOWN,), End.FILLED, False),
        ((UNKNOWN, FILLS, RESOLVED), End.FILLED, True),
    ],
)
def test_nothing_more_is_waited_for_when_the_ending_was_told_whole(
    said: tuple[Event, ...], end: End, *, over: bool
) -> None:
    assert after(*said).at_its_end(Expected(end)) is over


def test_lines_about_nothing_in_particular_are_heard_and_change_nothing() -> None:
    watch = Watch()

    assert watch.hear("plain text") is None
    assert (watch.seen, watch.heard, watch.count(Heartbeat)) == ({}, [], 0)
