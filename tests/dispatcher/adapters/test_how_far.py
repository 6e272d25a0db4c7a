"""How far an account has considered everything: a claim looks no further back, and nothing is lost by it."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from dispatcher.adapters import queries
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.ports import Weighed
from tests.dispatcher.books import REFUSED, Books, claimed, claims
from tests.dispatcher.cases import NOW
from tests.dispatcher.world import insert

pytestmark = pytest.mark.world


def consider(ledger: PostgresLedger) -> int:
    """End the next recommendation; its id."""
    number = claimed(ledger).recommendation_id
    ledger.refuse(number, REFUSED, Weighed(), NOW)
    return number


def reached(books: Books) -> int | None:
    (row,) = books.rows("SELECT considered_to FROM dispatch_accounts")
    found: int | None = row["considered_to"]
    return found


def began(books: Books) -> PostgresLedger:
    books.run("UPDATE dispatch_accounts SET considers_after = 0, considered_to = NULL")
    ledger = books.ledger()
    ledger.begin(NOW)
    return ledger


def mark_and_move(ledger: PostgresLedger) -> None:
    ledger.advance()
    ledger.advance()


def write(connection: "Connection[tuple[Any, ...]]", **row: Any) -> int:
    return insert(connection, {"created_at": NOW} | row)


def test_what_has_been_considered_is_not_looked_at_again(books: Books) -> None:
    ledger = began(books)
    newest = max(books.recommend() for _ in range(3))
    for _ in range(3):
        consider(ledger)

    mark_and_move(ledger)

    assert reached(books) == newest


def test_nothing_is_passed_that_has_no_ending_yet(books: Books) -> None:
    ledger = began(books)
    first, second = books.recommend(), books.recommend(created_at=NOW + timedelta(seconds=1))
    assert consider(ledger) == second
    mark_and_move(ledger)
    before = reached(books)
    given_back = claimed(ledger)
    mark_and_move(ledger)

    assert (before, reached(books), given_back.recommendation_id) == (first - 1, first - 1, first)


def test_what_was_being_written_meanwhile_is_waited_for(books: Books) -> None:
    ledger = began(books)
    with books.database.connect() as late, late.transaction():
        slow = write(late)
        consider_first = books.recommend()
        assert consider(ledger) == consider_first
        mark_and_move(ledger)
        held_back = reached(books)
    found = consider(ledger)
    mark_and_move(ledger)

    assert (held_back, found, reached(books)) == (0, slow, consider_first)


def test_an_id_of_long_ago_that_is_written_only_now_is_found_by_the_sweep(books: Books) -> None:
    ledger = began(books)
    drawn = books.rows("SELECT nextval('dispatch_recommendations_id_seq') AS id")[0]["id"]
    books.recommend()
    consider(ledger)
    mark_and_move(ledger)
    with books.database.connect() as upstream:
        write(upstream, id=drawn)
    overlooked = claims(ledger)

    ledger.sweep(NOW)

    assert (overlooked, consider(ledger)) == ((), drawn)


def test_what_is_a_day_old_is_history(books: Books) -> None:
    ledger = began(books)
    old = books.recommend(created_at=NOW - timedelta(days=2))
    new = books.recommend()
    for _ in range(2):
        consider(ledger)
    mark_and_move(ledger)

    ledger.sweep(NOW)

    (row,) = books.rows("SELECT considers_after FROM dispatch_accounts")
    assert (row["considers_after"], reached(books)) == (old, new)


def test_another_holder_does_not_move_it(books: Books) -> None:
    earlier = began(books)
    later = books.ledger()
    books.recommend()
    consider(later)

    mark_and_move(earlier)
    earlier.sweep(NOW)

    assert reached(books) == 0


def test_before_an_account_has_begun_nothing_is_marked(books: Books) -> None:
    ledger = books.ledger()
    books.run("UPDATE dispatch_accounts SET considers_after = NULL")
    books.recommend()

    mark_and_move(ledger)

    assert reached(books) is None


def test_a_claim_reads_no_more_of_a_long_history_than_of_a_short_one(books: Books) -> None:
    ledger = began(books)
    considered = 50_000
    rows = f"SELECT n FROM generate_series(1, {considered}) n"
    books.run(
        "INSERT INTO dispatch_recommendations (id, created_at, ticker, action)"
        f" SELECT n, '2026-11-23T15:00Z', 'AAPL', 'BUY' FROM ({rows}) AS r"
    )
    books.run(
        "INSERT INTO dispatch_claims"
        " (recommendation_id, account, state, epoch, recommended_at, claimed_at, since, reason)"
        f" SELECT n, 'large', 'refused', 1, now(), now(), now(), 'stale' FROM ({rows}) AS r"
    )
    books.run(f"SELECT setval('dispatch_recommendations_id_seq', {considered})")
    books.run("ANALYZE dispatch_recommendations, dispatch_claims")
    mark_and_move(ledger)
    books.recommend()
    bound = {"account": "large", "epoch": 1, "at": NOW, "since": NOW, "skip": [], "most": 1}
    (plan,) = books.connect().execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries.CLAIM}".encode(), bound).fetchall()

    assert reached(books) == considered
    assert most_rows(plan["QUERY PLAN"][0]["Plan"]) <= 1


def most_rows(plan: dict[str, Any]) -> float:
    """The largest number of rows that any step of a plan has read."""
    return max([float(plan["Actual Rows"]), *(most_rows(each) for each in plan.get("Plans", []))])
