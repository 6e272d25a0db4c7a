"""EXECUTED means that something was filled, and nothing else does."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.environment import ExecutionMode
from contract.events import ExecutionStatus
from dispatcher.core.execution import Execution, conclude, same, status
from dispatcher.core.state import State
from tests.dispatcher.cases import at_broker, order


@given(st.sampled_from(State), st.decimals(min_value=0, max_value=1000, places=3))
def test_executed_is_said_exactly_when_something_was_filled(state: State, filled: Decimal) -> None:
    assert (status(state, filled) is ExecutionStatus.EXECUTED) is (filled > 0)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.ACCEPTED, ExecutionStatus.ACCEPTED),
        (State.CANCELED, ExecutionStatus.ENDED_UNFILLED),
        (State.EXPIRED, ExecutionStatus.ENDED_UNFILLED),
        (State.REJECTED, ExecutionStatus.ENDED_UNFILLED),
    ],
)
def test_an_order_without_a_fill_rests_or_has_ended(state: State, word: ExecutionStatus) -> None:
    assert status(state, Decimal(0)) is word


def test_an_execution_tells_the_order_and_what_the_broker_says_of_it() -> None:
    filled = at_broker(status="filled", filled_quantity=Decimal(10), filled_average_price=Decimal("199.99"))

    assert conclude(order(), filled, State.FILLED, ExecutionMode.ALPACA_PAPER) == Execution(
        order(),
        filled.id,
        State.FILLED,
        ExecutionStatus.EXECUTED,
        ExecutionMode.ALPACA_PAPER,
        Decimal(10),
        Decimal("199.99"),
    )


def test_an_order_like_ours_is_ours() -> None:
    assert same(order(), at_broker())


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "MSFT"},
        {"side": "sell"},
        {"quantity": Decimal(11)},
        {"limit_price": Decimal("200.01")},
    ],
)
def test_an_order_that_differs_in_anything_is_not_ours(changes: dict[str, Any]) -> None:
    assert not same(order(), at_broker(**changes))


@pytest.mark.parametrize("field", ["symbol", "side", "quantity", "limit_price"])
def test_what_the_broker_left_out_does_not_contradict(field: str) -> None:
    assert same(order(), at_broker(**{field: None}))
