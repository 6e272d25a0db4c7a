"""An account halts by itself, whether anything is recommended or not, and says what for."""

from decimal import Decimal

import pytest

from contract.limits import TradingState
from dispatcher.core.order import Order, recommendation_of
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.guard import halt_for_losses, halt_for_unbooked
from dispatcher.shell.reconcile import watch
from dispatcher.shell.switch import Switch
from dispatcher.shell.upkeep import Upkeep
from tests.dispatcher.cases import account, order
from tests.dispatcher.desks import Shop


def why(at_work: Shop) -> str | None:
    """Why the account is halted, None when it is not."""
    said = at_work.switch.order()
    return said.why if said.state is TradingState.HALTED else None


def resting(at_work: Shop) -> Order:
    """An order that the books have as accepted."""
    at_work.recommend()
    dispatch(at_work.desk)
    sent = at_work.broker.sent[-1]
    assert isinstance(sent, Order)
    return sent


def test_a_days_loss_halts_without_a_recommendation_and_within_a_refresh(at_work: Shop) -> None:
    upkeep = Upkeep(at_work.desk)
    upkeep.round()
    before = why(at_work)
    at_work.broker.truth = account(equity=Decimal(97_000))
    at_work.clock.pass_by(at_work.desk.limits.max_standing_age_seconds)
    upkeep.round()

    assert (before, why(at_work)) == (None, "daily loss $3,000.00, limit $2,000.00")


def test_a_loss_below_the_limit_halts_nothing(at_work: Shop) -> None:
    at_work.broker.truth = account(equity=Decimal("98_000.01"))
    halt_for_losses(at_work.desk)

    assert why(at_work) is None


def test_an_order_that_the_broker_does_not_know_any_more_halts_the_account(at_work: Shop) -> None:
    sent = resting(at_work)
    at_work.broker.orders.clear()
    at_work.clock.pass_by(at_work.desk.limits.absence_grace_seconds)
    watch(at_work.desk, set())

    assert why(at_work) == f"order {sent.client_order_id} is accepted in the books, and the broker does not know it"


def test_an_order_that_the_broker_may_not_list_yet_halts_nothing(at_work: Shop) -> None:
    resting(at_work)
    at_work.broker.orders.clear()
    at_work.clock.pass_by(at_work.desk.limits.absence_grace_seconds - 0.1)
    watch(at_work.desk, set())

    assert why(at_work) is None


def test_an_order_of_ours_that_the_books_do_not_know_halts_the_account(at_work: Shop) -> None:
    lost = order(client_order_id="d1-4711-e-0123456789abcdef0123")
    at_work.broker.stand(lost)
    halt_for_unbooked(at_work.desk)

    told = f"the broker has order {lost.client_order_id}, and the books know of none for that recommendation"
    assert why(at_work) == told


def test_orders_that_the_books_know_and_orders_of_others_halt_nothing(at_work: Shop) -> None:
    resting(at_work)
    at_work.broker.stand(order(client_order_id="a-persons-own"))
    at_work.broker.stand(order(client_order_id="p1-3-stop-1-0123456789abcdef0123"))
    halt_for_unbooked(at_work.desk)

    assert why(at_work) is None


def test_a_difference_that_a_person_has_looked_at_halts_no_second_time_under_the_same_lease(at_work: Shop) -> None:
    at_work.broker.stand(order(client_order_id="d1-4711-e-0123456789abcdef0123"))
    halt_for_unbooked(at_work.desk)
    halted = why(at_work)
    at_work.desk.switch = at_work.switch = Switch(None, TradingState.ACTIVE, at_work.clock)  # as after a resume
    halt_for_unbooked(at_work.desk)

    assert (halted is None, why(at_work)) == (False, None)


@pytest.mark.parametrize(
    ("identity", "number"),
    [("d1-17-e-00ff", 17), ("d1-17-e-00ff-s2", 17), ("p1-17-stop-1-00ff", None), ("d1--e", None), ("mine", None)],
)
def test_an_id_says_which_recommendation_it_is_for(identity: str, number: int | None) -> None:
    assert recommendation_of(identity) == number
