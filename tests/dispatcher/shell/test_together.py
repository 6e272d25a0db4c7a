"""A few recommendations walk together: they share the round trips, and each is decided, sent and ended by itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from contract import events
from contract.limits import Action
from dispatcher.core.outcome import Rejected, Throttled, Unknown
from dispatcher.core.reasons import Reason
from dispatcher.core.state import State
from dispatcher.ports import BrokerThrottledError, BrokerUnavailableError
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.pace import MOST, Pace
from dispatcher.shell.reconcile import resend
from tests.dispatcher.cases import NOW
from tests.dispatcher.desks import Shop
from tests.fakes.broker import away

REJECTED = Rejected(403, 40310000, "insufficient buying power", {})
NOBODY = BrokerUnavailableError("chain", "ConnectionError: reset by peer", 2.0)


@pytest.fixture(autouse=True)
def quick(at_work: Shop) -> None:
    """The broker has lately taken many orders in a moment, and options may be bought."""
    open_desk(at_work, allowed_actions=(Action.BUY_STOCK, Action.BUY_CALL))


def open_desk(at_work: Shop, **changed: object) -> None:
    at_work.open_desk(**changed)
    at_work.desk.pace.took(MOST, 0.0)


def recommend(at_work: Shop, *tickers: str) -> None:
    """In this order of strength."""
    for place, ticker in enumerate(tickers):
        at_work.recommend(ticker=ticker, created_at=NOW - timedelta(seconds=place))


def reasons(at_work: Shop) -> list[str]:
    return [each.reason for each in at_work.said if isinstance(each, events.RecommendationRefused)]


def test_together_they_take_one_request_for_quotes_and_are_committed_before_the_first_is_sent(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT", "KO")
    seen: list[dict[int, State]] = []
    at_work.broker.before_submit = lambda: seen.append(at_work.ledger.states())

    assert dispatch(at_work.desk)

    assert [each for each in at_work.broker.asked if each.startswith("quotes")] == ["quotes of AAPL, KO, MSFT"]
    assert seen[0] == dict.fromkeys((1, 2, 3), State.INTENDED)
    assert at_work.ledger.states() == dict.fromkeys((1, 2, 3), State.ACCEPTED)
    assert not dispatch(at_work.desk)


def test_each_is_decided_with_those_before_it_in_flight(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "AAPL", "MSFT")
    open_desk(at_work, max_open_positions=1)

    dispatch(at_work.desk)

    assert [each.symbol for each in at_work.broker.sent] == ["AAPL"]
    assert reasons(at_work) == [Reason.DUPLICATE_POSITION, Reason.TOO_MANY_POSITIONS]


def test_an_entry_in_a_symbol_counts_at_once_for_the_next_one_in_it(at_work: Shop) -> None:
    recommend(at_work, "AAPL")
    at_work.recommend(action="BUY_CALL", instrument_type="CALL", reason={}, created_at=NOW - timedelta(seconds=1))

    dispatch(at_work.desk)

    assert reasons(at_work) == [Reason.SYMBOL_COOLDOWN]


def test_each_answer_has_its_own_ending(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT", "KO", "IBM", "T")
    at_work.ledger.rows[4]["action"] = None
    at_work.broker.outcomes = [Unknown("timeout"), REJECTED, Throttled(2.0)]

    dispatch(at_work.desk)
    waiting = at_work.ledger.states()
    at_work.clock.pass_by(2.0)
    resend(at_work.desk)

    assert waiting == {
        1: State.UNKNOWN,
        2: State.REJECTED,
        3: State.INTENDED,
        4: State.ACCEPTED,
        5: State.REFUSED,
    }
    assert at_work.ledger.states()[3] is State.ACCEPTED


def test_when_a_chain_cannot_be_read_what_was_decided_is_sent_and_the_rest_given_back(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT", "KO")
    at_work.ledger.rows[1] |= {"action": "BUY_CALL", "instrument_type": "CALL", "reason": {}}
    at_work.chains.away = NOBODY

    with pytest.raises(BrokerUnavailableError):
        dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert at_work.desk.counts.considered == 1
    at_work.clock.pass_by(5.0)
    at_work.chains.away = None
    dispatch(at_work.desk)
    assert set(at_work.ledger.states()) == {1, 2, 3}


def test_when_the_budget_ends_what_was_decided_is_sent_and_the_rest_waits_for_it(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT")
    at_work.ledger.rows[1] |= {"action": "BUY_CALL", "instrument_type": "CALL", "reason": {}}
    at_work.chains.away = BrokerThrottledError("chain", "the budget is spent", 30.0)

    dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert not dispatch(at_work.desk)


def test_when_the_broker_is_away_all_are_given_back(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT")
    at_work.broker.away = away(2.0)

    with pytest.raises(BrokerUnavailableError):
        dispatch(at_work.desk)

    assert (at_work.ledger.books, at_work.desk.counts.considered) == ({}, 0)


def test_two_are_on_their_way_at_a_time_and_each_is_booked_as_it_was_answered(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT", "KO", "IBM")
    both = Barrier(2)
    at_work.broker.before_submit = lambda: both.wait(10)

    with ThreadPoolExecutor(2) as hands:
        at_work.desk.side_by_side = hands.map
        dispatch(at_work.desk)

    accepted = [each for each in at_work.said if isinstance(each, events.OrderAccepted)]
    assert [each.symbol for each in accepted] == ["AAPL", "MSFT", "KO", "IBM"]
    assert {each.broker_order_id: each.symbol for each in accepted} == {
        order.id: order.symbol for order in at_work.broker.orders.values()
    }


def test_one_alone_needs_no_other_hand(at_work: Shop) -> None:
    recommend(at_work, "AAPL")
    with ThreadPoolExecutor(2) as hands:
        hands.shutdown()
        at_work.desk.side_by_side = hands.map
        dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED}


def test_a_lease_that_ends_between_two_orders_keeps_the_second_one_back(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT")
    at_work.broker.before_submit = at_work.lose_the_lease

    dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED, 2: State.INTENDED}


def test_a_halt_between_two_orders_ends_the_second_one_unsent(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT")
    at_work.broker.before_submit = lambda: at_work.switch.halt("a person said so")

    dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.ACCEPTED, 2: State.NOT_PLACED}
    assert reasons(at_work) == [Reason.NOT_SENT_IN_TIME]


def test_orders_that_never_left_teach_no_pace(at_work: Shop) -> None:
    recommend(at_work, "AAPL", "MSFT", "KO")
    at_work.desk.pace.took(1, 0.04)

    def slow() -> None:
        at_work.clock.pass_by(0.04)
        at_work.switch.halt("a person said so")

    at_work.broker.before_submit = slow
    dispatch(at_work.desk)

    assert (len(at_work.broker.sent), at_work.desk.pace.most) == (1, 2)


@pytest.mark.parametrize(
    ("orders", "seconds", "most"),
    [(1, 0.2, 1), (1, 0.05, 2), (8, 0.08, 10), (4, 30.0, 1), (10, 0.001, MOST), (1, 0.0, MOST)],
)
def test_as_many_walk_together_as_the_broker_takes_in_a_tenth_of_a_second(
    orders: int, seconds: float, most: int
) -> None:
    pace = Pace()
    before = pace.most
    pace.took(orders, seconds)

    assert (before, pace.most) == (1, most)
