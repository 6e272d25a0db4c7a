"""The books in the real database: who may write what, and when."""

from datetime import timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from dispatcher.adapters.database import Connections
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.core.state import LIVE, UNRESOLVED, State
from dispatcher.ports import Claim, Concluded, LostAuthorityError, Weighed
from tests.dispatcher.books import (
    GONE,
    PATHS,
    REFUSED,
    REJECTED,
    Books,
    claimed,
    claims,
    executed,
    intended,
    meant,
    placed,
)
from tests.dispatcher.cases import NOW

pytestmark = pytest.mark.world

ALLOWED: dict[str, tuple[State, ...]] = {
    "unclaim": (State.CLAIMED,),
    "refuse": (State.CLAIMED,),
    "intend": (State.CLAIMED,),
    "intend_again": UNRESOLVED,
    "conclude": UNRESOLVED,
    "reject": UNRESOLVED,
    "doubt": UNRESOLVED,
    "not_placed": UNRESOLVED,
}


def change(ledger: PostgresLedger, name: str, claim: Claim) -> None:
    sent, key = placed(claim), claim.recommendation_id
    arguments: dict[str, tuple[Any, ...]] = {
        "unclaim": ([key],),
        "refuse": (key, REFUSED, Weighed(), NOW),
        "intend": ([meant(claim, sent)], NOW),
        "intend_again": (key, NOW),
        "conclude": ([Concluded(key, executed(sent))], NOW),
        "reject": (key, REJECTED, NOW),
        "doubt": (key, "timeout", NOW),
        "not_placed": (key, GONE, NOW),
    }
    getattr(ledger, name)(*arguments[name])


def brought_to(books: Books, state: State) -> tuple[PostgresLedger, Claim]:
    books.recommend()
    ledger = books.ledger()
    claim = claimed(ledger)
    for step in PATHS[state]:
        step(ledger, claim, placed(claim))
    assert books.state(claim.recommendation_id) == state
    return ledger, claim


@pytest.mark.parametrize("state", State)
def test_a_claim_moves_only_from_the_states_that_a_change_names(books: Books, state: State) -> None:
    allowed = [name for name, states in ALLOWED.items() if state in states]
    refused = [name for name in ALLOWED if name not in allowed]
    ledger, claim = brought_to(books, state)

    for name in refused:
        with pytest.raises(LostAuthorityError):
            change(ledger, name, claim)
    assert books.state(claim.recommendation_id) == state
    for name in allowed:
        books.run("TRUNCATE dispatch_claims, dispatch_executions, dispatch_recommendations")
        again, other = brought_to(books, state)
        change(again, name, other)


@pytest.mark.parametrize("was", State)
@pytest.mark.parametrize("state", LIVE)
def test_an_order_moves_on_only_from_the_state_it_was_seen_in(books: Books, state: State, was: State) -> None:
    ledger, claim = brought_to(books, state)
    filled = executed(placed(claim), status="filled", filled_quantity=Decimal(10))

    followed = [Concluded(claim.recommendation_id, filled, was=(was,))]
    if was is state:
        ledger.conclude(followed, NOW)
    else:
        with pytest.raises(LostAuthorityError):
            ledger.conclude(followed, NOW)

    assert books.state(claim.recommendation_id) == (State.FILLED if was is state else state)


def test_the_newest_is_claimed_first_and_of_one_moment_the_strongest(books: Books) -> None:
    old = books.recommend(created_at=NOW - timedelta(minutes=1), confidence=0.99)
    weak = books.recommend(confidence=0.4)
    unsaid = books.recommend(confidence=None)
    strong = books.recommend(confidence=0.9)
    ledger = books.ledger()

    order_of_claims = [claimed(ledger).recommendation_id for _ in range(4)]

    assert order_of_claims == [strong, weak, unsaid, old]
    assert claims(ledger) == ()


def test_what_is_to_be_skipped_is_not_claimed(books: Books) -> None:
    first = books.recommend(confidence=0.9)
    second = books.recommend(confidence=0.5)
    ledger = books.ledger()

    assert claimed(books.ledger()).recommendation_id == first
    ledger = books.ledger()
    ledger.begin(NOW)
    assert [each.recommendation_id for each in claims(ledger, first, most=2)] == [second]


def test_a_claim_brings_the_row_as_upstream_wrote_it_prices_exact(books: Books) -> None:
    books.recommend(reason={"plan": {"entry": 0.1, "stop_loss": 0.09, "take_profit": 699.7462}})

    row = claimed(books.ledger()).row

    assert (row["ticker"], row["created_at"], row["confidence"]) == ("AAPL", NOW, 0.6)
    assert row["reason"]["plan"] == {
        "entry": Decimal("0.1"),
        "stop_loss": Decimal("0.09"),
        "take_profit": Decimal("699.7462"),
    }


def test_a_claim_given_back_is_claimed_again(books: Books) -> None:
    books.recommend()
    ledger = books.ledger()
    claim = claimed(ledger)

    ledger.unclaim([claim.recommendation_id])

    assert claimed(ledger) == claim


