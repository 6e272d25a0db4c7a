"""The books in the real database: nothing is changed blind, nothing without the lease, and closed is the end."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.core.order import Side
from dispatcher.core.positions.book import WAYS, Book, Exit, ExitReason, Plan, Stage, adjust, post
from dispatcher.core.positions.lots import FILL, Movement
from dispatcher.core.positions.orders import Oco, Purpose, client_order_id
from dispatcher.core.state import WAYS as WAYS_OF_ORDERS
from dispatcher.core.state import State
from dispatcher.ports import LostAuthorityError
from dispatcher.position_ports import SentOrder
from tests.dispatcher.cases import cents
from tests.dispatcher.positions.stand import LEASE, Hold, Stand

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
LEAVING = Exit(ExitReason.STOP, "-41.0 %", "at most -40.0 %", NOON)


def line(quantity: int, after: int = 0) -> Movement:
    at = NOON + timedelta(seconds=after)
    return Movement(f"fill-{after}", FILL, "AAPL", Decimal(quantity), Decimal(200), Decimal(0), at, f"order-{after}")


def ledger(stand: Stand) -> PostgresPositionLedger:
    """The books under a lease that was just taken."""
    return PostgresPositionLedger(stand.connect(), account="large", lease=LEASE, epoch=Hold(stand, LEASE).take().epoch)


def held(books: PostgresPositionLedger) -> Book:
    books.enter((line(10),))
    (book,) = books.save(*post((), books.incoming()["AAPL"]).books)
    return book


def oco(book: Book, sequence: int = 1) -> SentOrder:
    order_id = client_order_id("large", book.id or 0, Purpose.PROTECT, sequence)
    meant = Oco(order_id, "AAPL", Side.SELL, 10, cents("210"), cents("195"))
    return SentOrder(order_id, book.id or 0, "AAPL", Purpose.PROTECT, sequence, NOON, NOON, oco=meant)


def test_what_was_saved_is_read_back_whole(stand: Stand) -> None:
    books = ledger(stand)
    changed = replace(
        held(books),
        plan=Plan(Decimal(195), Decimal(210), "entry d1-7"),
        peak=Decimal("201.5"),
        stage=Stage.EXITING,
        exit=LEAVING,
        unprotected_since=NOON,
        unprotected_seconds=Decimal("1.5"),
    )
    (saved,) = books.save(changed)

    assert books.books() == {"AAPL": (saved,)}
    assert books.incoming() == {}


def test_a_line_of_the_statement_is_entered_once_however_often_it_is_read(stand: Stand) -> None:
    books = ledger(stand)
    held(books)
    books.enter((line(10), line(10)))

    assert books.incoming() == {}
    assert books.latest_fill() == (NOON, "fill-0")


def test_a_manager_that_lost_its_lease_changes_no_book_and_commits_no_order(stand: Stand) -> None:
    books = ledger(stand)
    book = held(books)
    ledger(stand)

    with pytest.raises(LostAuthorityError):
        books.save(replace(book, peak=Decimal(300)))
    with pytest.raises(LostAuthorityError):
        books.intend(oco(book))
    assert stand.rows("SELECT peak FROM positions") == [{"peak": None}]
    assert stand.rows("SELECT 1 FROM position_orders") == []


def test_a_book_is_not_changed_from_an_older_version_of_it(stand: Stand) -> None:
    books = ledger(stand)
    book = held(books)
    books.save(replace(book, peak=Decimal(201)))

    with pytest.raises(LostAuthorityError):
        books.save(replace(book, peak=Decimal(300)))


BARRED = [(was, to) for was in Stage for to in Stage if to not in {was, *WAYS[was]}]


@pytest.mark.parametrize(("was", "to"), BARRED)
def test_the_database_lets_no_position_go_back(stand: Stand, was: str, to: str) -> None:
    books = ledger(stand)
    book = held(books)
    if was == "closed":
        books.save(post((book,), (line(-10, 5),)).books[0])
    else:
        books.save(replace(book, stage=Stage.EXITING, exit=LEAVING))

    with pytest.raises(psycopg.errors.CheckViolation):
        stand.rows("UPDATE positions SET stage = %s, quantity = 1, closed_at = NULL RETURNING 1", to)


def test_there_is_one_live_position_of_a_symbol(stand: Stand) -> None:
    books = ledger(stand)
    book = held(books)

    with pytest.raises(psycopg.errors.UniqueViolation):
        books.save(replace(book, id=None, version=0))


def test_an_adjustment_that_is_explained_leaves_no_trace_but_the_line(stand: Stand) -> None:
    books = ledger(stand)
    book = held(books)
    (closed,) = books.save(*adjust((book,), "AAPL", Decimal(0), None, NOON + timedelta(seconds=60)).books)
    assert books.books() == {"AAPL": (closed,)}, "closed, and its end is not explained yet"
    books.enter((line(-10, 30),))
    books.save(*post((closed,), books.incoming()["AAPL"]).books)

    assert books.books() == {}
    assert [row["kind"] for row in stand.rows("SELECT kind FROM position_movements")] == [FILL, FILL]


def test_an_order_moves_only_from_the_state_it_is_in(stand: Stand) -> None:
    books = ledger(stand)
    order = oco(held(books))
    books.intend(order)
    assert books.orders() == (order,)
    unknown = books.move(order, State.UNKNOWN, NOON + timedelta(seconds=1), detail="timeout")

    with pytest.raises(LostAuthorityError):
        books.move(order, State.REJECTED, NOON)
    assert books.orders() == (unknown,)
    assert books.attempts(order.position, Purpose.PROTECT).number == 1
    assert books.attempts(order.position, Purpose.CLOSE).number == 0


ORDERS = [each for each in State if each not in {State.CLAIMED, State.REFUSED}]
STEPS = [(was, to) for was in ORDERS for to in ORDERS if to is not was]


def test_the_ledger_moves_an_order_along_the_graph_and_along_all_of_it(stand: Stand) -> None:
    """From where each state is reached; what is refused changes nothing."""
    books = ledger(stand)
    position = held(books)
    moved = set()
    for number, (was, to) in enumerate(STEPS):
        order = replace(oco(position), client_order_id=f"p1-{number}", sequence=number, broker_order_id=f"b{number}")
        books.intend(order)
        begun = "UPDATE position_orders SET state = %s, broker_order_id = 'b' WHERE sequence = %s RETURNING 1"
        stand.rows(begun, was, number)
        with suppress(LostAuthorityError):
            books.move(replace(order, state=was), to, NOON)
        (row,) = stand.rows("SELECT state FROM position_orders WHERE sequence = %s", number)
        moved |= {(was, to)} if row["state"] == to else set()

    assert moved == {(was, to) for was, to in STEPS if to in WAYS_OF_ORDERS[was]}


def test_a_stand_that_nobody_took_up_is_begun_once(stand: Stand) -> None:
    books = ledger(stand)

    assert books.began(NOON) == NOON
    assert books.began(NOON + timedelta(hours=1)) == NOON


def test_what_was_realized_since_a_moment_is_the_sum_of_what_was_closed(stand: Stand) -> None:
    books = ledger(stand)
    sold = replace(line(-10, 5), price=Decimal(201))
    books.save(post((held(books),), (sold,)).books[0])

    assert books.realized(NOON) == 10
    assert books.realized(NOON + timedelta(hours=1)) == 0
