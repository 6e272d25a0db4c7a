"""What an account needs now and then is done aside: no more often than it must be, and told when it cannot be."""

from decimal import Decimal

from dispatcher.ports import BrokerThrottledError
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.upkeep import BUSY_SECONDS, IDLE_SECONDS, Upkeep
from tests.dispatcher.desks import Shop


def looks(at_work: Shop) -> int:
    """How often the orders at the broker were asked for."""
    return at_work.broker.asked.count("orders")


def test_a_resting_order_is_followed_every_other_second_and_at_once_when_a_fill_is_told(at_work: Shop) -> None:
    at_work.recommend()
    dispatch(at_work.desk)
    upkeep = Upkeep(at_work.desk)
    seen = []
    for seconds in (0.0, 1.0, BUSY_SECONDS - 1.0):
        at_work.clock.pass_by(seconds)
        upkeep.round()
        seen.append(looks(at_work))
    upkeep.look_now()
    upkeep.round()

    # The very first look asks for all of the day's orders too: the books must know them.
    assert [*seen, looks(at_work)] == [2, 2, 3, 4]


def test_an_account_with_nothing_open_and_nothing_new_is_left_alone(at_work: Shop) -> None:
    upkeep = Upkeep(at_work.desk)
    for _ in range(3):
        upkeep.round()
        at_work.clock.pass_by(BUSY_SECONDS)
    idle = not upkeep.busy
    at_work.recommend()
    upkeep.round()
    unseen = upkeep.newest_input
    at_work.clock.pass_by(IDLE_SECONDS)
    upkeep.round()

    assert (idle, unseen, upkeep.newest_input) == (True, None, at_work.ledger.newest_input())


def test_a_standing_that_must_wait_for_the_brokers_next_minute_is_told_and_not_asked_for_meanwhile(
    at_work: Shop,
) -> None:
    upkeep = Upkeep(at_work.desk)
    at_work.broker.away = BrokerThrottledError("account", "the budget is spent", 20.0)
    for _ in range(2):
        upkeep.round()
    at_work.broker.away = None
    at_work.clock.pass_by(20.0)
    asked = len(at_work.broker.asked)
    upkeep.round()

    assert [event.retry_seconds for event in at_work.said] == [Decimal("20.0")]  # type: ignore[attr-defined]
    assert (asked, at_work.broker.asked[asked:]) == (1, ["account", "session", "positions", "resting"])


def test_a_look_that_is_asked_for_during_a_look_is_not_forgotten(at_work: Shop) -> None:
    at_work.recommend()
    dispatch(at_work.desk)
    upkeep = Upkeep(at_work.desk)
    upkeep.round()
    before = looks(at_work)
    at_work.clock.pass_by(BUSY_SECONDS)
    at_work.broker.before_orders = upkeep.look_now
    upkeep.round()
    at_work.broker.before_orders = lambda: None
    for _ in range(2):
        upkeep.round()

    assert looks(at_work) - before == 2
