"""Profit is what the statement adds up to: first in, first out, fees apart, and never a guess."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.positions.book import Book, Stage, adjust, ended_by, post
from dispatcher.core.positions.lots import ADJUST, FILL, Movement, tally

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
CALL = "AAPL261218C00200000"


def moved(quantity: int | str, price: str | None = "10", *, kind: str = FILL, after: int = 0, **more: str) -> Movement:
    """A line of the statement, so many seconds after noon."""
    at = NOON + timedelta(seconds=after)
    paid = None if price is None else Decimal(price)
    amount = Decimal(more.pop("amount", "0"))
    symbol = more.pop("symbol", "AAPL")
    identity = f"{kind}-{after}-{quantity}"
    return Movement(identity, kind, symbol, Decimal(quantity), paid, amount, at, more.get("order"))


def test_the_oldest_shares_are_sold_first() -> None:
    found = tally([moved(10, "100"), moved(10, "110"), moved(-15, "120")], 1)

    assert found.realized == 10 * 20 + 5 * 10
    assert (found.quantity, found.average_price) == (Decimal(5), Decimal(110))


def test_a_short_position_gains_when_it_is_bought_back_lower() -> None:
    assert tally([moved(-10, "100"), moved(10, "90")], 1).realized == 100


def test_a_contract_stands_for_a_hundred_shares() -> None:
    assert tally([moved(2, "1.50"), moved(-2, "1.25")], 100).realized == Decimal(-50)


def test_a_position_cost_what_its_openings_were_worth_whichever_way_round() -> None:
    assert tally([moved(2, "1.50"), moved(1, "1.80"), moved(-3, "2.00")], 100).cost == 480
    assert tally([moved(-10, "100"), moved(10, "90")], 1).cost == 1000


def test_fees_are_counted_apart_and_only_the_brokers_own() -> None:
    found = tally([moved(10, "100"), moved(0, None, kind="FEE", amount="-0.35"), moved(-10, "101")], 1)

    assert (found.realized, found.fees) == (Decimal(10), Decimal("0.35"))


def test_a_split_changes_the_shares_and_not_the_money() -> None:
    found = tally([moved(10, "400"), moved(30, None, kind="SPLIT"), moved(-40, "100")], 1)

    assert (found.quantity, found.realized) == (Decimal(0), Decimal(0))


def test_an_expired_contract_is_lost_whole() -> None:
    found = tally([moved(1, "2.00", symbol=CALL), moved(-1, "0", kind="OPEXP", symbol=CALL)], 100)

    assert (found.quantity, found.realized, found.complete) == (Decimal(0), Decimal(-200), True)


def test_a_missing_price_leaves_the_profit_incomplete_and_says_so() -> None:
    found = tally([moved(10, "100"), moved(-10, None, kind=ADJUST)], 1)

    assert (found.quantity, found.realized, found.complete) == (Decimal(0), Decimal(0), False)


@given(st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 50)), max_size=12))
def test_profit_and_what_is_held_at_cost_are_the_money_that_moved(trades: list[tuple[int, int]]) -> None:
    found = tally([moved(quantity, str(price), after=at) for at, (quantity, price) in enumerate(trades)], 1)

    paid = sum(quantity * price for quantity, price in trades)
    at_cost = sum((lot.quantity * (lot.price or 0) for lot in found.lots), Decimal(0))
    assert found.realized == at_cost - paid
    assert found.quantity == sum(quantity for quantity, _ in trades)


@given(st.permutations(range(4)))
def test_lines_that_come_in_any_order_make_the_same_books(order: list[int]) -> None:
    lines = [moved(10, "10", after=1), moved(-4, "11", after=2), moved(-6, "12", after=3), moved(5, "13", after=4)]

    books = post((), tuple(lines[index] for index in order)).books

    assert [(book.stage, book.quantity) for book in books] == [(Stage.CLOSED, Decimal(0)), (Stage.OPEN, Decimal(5))]


def test_a_quantity_nobody_explains_is_adopted_with_the_brokers_own_price() -> None:
    (book,) = adjust((), "AAPL", Decimal(7), Decimal("99.50"), NOON).books

    assert (book.quantity, book.tally.average_price, book.adopted) == (Decimal(7), Decimal("99.50"), True)


def test_a_line_that_comes_late_explains_what_was_adopted_before_it_came() -> None:
    held = (Book(CALL, NOON, (moved(2, "3.00", symbol=CALL),)),)
    gone = adjust(held, CALL, Decimal(0), None, NOON + timedelta(hours=3)).books
    assert (gone[0].stage, gone[0].tally.complete) == (Stage.CLOSED, False)

    posted = post(gone, (moved(-2, "0", kind="OPEXP", symbol=CALL, after=60),))

    assert (posted.books[0].stage, posted.books[0].tally.realized) == (Stage.CLOSED, Decimal(-600))
    assert posted.books[0].tally.complete
    assert ended_by(posted.books[0]) == "expired"


def test_a_purchase_after_the_adoption_explains_nothing_of_it() -> None:
    adopted = adjust((), "AAPL", Decimal(10), Decimal(100), NOON).books

    (book,) = post(adopted, (moved(5, "101", after=60),)).books

    assert book.quantity == 15
