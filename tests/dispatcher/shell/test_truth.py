"""The broker's truth is kept young, and debited by what a snapshot cannot know yet."""

from datetime import datetime
from decimal import Decimal

import pytest

from dispatcher.core.held import InFlight
from dispatcher.core.standing import Asset, Market, Session
from dispatcher.ports import BrokerUnavailableError
from dispatcher.shell.catalog import READ_SECONDS, RETRY_SECONDS, Catalog
from dispatcher.shell.truth import Truth, day_began
from tests.dispatcher.cases import NEW_YORK, NOW, market, session
from tests.fakes.broker import FakeBroker, away
from tests.fakes.clock import FakeClock

OURS = InFlight(("AAPL",), Decimal(2_000))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def broker(clock: FakeClock) -> FakeBroker:
    return FakeBroker(clock.broker)


@pytest.fixture
def truth(broker: FakeBroker, clock: FakeClock) -> Truth:
    return Truth(broker, clock.broker, max_age_seconds=5)


def test_a_snapshot_is_read_once_and_again_aside_when_it_is_half_as_old_as_it_may_be(
    truth: Truth, broker: FakeBroker, clock: FakeClock
) -> None:
    taken = []
    for seconds in (0, 2.5, 0.1, 1):
        clock.pass_by(seconds)
        truth.refresh()
        taken.append((truth.standing().taken_at - NOW).total_seconds())

    assert taken == [0, 0, 2.6, 2.6]
    assert broker.asked.count("account") == 2


def test_whoever_needs_a_snapshot_that_was_not_refreshed_reads_it_only_when_it_is_too_old(
    truth: Truth, broker: FakeBroker, clock: FakeClock
) -> None:
    taken = []
    for seconds in (0, 5, 0.1):
        clock.pass_by(seconds)
        taken.append((truth.standing().taken_at - NOW).total_seconds())

    assert taken == [0, 0, 5.1]
    assert broker.asked.count("account") == 2


def test_a_listed_symbol_is_not_asked_for_and_an_unlisted_one_is(broker: FakeBroker, clock: FakeClock) -> None:
    broker.listed = {"AAPL": Asset("AAPL", tradable=True, shortable=False)}
    truth = Truth(broker, clock.broker, 5, Catalog(clock))
    truth.refresh()
    broker.asked.clear()

    markets = truth.markets(("AAPL", "MSFT"))
    listed, unlisted = markets["AAPL"], markets["MSFT"]

    assert (listed.asset, unlisted.asset) == (broker.listed["AAPL"], Asset("MSFT", tradable=True, shortable=True))
    assert broker.asked == ["asset MSFT", "quotes of AAPL, MSFT"]


def test_a_quote_is_asked_for_ahead_where_the_broker_surely_knows_the_symbol(
    broker: FakeBroker, clock: FakeClock
) -> None:
    broker.listed = {"AAPL": Asset("AAPL", tradable=True, shortable=False)}
    truth = Truth(broker, clock.broker, 5, Catalog(clock))
    truth.refresh()
    broker.asked.clear()

    truth.foresee({"AAPL", "NOPE", ""})
    asked_ahead = list(broker.asked)
    market = truth.markets(("AAPL",))["AAPL"]

    assert (asked_ahead, broker.asked) == (["quotes of AAPL"], ["quotes of AAPL"])
    assert market.quote == broker.quoted


def test_without_the_list_of_assets_nothing_is_asked_for_ahead(truth: Truth, broker: FakeBroker) -> None:
    truth.foresee({"AAPL"})

    assert broker.asked == []


def test_the_list_of_assets_is_read_once_for_all_accounts_until_it_is_old(broker: FakeBroker, clock: FakeClock) -> None:
    catalog = Catalog(clock)
    for seconds in (0, 0, READ_SECONDS - 1, 1):
        clock.pass_by(seconds)
        catalog.refresh(broker)

    assert broker.asked.count("assets") == 2


def test_a_list_of_assets_that_cannot_be_read_is_asked_for_again_later(broker: FakeBroker, clock: FakeClock) -> None:
    catalog = Catalog(clock)
    broker.away = away()
    with pytest.raises(BrokerUnavailableError):
        catalog.refresh(broker)
    catalog.refresh(broker)
    clock.pass_by(RETRY_SECONDS)
    broker.away = None
    catalog.refresh(broker)

    assert broker.asked.count("assets") == 2


def test_a_snapshot_is_dated_from_before_it_was_read(truth: Truth) -> None:
    assert truth.standing().taken_at == NOW


def test_an_order_is_in_flight_until_a_snapshot_taken_after_its_answer(truth: Truth, clock: FakeClock) -> None:
    truth.standing()
    truth.sent(1, OURS)
    sent = truth.standing().flight.orders
    clock.pass_by(3)
    truth.refresh()
    unanswered = truth.standing().flight.orders
    truth.answered(1)
    answered = truth.standing().flight.orders
    clock.pass_by(3)
    truth.refresh()

    assert [sent, unanswered, answered, truth.standing().flight.orders] == [{1: OURS}, {1: OURS}, {1: OURS}, {}]


def test_what_was_never_placed_is_not_in_flight_any_more(truth: Truth) -> None:
    truth.sent(1, OURS)
    truth.never_placed(1)
    truth.never_placed(2)

    assert not truth.standing().flight.orders


def test_a_truth_that_cannot_be_read_is_told_and_nothing_in_flight_is_forgotten(
    truth: Truth, broker: FakeBroker, clock: FakeClock
) -> None:
    truth.standing()
    truth.sent(1, OURS)
    truth.answered(1)
    clock.pass_by(6)
    broker.away = away()
    with pytest.raises(BrokerUnavailableError):
        truth.standing()
    broker.away = None

    assert not truth.standing().flight.orders


def test_todays_session_is_asked_for_once_a_day(truth: Truth, broker: FakeBroker, clock: FakeClock) -> None:
    sessions: list[Session | None] = []
    for hours in (0, 1, 24):
        clock.pass_by(hours * 3600)
        sessions.append(truth.standing().session)

    assert sessions == [session(), session(), session(session().day.replace(day=24))]
    assert broker.asked.count("session") == 2


def test_a_symbol_is_asked_for_its_quote_only_when_it_is_known(truth: Truth, broker: FakeBroker) -> None:
    known = truth.markets(("AAPL",))
    broker.known = False

    assert [known, truth.markets(("NOPE",))] == [{"AAPL": market()}, {"NOPE": Market(None, None)}]
    assert broker.asked == ["asset AAPL", "quotes of AAPL", "asset NOPE"]


def test_a_trading_day_begins_at_midnight_in_new_york() -> None:
    late = datetime(2026, 11, 24, 4, 59, tzinfo=NOW.tzinfo)

    assert day_began(late) == datetime(2026, 11, 23, tzinfo=NEW_YORK)
