"""Orders without an ending are asked for by our own id until there is an answer. None is guessed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from contract import events
from contract.events import ExecutionStatus
from contract.limits import TradingState
from dispatcher.core.order import Order
from dispatcher.core.outcome import Duplicate, NotSent, Rejected, Throttled, Unknown
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.state import State
from dispatcher.ports import BrokerUnavailableError
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.reconcile import first_of_all, resolve, watch
from tests.dispatcher.cases import NOW
from tests.dispatcher.desks import Shop
from tests.fakes.broker import away


def unknown(at_work: Shop, *, stands: bool) -> Order:
    """An order whose answer was lost."""
    at_work.recommend()
    at_work.broker.outcomes = [Unknown("timeout")]
    at_work.broker.lost = stands
    dispatch(at_work.desk)
    at_work.said.clear()
    sent = at_work.broker.sent[0]
    assert isinstance(sent, Order)
    return sent


def accepted(at_work: Shop) -> Order:
    """An order that rests at the broker."""
    at_work.recommend()
    dispatch(at_work.desk)
    at_work.said.clear()
    sent = at_work.broker.sent[0]
    assert isinstance(sent, Order)
    return sent


def resolved(order: Order, state: State, how: str, *, was: State = State.UNKNOWN) -> events.OrderResolved:
    return events.OrderResolved(
        account="large",
        recommendation_id=1,
        client_order_id=order.client_order_id,
        symbol="AAPL",
        was=was,
        state=state,
        how=how,
    )


def test_an_order_that_is_found_at_the_broker_is_adopted(at_work: Shop) -> None:
    order = unknown(at_work, stands=True)

    waiting = resolve(at_work.desk)

    assert waiting == 0
    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert at_work.said[0] == resolved(order, State.ACCEPTED, "found at the broker by our id")
    assert at_work.words() == ["order_resolved", "execution_recorded"]
    assert len(at_work.broker.sent) == 1


def test_an_order_found_filled_is_executed(at_work: Shop) -> None:
    order = unknown(at_work, stands=True)
    at_work.broker.change(order, status="filled", filled_quantity=Decimal(100), filled_average_price=Decimal("199.9"))

    resolve(at_work.desk)

    (recorded,) = [event for event in at_work.said if isinstance(event, events.ExecutionRecorded)]
    assert (recorded.status, recorded.filled_qty) == (ExecutionStatus.EXECUTED, Decimal(100))
    assert at_work.ledger.states() == {1: State.FILLED}


def test_an_absence_right_after_the_send_proves_nothing(at_work: Shop) -> None:
    unknown(at_work, stands=False)
    at_work.clock.pass_by(0.9)

    waiting = resolve(at_work.desk)

    assert (waiting, at_work.ledger.states(), at_work.said) == (1, {1: State.UNKNOWN}, [])
    assert len(at_work.broker.sent) == 1


def test_an_order_absent_for_the_grace_period_is_sent_once_more_under_the_same_id(at_work: Shop) -> None:
    order = unknown(at_work, stands=False)
    at_work.clock.pass_by(1)

    waiting = resolve(at_work.desk)

    assert waiting == 0
    assert at_work.broker.sent == [order, order]
    assert at_work.said[0] == resolved(
        order, State.INTENDED, "absent at the broker for the grace period; sent once more"
    )
    assert at_work.ledger.states() == {1: State.ACCEPTED}


def test_an_order_that_came_to_stand_after_all_is_a_duplicate_and_adopted(at_work: Shop) -> None:
    order = unknown(at_work, stands=False)
    at_work.clock.pass_by(1)
    at_work.broker.before_submit = lambda: at_work.broker.stand(order)

    resolve(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert len(at_work.broker.orders) == 1


@pytest.mark.parametrize("seconds", [301.0])
def test_an_absent_order_that_is_no_longer_fresh_ends_as_not_placed(at_work: Shop, seconds: float) -> None:
    order = unknown(at_work, stands=False)
    at_work.clock.pass_by(seconds)

    resolve(at_work.desk)

    assert at_work.broker.sent == [order]
    assert at_work.ledger.states() == {1: State.NOT_PLACED}
    assert at_work.ledger.books[1].why == Refusal(Reason.NOT_SENT_IN_TIME, "absent at the broker, and no longer fresh")
    assert at_work.words() == ["recommendation_refused", "order_resolved"]


def test_an_absent_order_of_a_halted_account_is_not_sent_again(at_work: Shop) -> None:
    unknown(at_work, stands=False)
    at_work.switch.halt("a person said so")
    at_work.clock.pass_by(2)

    resolve(at_work.desk)

    assert (len(at_work.broker.sent), at_work.ledger.states()) == (1, {1: State.NOT_PLACED})


def test_a_look_up_without_an_answer_is_asked_again_and_nothing_is_concluded(at_work: Shop) -> None:
    order = unknown(at_work, stands=True)
    at_work.broker.finds = [Unknown("HTTP 504: "), Unknown("HTTP 401: unauthorized.")]
    at_work.clock.pass_by(100)

    waiting = [resolve(at_work.desk) for _ in range(3)]

    assert waiting == [1, 1, 0]
    assert at_work.broker.sent == [order]


def test_an_order_of_another_under_our_id_is_never_adopted(at_work: Shop) -> None:
    order = unknown(at_work, stands=True)
    at_work.broker.change(order, quantity=Decimal(1))

    waiting = [resolve(at_work.desk) for _ in range(3)]

    assert waiting == [1, 1, 1]
    assert at_work.ledger.states() == {1: State.UNKNOWN}
    assert at_work.broker.sent == [order]


def test_an_order_unknown_for_too_long_halts_the_account(at_work: Shop) -> None:
    order = unknown(at_work, stands=True)
    at_work.broker.finds = [Unknown("HTTP 504: ")]
    at_work.clock.pass_by(120)

    resolve(at_work.desk)

    assert at_work.switch.order().state is TradingState.HALTED
    assert at_work.switch.order().why == f"order {order.client_order_id} unknown for 120 s"


def test_what_waits_to_be_sent_again_is_not_looked_up(at_work: Shop) -> None:
    at_work.recommend()
    at_work.broker.outcomes = [Throttled(60.0)]
    dispatch(at_work.desk)
    at_work.clock.pass_by(30)

    assert resolve(at_work.desk) == 0
    assert (len(at_work.broker.sent), at_work.ledger.states()) == (1, {1: State.INTENDED})


@pytest.mark.parametrize("stands", [True, False])
def test_a_new_holder_settles_what_the_one_before_it_intended(at_work: Shop, *, stands: bool) -> None:
    at_work.recommend()
    at_work.broker.outcomes = [NotSent("refused")]
    dispatch(at_work.desk)
    (order,) = at_work.broker.sent
    if stands:
        at_work.broker.stand(order)
    at_work.said.clear()
    at_work.open_desk()

    first_of_all(at_work.desk)
    early = at_work.ledger.states()
    at_work.clock.pass_by(1)
    resolve(at_work.desk)

    assert early == {1: State.ACCEPTED if stands else State.INTENDED}
    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert len(at_work.broker.sent) == (1 if stands else 2)
    completed = [event for event in at_work.said if isinstance(event, events.ReconcileCompleted)]
    assert completed == [
        events.ReconcileCompleted(account="large", unresolved_before=1, unresolved_after=0 if stands else 1)
    ]


def test_the_grace_of_an_order_left_behind_begins_with_the_new_lease(at_work: Shop) -> None:
    unknown(at_work, stands=False)
    at_work.clock.pass_by(100)
    at_work.open_desk()
    first_of_all(at_work.desk)
    at_work.clock.pass_by(0.9)
    early = resolve(at_work.desk)
    at_work.clock.pass_by(0.1)

    assert (early, len(at_work.broker.sent)) == (1, 1)
    assert (resolve(at_work.desk), len(at_work.broker.sent)) == (0, 2)


def test_a_new_holder_gives_back_what_was_claimed_and_counts_what_is_in_flight(at_work: Shop) -> None:
    order = unknown(at_work, stands=False)
    at_work.recommend(ticker="MSFT")
    at_work.ledger.claim(NOW, (), most=1, since=NOW)
    at_work.broker.finds = [Unknown("HTTP 504: ")]
    at_work.open_desk()

    first_of_all(at_work.desk)

    assert at_work.ledger.states() == {1: State.UNKNOWN}
    assert [each.symbols for each in at_work.desk.truth.standing().flight.orders.values()] == [(order.symbol,)]


@pytest.mark.parametrize(
    ("changes", "state", "status"),
    [
        ({"status": "filled", "filled_quantity": Decimal(100)}, State.FILLED, ExecutionStatus.EXECUTED),
        (
            {"status": "partially_filled", "filled_quantity": Decimal(3)},
            State.PARTLY_FILLED,
            ExecutionStatus.EXECUTED,
        ),
        ({"status": "canceled", "filled_quantity": Decimal(3)}, State.CANCELED, ExecutionStatus.EXECUTED),
        ({"status": "canceled"}, State.CANCELED, ExecutionStatus.ENDED_UNFILLED),
        ({"status": "expired"}, State.EXPIRED, ExecutionStatus.ENDED_UNFILLED),
        ({"status": "rejected"}, State.REJECTED, ExecutionStatus.ENDED_UNFILLED),
    ],
)
def test_an_accepted_order_is_followed_to_its_end(
    at_work: Shop, changes: dict[str, object], state: State, status: ExecutionStatus
) -> None:
    order = accepted(at_work)
    at_work.broker.change(order, **changes)

    watch(at_work.desk, set())
    watch(at_work.desk, set())

    assert at_work.ledger.states() == {1: state}
    assert at_work.words() == ["order_updated", "execution_recorded"]
    (recorded,) = [event for event in at_work.said if isinstance(event, events.ExecutionRecorded)]
    assert recorded.status is status


def test_each_further_fill_is_told_once(at_work: Shop) -> None:
    order = accepted(at_work)
    for filled in (3, 3, 7):
        at_work.broker.change(order, status="partially_filled", filled_quantity=Decimal(filled))
        watch(at_work.desk, set())

    updates = [event.filled_qty for event in at_work.said if isinstance(event, events.OrderUpdated)]
    assert updates == [Decimal(3), Decimal(7)]


def test_an_order_with_a_status_nobody_knows_is_watched_on(at_work: Shop) -> None:
    order = accepted(at_work)
    at_work.broker.change(order, status="pondering")

    assert (watch(at_work.desk, set()), at_work.said) == (1, [])


def test_with_nothing_live_no_broker_is_asked(at_work: Shop) -> None:
    assert (watch(at_work.desk, set()), at_work.broker.asked) == (0, [])


def test_an_entry_whose_life_is_over_is_asked_to_be_cancelled_once(at_work: Shop) -> None:
    accepted(at_work)
    asked: set[str] = set()
    at_work.clock.pass_by(3600)
    watch(at_work.desk, asked)
    young = list(at_work.broker.cancelled)
    at_work.clock.pass_by(0.1)
    watch(at_work.desk, asked)
    watch(at_work.desk, asked)

    assert (young, len(at_work.broker.cancelled)) == ([], 1)


def test_an_entry_of_an_account_that_may_open_nothing_is_cancelled_at_once(at_work: Shop) -> None:
    accepted(at_work)
    at_work.switch.halt("a person said so")

    watch(at_work.desk, set())

    assert len(at_work.broker.cancelled) == 1


def test_a_cancellation_that_could_not_be_asked_for_is_asked_for_again(at_work: Shop) -> None:
    order = accepted(at_work)
    at_work.clock.pass_by(3601)
    asked: set[str] = set()
    at_work.broker.away = away()
    with pytest.raises(BrokerUnavailableError):
        watch(at_work.desk, asked)
    at_work.broker.away = None
    watch(at_work.desk, asked)

    assert at_work.broker.cancelled == [at_work.broker.orders[order.client_order_id].id]


def test_a_rejection_of_what_was_sent_once_more_is_final(at_work: Shop) -> None:
    unknown(at_work, stands=False)
    at_work.clock.pass_by(1)
    at_work.broker.outcomes = [Rejected(422, 42210000, "asset is not active", {})]
    resolve(at_work.desk)

    assert at_work.ledger.states() == {1: State.REJECTED}


def test_a_duplicate_without_an_order_stays_unknown_until_it_is_found(at_work: Shop) -> None:
    order = unknown(at_work, stands=False)
    at_work.clock.pass_by(1)
    at_work.broker.outcomes = [Duplicate()]
    resolve(at_work.desk)
    before = at_work.ledger.states()
    at_work.broker.stand(order, submitted_at=NOW + timedelta(seconds=1))

    assert resolve(at_work.desk) == 0
    assert (before, at_work.ledger.states()) == ({1: State.UNKNOWN}, {1: State.ACCEPTED})
