"""What moves positions without a trade: exercise, assignment, expiry, split. It comes in by the account's statement."""

from decimal import Decimal

from contract.events import ExitDecided, PositionClosed, PositionDifference
from contract.limits import Exits, OptionExits
from dispatcher.core.positions.lots import SPLITS
from tests.dispatcher.positions.stand import Stand

CALL, PUT = "AAPL261127C00195000", "AAPL261127P00205000"
HELD = Exits(options=OptionExits(hold_overnight=True, expiry_cutoff_minutes=1, stop_fraction=Decimal(1)))
"""Contracts stay until they end."""


def explained(stand: Stand) -> list[PositionDifference]:
    return [each for each in stand.events(PositionDifference) if each.done.startswith("explained")]


def test_an_exercise_takes_the_contract_and_brings_shares_at_the_strike_which_get_a_stop(stand: Stand) -> None:
    stand.exits = HELD
    stand.turn()
    stand.price(CALL, "5.90", "6.10")
    stand.buy(CALL, 1)
    stand.turn()
    assert stand.http("POST", f"/v2/positions/{CALL}/exercise").ok
    stand.settle()
    assert stand.held() == {"AAPL": 100}
    assert stand.stops() == 100

    stand.until("2026-11-24T09:40:00-05:00")
    stand.settle()

    over = stand.events(PositionClosed)[-1]
    assert (over.symbol, over.reason, over.complete) == (CALL, "exercised", True)
    assert stand.books()["AAPL"].tally.average_price == 195
    assert len(explained(stand)) == 2
    assert stand.stops() == 100


def test_an_assignment_brings_shares_at_the_strike_which_get_a_stop(stand: Stand) -> None:
    stand.exits = HELD
    stand.turn()
    stand.price(PUT, "5.90", "6.10")
    stand.buy(PUT, 1, side="sell")
    stand.turn()
    assert stand.held() == {PUT: -1}
    stand.until("2026-11-27T13:05:00-05:00")
    stand.settle()
    assert stand.held() == {"AAPL": 100}

    stand.until("2026-11-30T09:40:00-05:00")
    stand.price("AAPL", "199.98", "200.02")
    stand.settle()

    over = stand.events(PositionClosed)[-1]
    assert (over.symbol, over.reason, over.complete) == (PUT, "assigned", True)
    assert stand.books()["AAPL"].tally.average_price == 205
    assert stand.stops() == 100
    assert stand.events(ExitDecided) == []


def test_a_split_closes_nothing_and_moves_what_was_planned_with_it(stand: Stand) -> None:
    """Twice the shares at half the price is far below the stop that was planned for them."""
    stand.turn()
    stand.enter("AAPL", 10)
    stand.turn()
    stand.until("2026-11-24T09:31:00-05:00")
    stand.exchange.split({"AAPL": 2})
    stand.price("AAPL", "99.99", "100.01")
    stand.settle()
    assert stand.held() == {"AAPL": 20}
    assert stand.stops() == 20, "at the declared distance, while nobody says what it was"
    assert [each.done for each in stand.events(PositionDifference)] == [
        "adopted: the books say now what the broker holds"
    ]

    stand.until("2026-11-25T09:31:00-05:00")
    stand.settle()
    book = stand.books()["AAPL"]
    assert [each.kind for each in book.movements if each.kind in SPLITS] == ["SPLIT"]
    assert (book.tally.average_price, book.tally.complete) == (Decimal("100.01"), True)
    for each in stand.broker.working("AAPL"):
        stand.http("DELETE", f"/v2/orders/{each.id}")
    stand.settle()

    assert {each.stop for each in stand.broker.working("AAPL")} >= {Decimal("97.50")}, "half of 195"
    assert stand.events(ExitDecided) == []
