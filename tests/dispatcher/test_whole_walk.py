"""One order told end to end: a row of upstream's, the order at the exchange, the books, the log that says so."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from contract import events
from contract.environment import ExecutionMode
from contract.events import ExecutionStatus
from contract.limits import TradingState
from dispatcher.core.order import ENTRY, client_order_id
from tests.dispatcher.cases import limits, recommendation
from tests.dispatcher.services import serving
from tests.dispatcher.world import MONDAY_MORNING, World

pytestmark = pytest.mark.world

ADBE = {"entry": 650.5, "stop_loss": 625.4269, "take_profit": 699.7462, "quantity": 10}


def legs(world: World) -> dict[str, str]:
    orders: Any = world.exchange.state()["orders"]
    return {order["role"]: order["limit_price"] or order["stop_price"] for order in orders}


def test_a_recommendation_becomes_an_order_at_the_exchange_that_fills_and_is_told(world: World) -> None:
    number = world.recommend(ticker="ADBE", reason={"plan": ADBE})

    with serving(world) as log:
        accepted = log.until("order_accepted").event
        executed = log.until("execution_recorded", status="EXECUTED").event

    (order,) = world.orders()
    (execution,) = world.executions()
    assert isinstance(accepted, events.OrderAccepted)
    assert (accepted.recommendation_id, accepted.broker_order_id) == (number, order["id"])
    assert (accepted.limit_price, accepted.take_profit, accepted.stop_loss) == (
        Decimal("650.50"),
        Decimal("699.75"),
        Decimal("625.43"),
    )
    assert sorted(legs(world).values()) == ["625.43", "650.5", "699.75"]
    assert executed == events.ExecutionRecorded(
        account="large",
        execution_id=execution["execution_id"],
        recommendation_id=number,
        symbol="ADBE",
        status=ExecutionStatus.EXECUTED,
        execution_mode=ExecutionMode.ALPACA_PAPER,
        qty=Decimal(10),
        filled_qty=Decimal(10),
        filled_avg_price=Decimal(order["filled_avg_price"]),
    )
    assert world.claims()[number]["state"] == "filled"
    assert world.claims()[number]["client_order_id"] == order["client_order_id"]


def test_the_order_at_the_exchange_carries_the_id_of_its_recommendation_alone(world: World) -> None:
    number = world.recommend()

    with serving(world) as log:
        log.until("order_accepted")

    (claim,) = world.claims().values()
    meant = recommendation(id=number, created_at=datetime.fromisoformat(claim["recommended_at"]))
    assert [order["client_order_id"] for order in world.orders()] == [client_order_id(meant, "large", ENTRY)]


def test_of_a_mixed_bag_each_row_has_its_own_true_ending(world: World) -> None:
    endings = {
        world.recommend(ticker="AAPL", created_at=MONDAY_MORNING): "order_accepted",
        world.recommend(ticker="AAPL", created_at=MONDAY_MORNING, confidence=0.5): "duplicate_position",
        world.recommend(ticker="MSFT", action="HOLD"): "malformed",
        world.recommend(ticker="MSFT", reason={"plan": "tomorrow"}): "malformed",
        world.recommend(ticker="NOPE"): "unknown_symbol",
        world.recommend(ticker="ADBE", created_at="2026-11-23T09:00:00-05:00"): "stale",
        world.recommend(ticker="SNDL", instrument_type="CALL"): "action_not_allowed",
    }

    with serving(world) as log:
        for number, ending in endings.items():
            name = ending if ending == "order_accepted" else "recommendation_refused"
            log.until(name, recommendation_id=number)

    told = {
        line.fields["recommendation_id"]: line.fields.get("reason", line.name)
        for line in log.lines
        if line.fields and line.name in {"order_accepted", "recommendation_refused"}
    }
    assert told == endings
    assert len(world.orders()) == len(world.posts()) == 1
    states = sorted(claim["state"] for claim in world.claims().values())
    assert states[1:] == ["refused"] * 6


@pytest.mark.parametrize("kind", ["drop-after", "504-html", "truncated-json", "drop-before", "429-bare", "500"])
def test_whatever_happens_to_the_answer_there_is_one_order_and_it_is_known(world: World, kind: str) -> None:
    world.exchange.fault(kind=kind, applied=kind in {"504-html", "500"})
    number = world.recommend()

    with serving(world) as log:
        log.until("execution_recorded", recommendation_id=number)

    assert len(world.orders()) == 1
    assert world.claims()[number]["state"] in {"accepted", "filled"}
    assert len({post["client_order_id"] for post in world.posts()}) == 1
    assert [event["execution_mode"] for event in world.executions()] == ["ALPACA_PAPER"]


def test_every_line_is_an_event_that_reads_back_typed(world: World) -> None:
    world.recommend()
    world.recommend(ticker=None)

    with serving(world) as log:
        log.until("execution_recorded")
        log.until("recommendation_refused")
        log.until("heartbeat")

    assert [line.raw for line in log.lines if line.event is None] == []


def test_no_line_has_a_secret_in_it(world: World) -> None:
    world.exchange.fault(kind="500")
    world.recommend()
    with serving(world) as log:
        log.until("execution_recorded")

    secrets = ("large-secret-0123456789", "PKLARGE", world.database.password)
    assert [line.raw for line in log.lines if any(secret in line.raw for secret in secrets)] == []


def test_a_written_recommendation_wakes_the_service(world: World) -> None:
    with serving(world) as log:
        log.until("reconcile_completed")
        number = world.recommend()
        log.until("order_accepted", recommendation_id=number)

    assert len(world.orders()) == 1


def test_connections_that_break_at_work_cost_nothing_and_send_nothing_twice(world: World) -> None:
    with serving(world) as log:
        log.until("reconcile_completed")
        with world.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        numbers = [world.recommend(ticker=symbol, reason=None) for symbol in ("AAPL", "MSFT")]
        for number in numbers:
            log.until("execution_recorded", recommendation_id=number)

    assert len(world.posts()) == len(world.orders()) == 2
    assert sorted(world.claims()) == numbers


def test_a_halted_account_refuses_and_sends_nothing(world: World) -> None:
    world.limits = limits(trading_state=TradingState.HALTED)
    number = world.recommend()

    with serving(world) as log:
        log.until("trading_state_changed", state="HALTED")
        log.until("recommendation_refused", recommendation_id=number, reason="trading_halted")

    assert world.posts() == []


def test_a_simulated_account_books_its_fill_as_simulated_and_sends_nothing(world: World) -> None:
    number = world.recommend()

    with serving(world, EXECUTION_MODE="SIMULATED") as log:
        log.until("execution_recorded", recommendation_id=number, execution_mode="SIMULATED", status="EXECUTED")

    assert world.posts() == []
    assert [row["execution_mode"] for row in world.executions()] == ["SIMULATED"]
