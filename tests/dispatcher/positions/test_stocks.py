"""Positions of shares: opened, protected, closed, and the books that follow the broker."""

from decimal import Decimal

from contract.events import PositionClosed, PositionDifference, PositionOpened, PositionProtected, PositionUnprotected
from tests.dispatcher.positions.stand import Stand


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
