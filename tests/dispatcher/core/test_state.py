"""What the broker's word for an order means for the claim. A word we do not know is not an end."""

from decimal import Decimal

import pytest
from alpaca.trading.enums import OrderStatus

from dispatcher.core.state import LIVE, UNRESOLVED, State, of
from tests.dispatcher.cases import at_broker

ENDINGS = {
    "filled": State.FILLED,
    "canceled": State.CANCELED,
    "expired": State.EXPIRED,
    "rejected": State.REJECTED,
    "replaced": State.CANCELED,
}


@pytest.mark.parametrize("status", OrderStatus)
def test_every_status_of_the_broker_is_an_ending_or_the_order_is_watched(status: OrderStatus) -> None:
    assert of(at_broker(status=status.value)) is ENDINGS.get(status.value, State.ACCEPTED)


@pytest.mark.parametrize("status", ["", "pondering", "FILLED"])
def test_a_status_nobody_knows_is_not_an_ending(status: str) -> None:
    assert of(at_broker(status=status)) is State.ACCEPTED


@pytest.mark.parametrize("status", ["new", "partially_filled", "pending_cancel", "done_for_day", "pondering"])
def test_an_order_with_something_filled_and_no_ending_is_partly_filled(status: str) -> None:
    assert of(at_broker(status=status, filled_quantity=Decimal(3))) is State.PARTLY_FILLED


@pytest.mark.parametrize("status", ["canceled", "expired"])
def test_an_ending_stays_one_when_something_was_filled_before(status: str) -> None:
    assert of(at_broker(status=status, filled_quantity=Decimal(3))) is ENDINGS[status]


def test_no_state_is_both_without_an_answer_and_live() -> None:
    assert set(UNRESOLVED).isdisjoint(LIVE)
