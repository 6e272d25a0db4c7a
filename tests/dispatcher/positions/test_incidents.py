"""What hurt the system this replaces, played again. The numbers are those of its list of incidents."""

from decimal import Decimal

from contract.control import Ask, Request
from contract.events import ExitDecided, ExitOrder, ExitUndecided, PositionClosed, PositionDifference
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.core.positions.book import Stage
from tests.dispatcher.positions.stand import Hold, Stand

CALL = "AAPL261218C00200000"


def bought(stand: Stand, bid: str, ask: str) -> None:
    stand.turn()
    stand.price(CALL, bid, ask)
    stand.buy(CALL, 1)
    stand.turn()


def test_27_a_position_is_not_closed_within_minutes_by_its_own_spread(stand: Stand) -> None:
    """A stop at -25 % met a wide spread, and everything was sold four minutes after it was bought."""
    bought(stand, "1.90", "2.10")
    for minute in range(5):
        wide = "1.30" if minute % 2 else "1.90"
        stand.price(CALL, wide, "2.10")
        stand.turn()
        stand.advance(60)

    assert stand.events(ExitDecided) == []
    assert stand.held() == {CALL: 1}
    assert "spread" in stand.events(ExitUndecided)[0].why


def test_31_a_position_is_priced_by_its_own_symbol_and_its_profit_is_the_brokers(stand: Stand) -> None:
    """For six days contracts were priced by their underlying, then by a stale endpoint: +21.6 % said, +129.9 % real."""
    bought(stand, "1.95", "2.05")
    stand.price("AAPL", "100.00", "100.10")
    view = stand.turn()
    assert stand.events(ExitDecided) == []
    assert view.sights[CALL].middle == Decimal("2.00")

    stand.price(CALL, "4.60", "4.80")
    stand.turn(2)

    (closed,) = stand.events(PositionClosed)
    assert closed.realized == (Decimal("4.60") - Decimal("2.05")) * 100


def test_37_a_manager_never_touches_the_rows_of_another_account(stand: Stand) -> None:
    """Each account's manager tried to close the other's rows, and three options stayed overnight."""
    bought(stand, "1.95", "2.05")
    lease = Hold(stand, "tiny/positions")
    tiny = PostgresPositionLedger(stand.connect(), account="tiny", lease=lease.name, epoch=lease.take().epoch)

    assert (tiny.books(), tiny.incoming(), tiny.orders()) == ({}, {}, ())


def test_40_what_is_counted_is_what_the_broker_holds_whoever_bought_it(stand: Stand) -> None:
    """A name that did not match made the gates count 0 of 5 positions where 22 were held."""
    stand.turn()
    for symbol in ("AAPL", "MSFT", "ADBE"):
        stand.buy(symbol, 1)
    stand.turn()

    assert {symbol: book.quantity for symbol, book in stand.books().items()} == stand.held()
    assert len(stand.held()) == 3


def test_42_a_row_that_is_being_closed_never_stays_behind(stand: Stand) -> None:
    """8,851 rows stood in `closing`: the sync looked only at open ones, and made each of them anew."""
    stand.turn()
    stand.enter()
    stand.turn()
    stand.exchange.fault(route="DELETE /v2/positions/{symbol_or_asset_id}", kind="drop-after", nth=1)
    stand.asked.table.append(Request("1", Ask.CLOSE, "someone", stand.now(), "enough", "AAPL"))
    stand.turn()
    stand.kill()
    for _ in range(4):
        stand.turn()
        stand.advance(2)

    rows = stand.rows("SELECT stage FROM positions")
    assert [row["stage"] for row in rows] == [Stage.CLOSED]
    assert stand.events(PositionDifference) == []


def test_20_no_protecting_price_is_off_its_tick(stand: Stand) -> None:
    """A target of 699.7462 was refused for its fourth decimal, and the order dressed up as a simulation."""
    stand.turn()
    stand.price("ADBE", "666.40", "666.43")
    stand.buy("ADBE", 3)
    stand.turn()

    (sent,) = [each for each in stand.events(ExitOrder) if each.purpose == "oco"]
    assert sent.state == "accepted"
    assert stand.stops("ADBE") == 3
    (row,) = stand.rows("SELECT payload FROM position_orders")
    assert row["payload"]["take_profit"] == {"limit_price": "733.08"}
    assert row["payload"]["stop_loss"] == {"stop_price": "633.11"}
