"""Positions of shares: opened, protected, closed, and the books that follow the broker."""

from decimal import Decimal

import pytest

from contract.events import (
    ExitDecided,
    ExitOrder,
    PositionClosed,
    PositionDifference,
    PositionOpened,
    PositionProtected,
    PositionUnprotected,
    StrayOrder,
)
from contract.limits import ByHand, Exits
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.core.order import Sendable
from dispatcher.core.outcome import Outcome
from tests.dispatcher.positions.stand import Stand
from tests.dispatcher.world import ACCOUNT


def test_a_filled_entry_is_a_position_whose_legs_protect_it(stand: Stand) -> None:
    stand.turn()
    order = stand.enter()
    stand.turn()

    (opened,) = stand.events(PositionOpened)
    assert (opened.symbol, opened.qty, opened.source) == ("AAPL", Decimal(10), f"entry {order.client_order_id}")
    assert stand.stops() == 10
    assert stand.events(PositionUnprotected) == []
    assert stand.books()["AAPL"].quantity == 10


def test_a_stop_that_fills_closes_the_position_with_its_profit_from_the_fills(stand: Stand) -> None:
    stand.turn()
    stand.enter()
    stand.turn()
    stand.price("AAPL", "194.50", "194.60")
    stand.turn()

    (closed,) = stand.events(PositionClosed)
    assert closed.realized == (Decimal("194.50") - Decimal("200.02")) * 10
    assert closed.complete
    assert stand.books() == {}
    assert stand.events(PositionDifference) == []


def test_the_filled_part_of_a_cancelled_entry_gets_a_target_and_a_stop_of_our_own(stand: Stand) -> None:
    stand.turn()
    stand.exchange.settings(partial_fill_probability="1")
    stand.enter(quantity=10)
    stand.exchange.settings(partial_fill_probability="0")
    held = stand.held()["AAPL"]
    stand.turn()
    assert "partly filled" in stand.events(PositionUnprotected)[0].why

    stand.price("AAPL", "201.00", "201.10")
    stand.advance(6)
    stand.turn(2)

    assert 0 < held < 10
    assert stand.held()["AAPL"] == held
    assert stand.stops() == held
    assert stand.events(PositionProtected)[0].seconds >= 6


def cancelled(stand: Stand, symbol: str = "AAPL") -> None:
    """A person cancels whatever stands in the symbol."""
    for each in stand.broker.working(symbol):
        stand.http("DELETE", f"/v2/orders/{each.id}")


def protecting(stand: Stand) -> list[str]:
    """The states that our own targets and stops came into."""
    return [each.state for each in stand.events(ExitOrder) if each.purpose == "oco"]


def test_legs_that_a_person_cancelled_are_replaced_at_the_entrys_own_prices(stand: Stand) -> None:
    stand.turn()
    stand.enter()
    stand.turn()
    cancelled(stand)
    stand.turn()

    (row,) = stand.rows("SELECT payload FROM position_orders")
    assert row["payload"]["stop_loss"] == {"stop_price": "195.00"}
    assert row["payload"]["take_profit"] == {"limit_price": "210.00"}
    assert stand.stops() == 10
    assert stand.events(PositionProtected)[0].seconds == 0


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "500", "504-html", "429", "truncated-json"])
def test_an_answer_that_is_lost_neither_protects_twice_nor_never(stand: Stand, kind: str) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    stand.exchange.fault(route="POST /v2/orders", kind=kind, nth=1)
    for _ in range(6):
        stand.turn()
        stand.advance(2)

    assert stand.stops() == 10
    assert protecting(stand)[-1] == "accepted"
    assert stand.events(PositionUnprotected)
    assert stand.events(PositionProtected)


class KilledError(Exception):
    """What a SIGKILL looks like from inside."""


class Killed(AlpacaBroker):
    """Its process ends before a byte is sent."""

    def submit(self, order: Sendable) -> Outcome:
        raise KilledError(order.client_order_id)


