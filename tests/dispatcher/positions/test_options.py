"""Positions in options against the exchange: supervised, closed by their own symbol, settled by the statement."""

from decimal import Decimal

from contract.events import ExitDecided, ExitOrder, PositionClosed, PositionDifference
from contract.limits import Exits, OptionExits
from tests.dispatcher.positions.stand import Stand

CALL = "AAPL261218C00200000"
FRIDAY = "AAPL261127C00150000"


def bought(stand: Stand, symbol: str = CALL, *, bid: str = "1.95", ask: str = "2.05", quantity: int = 2) -> None:
    """Calls bought by hand at the ask."""
    stand.turn()
    stand.price(symbol, bid, ask)
    answer = stand.buy(symbol, quantity)
    assert "id" in answer, answer
    stand.turn()


def test_a_loss_beyond_the_stop_is_closed_by_the_contracts_own_symbol_and_never_the_underlying(stand: Stand) -> None:
    bought(stand)
    stand.price(CALL, "1.00", "1.04")
    stand.turn(2)

    assert stand.held() == {}
    assert [each.reason for each in stand.events(ExitDecided)] == ["stop"]
    (closed,) = stand.events(PositionClosed)
    assert (closed.symbol, closed.reason) == (CALL, "stop")
    assert closed.realized == (Decimal("1.00") - Decimal("2.05")) * 2 * 100
    assert {each["symbol"] for each in stand.rows("SELECT symbol FROM position_orders")} == {CALL}


def test_a_peak_outlives_the_process_and_trails(stand: Stand) -> None:
    bought(stand)
    stand.price(CALL, "2.95", "3.05")
    stand.turn()
    stand.kill()
    stand.price(CALL, "2.60", "2.66")
    stand.turn(2)

    assert [each.reason for each in stand.events(ExitDecided)] == ["trailing_stop"]
    assert stand.held() == {}


def test_a_close_that_fills_in_parts_is_brought_to_its_end(stand: Stand) -> None:
    bought(stand, quantity=10)
    stand.exchange.settings(partial_fill_probability="1")
    stand.price(CALL, "1.00", "1.04")
    stand.turn()
    assert 0 < stand.held()[CALL] < 10
    stand.exchange.settings(partial_fill_probability="0")
    stand.advance(3)
    stand.turn(2)

    assert stand.held() == {}
    assert len([each for each in stand.events(ExitOrder) if each.state == "filled"]) == 1
    (closed,) = stand.events(PositionClosed)
    assert closed.complete


def test_an_expiry_is_adopted_at_once_and_explained_by_the_statement_the_next_day(stand: Stand) -> None:
    stand.exits = Exits(options=OptionExits(hold_overnight=True, expiry_cutoff_minutes=1))
    bought(stand, FRIDAY, bid="49.90", ask="50.10", quantity=1)
    stand.price("AAPL", "140.00", "140.10")
    stand.price(FRIDAY, "0.01", "0.02")
    stand.until("2026-11-27T13:05:00-05:00")
    stand.turn()
    stand.advance(5)
    stand.turn()
    (closed,) = stand.events(PositionClosed)
    assert not closed.complete
    assert len(stand.events(PositionDifference)) == 1

    stand.until("2026-11-30T09:40:00-05:00")
    stand.turn()

    explained = stand.events(PositionClosed)[-1]
    assert (explained.reason, explained.complete, explained.realized) == ("expired", True, Decimal(-5010))
