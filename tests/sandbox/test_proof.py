import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sandbox.feed import End, Expected, Fed, Prices
from sandbox.proof import Counts, Finding, Witnesses, counts, endings, no_secrets, no_strangers, total
from sandbox.venue import Book, StandingOrder
from sandbox.watch import Seen

PRICES = Prices(Decimal("685.40"), Decimal("699.75"), Decimal("678.55"), Decimal(5))
FED = {
    1: Fed("bought", "it fills", Expected(End.FILLED, PRICES), "NFLX"),
    2: Fed("waiting", "it rests", Expected(End.RESTING, PRICES), "DIS"),
    3: Fed("old", "it is refused", Expected(End.REFUSED, reason="stale"), "UBER"),
}


def an_order(number: int, symbol: str, status: str, filled: int) -> StandingOrder:
    prices = (PRICES.limit, PRICES.take_profit, PRICES.stop_loss)
    return StandingOrder(f"b{number}", f"c{number}", "PA1", symbol, "buy", status, Decimal(5), Decimal(filled), *prices)


def a_request(number: int, symbol: str) -> dict[str, Any]:
    return {"account": "PA1", "client_order_id": f"c{number}", "body": json.dumps({"symbol": symbol})}


def a_claim(number: int, state: str, filled: int = 0, **more: Any) -> dict[str, Any]:
    ids = {"client_order_id": f"c{number}", "broker_order_id": f"b{number}", "reason": None}
    return {"recommendation_id": number, "state": state, "filled_qty": Decimal(filled), **ids, **more}


def an_execution(number: int, status: str, mode: str = "ALPACA_PAPER") -> dict[str, Any]:
    return {"recommendation_id": number, "status": status, "execution_mode": mode}


PAPER = frozenset({"ALPACA_PAPER"})
TRUE = Witnesses(
    account="large",
    book=Book(
        (an_order(1, "NFLX", "filled", 5), an_order(2, "DIS", "new", 0)), (a_request(1, "NFLX"), a_request(2, "DIS"))
    ),
    claims=(
        a_claim(1, "filled", 5),
        a_claim(2, "accepted"),
        a_claim(3, "refused", reason="stale", client_order_id=None, broker_order_id=None),
    ),
    executions=(an_execution(1, "EXECUTED"), an_execution(2, "ACCEPTED")),
    seen={
        1: Seen(("accepted", "filled"), "c1", statuses=("ACCEPTED", "EXECUTED"), modes=PAPER, filled=Decimal(5)),
        2: Seen(("accepted",), "c2", statuses=("ACCEPTED",), modes=PAPER),
        3: Seen(("refused",), reason="stale"),
    },
)


def with_orders(*orders: StandingOrder) -> Witnesses:
    return replace(TRUE, book=Book(orders, TRUE.book.requests))


def with_claim(number: int, **changed: Any) -> Witnesses:
    claims = [each | changed if each["recommendation_id"] == number else each for each in map(dict, TRUE.claims)]
    return replace(TRUE, claims=claims)


def with_seen(number: int, **changed: Any) -> Witnesses:
    return replace(TRUE, seen={**TRUE.seen, number: replace(TRUE.seen[number], **changed)})


def lies(check: Callable[..., list[Finding]], witnesses: Witnesses) -> list[str]:
    return [str(each) for each in check(FED, witnesses)]


def test_there_is_no_finding_when_all_three_tell_the_expected_story() -> None:
    assert (endings(FED, TRUE), no_strangers(FED, TRUE)) == ([], [])


BOUGHT, WAITING = TRUE.book.orders


@pytest.mark.parametrize(
    ("witnesses", "finding"),
    [
        (with_orders(WAITING), "by the exchange: expected one order under our id, saw no order under our id"),
        (with_orders(BOUGHT, BOUGHT, WAITING), "by the exchange: expected one order under our id, saw 2 orders"),
        (with_orders(replace(BOUGHT, status="new", filled_qty=Decimal(0)), WAITING), "expected filled, saw resting"),
        (with_orders(replace(BOUGHT, take_profit=Decimal("699.7462")), WAITING), "saw Prices(limit=Decimal('685.40')"),
        (with_orders(replace(BOUGHT, qty=Decimal(6)), WAITING), "quantity=Decimal('6')"),
        (with_orders(replace(BOUGHT, id="other"), WAITING), "expected other, saw b1"),
        (replace(TRUE, book=Book(TRUE.book.orders, (a_request(1, "NFLX"),) * 2)), "asked for 1 time, saw asked for 2"),
        (with_claim(1, state="accepted"), "by the database: expected filled, saw accepted"),
        (replace(TRUE, executions=[an_execution(2, "ACCEPTED")]), "saw (None, None)"),
        (replace(TRUE, executions=[an_execution(1, "EXECUTED", "SIMULATED")]), "saw ('EXECUTED', 'SIMULATED')"),
        (with_seen(1, states=("accepted",)), "by the log: expected filled, saw accepted"),
        (with_seen(1, filled=Decimal(4)), "by the log: expected 5, saw 4"),
        (with_seen(1, modes=frozenset({"SIMULATED"})), "frozenset({'SIMULATED'})"),
        (with_seen(2, statuses=("EXECUTED",)), "expected ('ACCEPTED', frozenset({'ALPACA_PAPER'})), saw ('EXECUTED'"),
        (with_claim(3, reason="malformed"), "expected ('refused', 'stale'), saw ('refused', 'malformed')"),
        (with_seen(3, states=("refused", "refused")), "saw (('refused', 'refused'), 'stale')"),
        (replace(TRUE, executions=[*TRUE.executions, an_execution(3, "EXECUTED")]), "expected no execution"),
        (replace(TRUE, claims=TRUE.claims[:2]), "expected ('refused', 'stale'), saw (None, None)"),
    ],
)
def test_an_ending_that_one_of_them_tells_differently_is_found(witnesses: Witnesses, finding: str) -> None:
    assert finding in "; ".join(lies(endings, witnesses))