def test_what_an_earlier_holder_claimed_and_did_not_intend_is_given_back_and_nothing_else(books: Books) -> None:
    for _ in range(3):
        books.recommend()
    before = books.ledger()
    sent, _ = intended(before)
    claimed(before)
    claimed(before)

    released = books.ledger().begin(NOW)

    assert released == 2
    assert books.rows("SELECT recommendation_id, state FROM dispatch_claims") == [
        {"recommendation_id": sent.recommendation_id, "state": "intended"}
    ]


def test_an_old_epoch_can_neither_claim_nor_intend(books: Books) -> None:
    books.recommend()
    books.recommend()
    before = books.ledger()
    claim = claimed(before)
    books.ledger()

    with pytest.raises(LostAuthorityError):
        claims(before)
    with pytest.raises(LostAuthorityError):
        before.intend([meant(claim, placed(claim))], NOW)
    assert books.state(claim.recommendation_id) == "claimed"


def test_an_expired_lease_can_neither_claim_nor_intend_nor_intend_again(books: Books) -> None:
    books.recommend()
    books.recommend()
    ledger = books.ledger()
    waiting, _ = intended(ledger)
    claim = claimed(ledger)
    books.expire()

    with pytest.raises(LostAuthorityError):
        claims(ledger)
    with pytest.raises(LostAuthorityError):
        ledger.intend([meant(claim, placed(claim))], NOW)
    with pytest.raises(LostAuthorityError):
        ledger.intend_again(waiting.recommendation_id, NOW)


def test_a_holder_that_was_replaced_still_records_what_the_broker_answered(books: Books) -> None:
    books.recommend()
    before = books.ledger()
    claim, sent = intended(before)
    books.ledger()

    before.conclude([Concluded(claim.recommendation_id, executed(sent))], NOW)

    assert books.state(claim.recommendation_id) == "accepted"


@pytest.mark.parametrize("name", ["not_placed"])
def test_a_holder_that_was_replaced_guesses_no_more(books: Books, name: str) -> None:
    books.recommend()
    before = books.ledger()
    claim, _ = intended(before)
    books.ledger()

    with pytest.raises(LostAuthorityError):
        change(before, name, claim)

    assert books.state(claim.recommendation_id) == "intended"


@pytest.mark.parametrize("name", ["refuse", "unclaim"])
def test_a_holder_that_was_replaced_cannot_end_what_its_successor_claimed(books: Books, name: str) -> None:
    books.recommend()
    before = books.ledger()
    claim = claimed(before)
    successor = books.ledger()
    successor.begin(NOW)
    assert claimed(successor).recommendation_id == claim.recommendation_id

    with pytest.raises(LostAuthorityError):
        change(before, name, claim)

    assert books.state(claim.recommendation_id) == "claimed"


def test_a_takeover_passes_by_an_account_whose_intent_is_being_committed(books: Books) -> None:
    books.recommend()
    books.ledger()
    connection = books.connect()
    ledger = PostgresLedger(Connections(lambda: connection, 1), Ear(), account="large", epoch=1)
    claim = claimed(ledger)
    successor = PostgresRoster(lambda: an_hour_later(books), "successor", ("large",))
    with connection.transaction():
        ledger.intend([meant(claim, placed(claim))], NOW)
        during = successor.take(("large",), 60)

    assert (during, successor.take(("large",), 60)) == ({}, {"large": 2})
    assert books.state(claim.recommendation_id) == "intended"


def an_hour_later(books: Books) -> Connection[DictRow]:
    """A connection for which an hour has passed: to whoever has it, every lease has run out."""
    connection = books.connect()
    connection.execute("CREATE SCHEMA IF NOT EXISTS later")
    connection.execute(
        "CREATE OR REPLACE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
        " AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$"
    )
    connection.execute("SET search_path = later, pg_catalog, public")
    return connection


def test_two_ledgers_never_claim_the_same_row(books: Books) -> None:
    rows = [books.recommend(ticker="T") for _ in range(60)]
    ledgers = [books.ledger(), books.ledger(epoch=1)]
    taken: list[list[int]] = [[], []]

    def claim_all(ledger: PostgresLedger, into: list[int]) -> None:
        misses = 0
        while misses < 3:
            found = claims(ledger, most=3)
            misses += not found
            into += [each.recommendation_id for each in found]

    threads = [Thread(target=claim_all, args=each) for each in zip(ledgers, taken, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(taken[0] + taken[1]) == rows


def test_every_account_considers_every_recommendation_and_touches_no_others(books: Books) -> None:
    number = books.recommend()
    large, tiny = books.ledger(), books.ledger(account="tiny")
    claim, sent = intended(large)

    ours = claimed(tiny)
    tiny.refuse(ours.recommendation_id, REFUSED, Weighed(), NOW)

    assert (ours.recommendation_id, claim.recommendation_id) == (number, number)
    assert [books.state(number), books.state(number, "tiny")] == ["intended", "refused"]
    assert [tiny.unresolved(), tiny.live(), tiny.begin(NOW)] == [[], [], 0]
    for name in ("conclude", "reject", "doubt", "not_placed", "unclaim", "intend_again"):
        with pytest.raises(LostAuthorityError):
            change(tiny, name, claim)
    assert [each.order for each in large.unresolved()] == [sent]