def test_a_manager_killed_after_the_intent_leaves_no_second_stop(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    ours, url = stand.broker, stand.exchange.url
    stand.use(Killed(key=ACCOUNT.key, secret=ACCOUNT.secret, trading_url=url, data_url=url))
    with pytest.raises(KilledError):
        stand.turn()
    assert [row["state"] for row in stand.rows("SELECT state FROM position_orders")] == ["intended"]
    stand.use(ours)
    for _ in range(4):
        stand.turn()
        stand.advance(2)

    assert protecting(stand) == ["not_placed", "accepted"]
    assert stand.stops() == 10


def test_a_short_position_by_hand_is_protected_by_a_purchase_and_closed_by_it(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10, side="sell")
    stand.turn()
    assert stand.stops() == 10
    stand.price("AAPL", "211.00", "211.10")
    stand.turn()

    (closed,) = stand.events(PositionClosed)
    assert (closed.reason, closed.realized) == ("stop_loss", (Decimal("199.98") - Decimal("211.10")) * 10)


def test_where_the_policy_says_so_a_position_by_hand_is_only_alarmed(stand: Stand) -> None:
    stand.exits = Exits(by_hand=ByHand.ALARM, stuck_seconds=60)
    stand.turn()
    stand.buy("AAPL", 10)
    stand.turn(3)
    stand.advance(61)
    stand.turn()

    assert [each.seconds for each in stand.events(PositionUnprotected)] == [0, 61]
    assert stand.broker.working() == ()


def test_a_market_past_the_stop_closes_what_lost_its_legs(stand: Stand) -> None:
    stand.turn()
    stand.enter()
    stand.turn()
    cancelled(stand)
    stand.price("AAPL", "194.00", "194.10")
    stand.turn(2)

    assert [each.reason for each in stand.events(ExitDecided)] == ["past_stop"]
    assert stand.held() == {}


def test_a_leg_that_outlived_its_position_is_cancelled_before_it_opens_one(stand: Stand) -> None:
    stand.turn()
    stand.post(
        {
            "symbol": "AAPL",
            "qty": "10",
            "side": "buy",
            "type": "limit",
            "time_in_force": "gtc",
            "order_class": "bracket",
            "limit_price": "200.05",
            "take_profit": {"limit_price": "210"},
            "stop_loss": {"stop_price": "195"},
        }
    )
    legs = stand.broker.working("AAPL")
    assert len(legs) == 2
    accounts = stand.exchange._server.exchange.accounts
    del accounts["PA3LARGE"].positions["AAPL"]
    stand.turn()
    assert stand.events(StrayOrder) == []
    for _ in range(3):
        stand.advance(3)
        stand.turn()

    assert stand.events(StrayOrder)
    assert stand.broker.working("AAPL") == ()


def test_shares_that_come_without_a_trade_are_adopted_and_said(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    stand.turn()
    account = stand.exchange._server.exchange.accounts["PA3LARGE"]
    account.trade(account.positions["AAPL"], Decimal(5), Decimal(200))
    stand.turn()
    assert stand.events(PositionDifference) == []
    stand.advance(3)
    stand.turn(2)

    (difference,) = stand.events(PositionDifference)
    assert (difference.broker_qty, difference.database_qty) == (Decimal(15), Decimal(10))
    assert stand.books()["AAPL"].quantity == 15
    assert stand.stops() == 15


def test_a_broker_that_goes_on_refusing_is_asked_more_and_more_slowly_and_alarmed(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    stand.exchange.assets({"AAPL": {"status": "inactive"}})
    for _ in range(30):
        stand.turn()
        stand.advance(2)

    tries = protecting(stand)
    assert set(tries) == {"rejected"}
    assert 4 <= len(tries) <= 7
    assert stand.books()["AAPL"].unprotected_since is not None
    stand.exchange.assets({"AAPL": {"status": "active"}})
    stand.advance(31)
    stand.turn()
    assert stand.stops() == 10


def test_stops_for_more_than_is_held_are_replaced_once_that_lasts(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    stand.turn()
    account = stand.exchange._server.exchange.accounts["PA3LARGE"]
    account.trade(account.positions["AAPL"], Decimal(-3), Decimal(200))
    stand.turn()
    assert stand.stops() == 10, "a moment's excess may be a fill on its way"
    for _ in range(3):
        stand.advance(3)
        stand.turn()

    assert stand.events(StrayOrder)
    assert (stand.held(), stand.stops()) == ({"AAPL": Decimal(7)}, Decimal(7))
