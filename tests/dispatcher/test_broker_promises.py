"""What every broker promises, whoever stands behind the port: Alpaca's client, the simulation, the tests' own fake."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dispatcher.adapters.simulated import SimulatedBroker
from dispatcher.core.order import Order, Side
from dispatcher.core.outcome import Absent, Accepted, BrokerOrder, Duplicate
from dispatcher.core.standing import Account, Asset, Quote, Session
from dispatcher.ports import Broker
from sandbox.exchange import Running
from tests.dispatcher.cases import MONDAY, cents, order, session
from tests.dispatcher.told import connected
from tests.dispatcher.world import ACCOUNT, MONDAY_MORNING
from tests.fakes.broker import FakeBroker

pytestmark = pytest.mark.world


@pytest.fixture(params=["alpaca", "simulated", "fake"])
def broker(request: pytest.FixtureRequest, exchange: Running) -> Iterator[Broker]:
    if request.param == "fake":
        yield FakeBroker(lambda: MONDAY_MORNING.astimezone(UTC))
        return
    with connected(exchange.url, key=ACCOUNT.key, secret=ACCOUNT.secret) as alpaca:
        yield alpaca if request.param == "alpaca" else SimulatedBroker(alpaca)


def sent(broker: Broker, meant: Order) -> BrokerOrder:
    accepted = broker.submit(meant)
    assert isinstance(accepted, Accepted), accepted
    return accepted.order


def test_the_clock_is_aware_and_in_utc(broker: Broker) -> None:
    now = broker.clock()

    assert now.utcoffset() == timedelta(0)
    assert timedelta(0) <= now - MONDAY_MORNING < timedelta(minutes=5)


def test_the_account_is_told_with_its_number_and_amounts(broker: Broker) -> None:
    account = broker.account()

    assert isinstance(account, Account)
    assert (account.number, account.equity, account.last_equity, account.blocked) == (
        "PA3LARGE",
        Decimal(100_000),
        Decimal(100_000),
        False,
    )


def test_a_day_has_its_session_and_a_sunday_has_none(broker: Broker) -> None:
    expected: list[Session | None] = [session(), None]

    assert [broker.session(MONDAY), broker.session(MONDAY - timedelta(days=1))] == expected


def test_the_market_is_told(broker: Broker) -> None:
    assert broker.quotes(("AAPL",)) == {"AAPL": Quote(Decimal("199.98"), Decimal("200.02"))}
    assert broker.asset("AAPL") == Asset("AAPL", tradable=True, shortable=True)


def test_an_accepted_order_is_the_one_that_was_meant_and_is_found_by_our_id(broker: Broker) -> None:
    meant = order()

    told, found = sent(broker, meant), broker.find(meant.client_order_id)

    assert isinstance(found, BrokerOrder)
    assert (found.id, found.client_order_id) == (told.id, meant.client_order_id)
    for each in (told, found):
        assert (each.symbol, each.side, each.quantity, each.limit_price) == ("AAPL", "buy", Decimal(10), Decimal(200))


def test_an_id_is_taken_once(broker: Broker) -> None:
    meant = order()
    sent(broker, meant)

    assert broker.submit(meant) == Duplicate()
    assert len([each for each in broker.orders_since(an_hour_ago()).values() if each.side == "buy"]) == 1


def an_hour_ago() -> datetime:
    return MONDAY_MORNING - timedelta(hours=1)


def test_an_id_that_was_never_sent_is_absent(broker: Broker) -> None:
    assert broker.find("d1-0-entry-never") == Absent()


def test_orders_since_a_moment_are_those_submitted_after_it(broker: Broker) -> None:
    told = sent(broker, order())

    since = broker.orders_since(an_hour_ago())

    assert told.id in since
    assert broker.orders_since(MONDAY_MORNING + timedelta(hours=1)) == {}


def test_an_order_rests_or_is_held_and_its_symbol_is_occupied(broker: Broker) -> None:
    sent(broker, order(limit=cents("190"), stop_loss=cents("180")))

    occupied = {symbol for each in broker.resting() for symbol in each.symbols} | set(broker.positions())

    assert occupied == {"AAPL"}


def test_a_short_is_sold(broker: Broker) -> None:
    short = order(side=Side.SELL, limit=cents("205"), take_profit=cents("190"), stop_loss=cents("220"))

    assert sent(broker, short).side == "sell"


def test_a_cancellation_of_anything_raises_nothing(broker: Broker) -> None:
    told = sent(broker, order(limit=cents("190"), stop_loss=cents("180")))

    broker.cancel(told.id)
    broker.cancel(told.id)
    broker.cancel("61e69015-8549-4bfd-b9c3-01e75843f47d")
