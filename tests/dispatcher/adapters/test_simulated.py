"""The SIMULATED broker reads a real market and fills in memory. Nothing it does reaches anyone."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dispatcher.adapters.simulated import SimulatedBroker
from dispatcher.core.held import Position
from dispatcher.core.order import Side
from dispatcher.core.outcome import Absent, Accepted, Duplicate, NotSent
from tests.dispatcher.cases import NOW, cents, order
from tests.fakes.broker import FakeBroker, away


@pytest.fixture
def real() -> FakeBroker:
    return FakeBroker(lambda: NOW)


@pytest.fixture
def simulated(real: FakeBroker) -> SimulatedBroker:
    return SimulatedBroker(real)


def test_an_order_is_filled_whole_at_its_limit_and_no_real_one_is_sent(
    real: FakeBroker, simulated: SimulatedBroker
) -> None:
    accepted = simulated.submit(order())

    assert isinstance(accepted, Accepted)
    told = accepted.order
    assert (told.status, told.filled_quantity, told.filled_average_price) == ("filled", Decimal(10), Decimal(200))
    assert told.id.startswith("simulated-")
    assert real.sent == []


def test_what_was_simulated_is_found_held_and_listed(simulated: SimulatedBroker) -> None:
    accepted = simulated.submit(order())
    simulated.submit(order(client_order_id="short", side=Side.SELL, quantity=4, limit=cents("210")))

    assert isinstance(accepted, Accepted)
    assert simulated.find(order().client_order_id) == accepted.order
    assert simulated.find("another") == Absent()
    assert simulated.positions() == {"AAPL": Position(Decimal(6), Decimal(1_160))}
    assert simulated.resting() == ()
    assert len(simulated.orders_since(NOW - timedelta(seconds=1))) == 2
    assert simulated.orders_since(NOW) == {}


def test_the_real_accounts_positions_are_another_matter(real: FakeBroker, simulated: SimulatedBroker) -> None:
    real.held = {"MSFT": Position(Decimal(1), Decimal(500))}

    assert simulated.positions() == {}


def test_the_account_and_the_market_are_the_real_ones(real: FakeBroker, simulated: SimulatedBroker) -> None:
    read = [simulated.account(), simulated.clock(), simulated.quotes(("AAPL",)), simulated.asset("AAPL")]

    assert read == [real.account(), NOW, real.quotes(("AAPL",)), real.asset("AAPL")]


def test_the_same_id_is_a_duplicate_and_fills_nothing_more(simulated: SimulatedBroker) -> None:
    simulated.submit(order())

    again = simulated.submit(order())

    assert again == Duplicate()
    assert simulated.positions() == {"AAPL": Position(Decimal(10), Decimal(2_000))}


def test_an_order_while_the_real_broker_is_away_is_not_sent_and_raises_nothing(
    real: FakeBroker, simulated: SimulatedBroker
) -> None:
    real.away = away()

    assert isinstance(simulated.submit(order()), NotSent)