def test_an_order_that_the_database_does_not_know_is_a_ghost() -> None:
    ghost = an_order(9, "SPY", "new", 0)

    assert lies(no_strangers, with_orders(BOUGHT, WAITING, ghost)) == [
        "order c9 for SPY of large: expected a claim in the database, saw none: a ghost"
    ]


def test_a_second_order_in_a_symbol_is_a_duplicate_whatever_its_id() -> None:
    witnesses = with_orders(BOUGHT, replace(BOUGHT, client_order_id="c2"), WAITING)

    assert lies(no_strangers, witnesses) == ["orders of large beyond the first per recommendation: expected 0, saw 1"]
    assert counts(FED, witnesses).duplicate == 1


def test_a_refused_recommendation_must_not_even_be_asked_for() -> None:
    witnesses = replace(TRUE, book=Book(TRUE.book.orders, (*TRUE.book.requests, a_request(3, "UBER"))))

    assert lies(no_strangers, witnesses) == ["requests for an order in UBER of large: expected none, saw 1"]


@pytest.mark.parametrize("state", ["claimed", "intended", "unknown"])
def test_a_claim_without_an_ending_is_found_and_counted(state: str) -> None:
    witnesses = with_claim(2, state=state)

    assert lies(no_strangers, witnesses) == [
        f"recommendation 2 at large: expected an ending in the database, saw {state}"
    ]
    assert counts(FED, witnesses) == Counts(accepted=1, rejected=0, refused=1, unknown=1, duplicate=0)


def test_endings_are_counted_by_the_database() -> None:
    assert counts(FED, TRUE) == Counts(accepted=2, rejected=0, refused=1, unknown=0, duplicate=0)
    assert counts(FED, with_claim(2, state="rejected")).rejected == 1
    assert counts(FED, with_claim(2, state="not_placed")).refused == 2


def test_the_counts_of_all_accounts_are_one() -> None:
    large, tiny = counts(FED, TRUE), counts(BROKEN, REJECTED)

    assert total((large, tiny)) == Counts(accepted=2, rejected=1, refused=1, unknown=0, duplicate=0)


def test_the_book_of_an_account_has_its_orders_and_its_requests_alone() -> None:
    other = replace(BOUGHT, account_number="PA2")
    book = Book((BOUGHT, other), (a_request(1, "NFLX"), a_request(1, "NFLX") | {"account": "PA2"}))

    assert book.of_account("PA2") == Book((other,), (a_request(1, "NFLX") | {"account": "PA2"},))


def test_a_secret_in_a_file_is_found_and_not_repeated() -> None:
    files = {"a.log": "password=hunter2", "b.log": "all is well", "c.log": "mode SIMULATED_FALLBACK"}

    found = [str(each) for each in no_secrets(files, {"database password": "hunter2"})]

    assert found == [
        "a.log: expected no secret, saw the database password",
        "c.log: expected no SIMULATED_FALLBACK, saw it",
    ]


def test_the_exchanges_state_is_read_with_the_legs_of_each_order() -> None:
    parent = {"parent": None, "role": "entry", "id": "b1", "client_order_id": "c1", "account": "PA1", "symbol": "NFLX"}
    parent |= {"side": "buy", "status": "filled", "qty": "5", "filled_qty": "5", "limit_price": "685.40"}
    target = parent | {"id": "t", "parent": "b1", "role": "take_profit", "limit_price": "699.75", "stop_price": None}
    stop = parent | {"id": "s", "parent": "b1", "role": "stop_loss", "limit_price": None, "stop_price": "678.55"}

    book = Book.of({"orders": [parent, target, stop], "order_requests": [a_request(1, "NFLX")]})

    assert book == Book((an_order(1, "NFLX", "filled", 5),), (a_request(1, "NFLX"),))


BROKEN = {1: Fed("off-tick", "it is rejected", Expected(End.REJECTED, reason="HTTP 422, code 42210000"), "META")}
REJECTED = Witnesses(
    account="tiny",
    book=Book((), (a_request(1, "META"),)),
    claims=(a_claim(1, "rejected"),),
    executions=(),
    seen={1: Seen(("rejected",), "c1", "HTTP 422, code 42210000")},
)


def test_an_order_that_the_exchange_must_reject_was_asked_for_once_and_stands_nowhere() -> None:
    assert endings(BROKEN, REJECTED) == []
    assert no_strangers(BROKEN, REJECTED) == []
    assert counts(BROKEN, REJECTED) == Counts(accepted=0, rejected=1, refused=0, unknown=0, duplicate=0)


def test_a_rejection_that_became_an_order_is_a_finding() -> None:
    stands = replace(REJECTED, book=Book((an_order(1, "META", "new", 0),), REJECTED.book.requests))

    assert [str(each) for each in endings(BROKEN, stands)] == [
        "off-tick (recommendation 1 at tiny), by the exchange: expected no order, saw one order"
    ]
