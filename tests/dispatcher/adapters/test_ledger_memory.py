"""What the books remember, and what they show downstream."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.core.standing import History
from dispatcher.core.state import State
from dispatcher.ports import Channel, Claim, Concluded, OpenOrder
from tests.dispatcher.books import (
    PATHS,
    REJECTED,
    Books,
    accepting,
    claimed,
    claims,
    executed,
    intended,
    meant,
    placed,
)
from tests.dispatcher.cases import NOW, order

MANY_AT_ONCE = """
INSERT INTO dispatch_recommendations (created_at, ticker, action, instrument_type)
SELECT now(), 'T' || n, 'BUY', 'STOCK' FROM generate_series(1, %s) n RETURNING id
"""

pytestmark = pytest.mark.world


def brought_to(books: Books, state: State) -> tuple[PostgresLedger, Claim]:
    books.recommend()
    ledger = books.ledger()
    claim = claimed(ledger)
    for step in PATHS[state]:
        step(ledger, claim, placed(claim))
    assert books.state(claim.recommendation_id) == state
    return ledger, claim


def test_an_order_without_an_ending_is_remembered_whole(books: Books) -> None:
    number = books.recommend()
    ledger = books.ledger()
    claim = claimed(ledger)
    ledger.intend([meant(claim, order(), Decimal("2000.50"))], NOW)

    remembered = OpenOrder(
        number, NOW, order(), State.INTENDED, NOW, NOW, Decimal("2000.50"), None, Decimal(0), priced_at=NOW
    )
    assert (ledger.unresolved(), ledger.live()) == ([remembered], [])


def test_the_same_order_id_cannot_be_intended_twice(books: Books) -> None:
    books.recommend()
    books.recommend()
    ledger = books.ledger()
    ledger.intend([meant(claimed(ledger), order())], NOW)

    with pytest.raises(Exception, match="client_order_id"):
        ledger.intend([meant(claimed(ledger), order())], NOW)


def test_an_execution_is_written_in_the_originals_shape(books: Books) -> None:
    number = books.recommend()
    ledger = books.ledger()
    claim, sent = intended(ledger)
    told = executed(sent, status="filled", filled_quantity=Decimal(10), filled_average_price=Decimal("199.99"))

    ids = ledger.conclude([Concluded(claim.recommendation_id, told)], NOW)

    (row,) = books.rows("SELECT * FROM dispatch_executions")
    said = {key: value for key, value in row.items() if value is not None}
    assert said == {
        "execution_id": row["execution_id"],
        "recommendation_id": number,
        "ticker": "AAPL",
        "action": "BUY",
        "decision_ts": NOW,
        "simulated_ts": NOW,
        "entry_price": Decimal("199.99"),
        "fill_model": "ALPACA_PAPER",
        "qty": Decimal(10),
        "notional": Decimal(2_000),
        "stop_loss_price": Decimal(195),
        "take_profit_price": Decimal(210),
        "execution_mode": "ALPACA_PAPER",
        "account_name": "large",
        "explain_json": {"client_order_id": sent.client_order_id},
        "risk_json": [],
        "instrument_type": "STOCK",
        "strategy_type": "swing_trade",
        "side": "buy",
        "status": "EXECUTED",
        "broker_order_id": told.broker_order_id,
        "executed_at": NOW,
        "filled_qty": Decimal(10),
    }
    assert ids == {number: str(row["execution_id"])}


def test_one_order_has_one_execution_row_that_follows_it(books: Books) -> None:
    books.recommend()
    ledger = books.ledger()
    claim, sent = intended(ledger)
    accepting("new")(ledger, claim, sent)
    first = books.rows("SELECT execution_id, status, filled_qty, executed_at FROM dispatch_executions")
    filled = executed(sent, status="filled", filled_quantity=Decimal(10), filled_average_price=Decimal("199.99"))

    followed = Concluded(claim.recommendation_id, filled, was=(State.ACCEPTED,))
    ledger.conclude([followed], NOW + timedelta(seconds=9))

    assert [(row["status"], row["filled_qty"], row["executed_at"]) for row in first] == [("ACCEPTED", 0, None)]
    assert books.rows("SELECT execution_id, status, filled_qty, executed_at FROM dispatch_executions") == [
        {
            "execution_id": first[0]["execution_id"],
            "status": "EXECUTED",
            "filled_qty": 10,
            "executed_at": NOW + timedelta(seconds=9),
        }
    ]


def test_an_order_the_broker_rejects_after_accepting_it_ends_in_the_books(books: Books) -> None:
    books.recommend()
    ledger = books.ledger()
    claim, sent = intended(ledger)
    accepting("new")(ledger, claim, sent)

    rejected = executed(sent, status="rejected")
    ledger.conclude([Concluded(claim.recommendation_id, rejected, was=(State.ACCEPTED,))], NOW)

    assert books.state(claim.recommendation_id) == "rejected"


def test_a_rejection_is_kept_whole(books: Books) -> None:
    books.recommend()
    ledger = books.ledger()
    claim, _ = intended(ledger)

    ledger.reject(claim.recommendation_id, REJECTED, NOW)

    assert books.rows("SELECT state, reason, http_status, code, extra FROM dispatch_claims") == [
        {
            "state": "rejected",
            "reason": "insufficient buying power",
            "http_status": 403,
            "code": 40310000,
            "extra": {"buying_power": "0"},
        }
    ]


def test_the_history_of_a_symbol_counts_what_may_have_been_placed(books: Books) -> None:
    ledger = books.ledger()
    for state in State:
        books.recommend()
        claim = claimed(ledger)
        for step in PATHS[state]:
            step(ledger, claim, placed(claim))

    never = {State.CLAIMED, State.REFUSED, State.NOT_PLACED, State.REJECTED}
    for ticker in ("AAPL", "MSFT"):
        books.recommend(ticker=ticker)
    aapl, msft = claims(ledger, most=2)
    books.recommend()
    (later,) = claims(ledger, since=NOW + timedelta(seconds=1))
    assert aapl.history == History(len(set(State) - never), NOW)
    assert msft.history == later.history == History()


def test_rejections_are_counted_since_a_moment(books: Books) -> None:
    ledger, _ = brought_to(books, State.REJECTED)

    assert [ledger.rejections(NOW), ledger.rejections(NOW + timedelta(seconds=1))] == [1, 0]


def test_a_written_recommendation_wakes_who_waits(books: Books) -> None:
    ledger = books.ledger()
    books.recommend()

    assert [ledger.wait(5), ledger.wait(0)] == [{Channel.RECOMMENDATIONS}, frozenset()]


def test_who_is_woken_knows_already_what_was_written_of(books: Books) -> None:
    ledger = books.ledger()
    books.recommend(ticker="AAPL")

    assert ledger.wait(5)
    assert [ledger.expected(), ledger.expected()] == [{"AAPL"}, frozenset()]


def test_of_many_rows_written_at_once_a_part_is_told_and_all_are_there(books: Books) -> None:
    ledger = books.ledger()
    books.rows(MANY_AT_ONCE, 1000)

    assert ledger.wait(5)
    assert len(ledger.expected()) == 32
    assert [row["written"] for row in books.rows("SELECT count(*) AS written FROM dispatch_recommendations")] == [1000]


@pytest.mark.parametrize("ticker", [None, "", "\n", "A" * 10_000, "\N{SNOWMAN}" * 5_000])
def test_no_ticker_keeps_upstream_from_writing(books: Books, ticker: str | None) -> None:
    ledger = books.ledger()
    books.recommend(ticker=ticker)

    assert ledger.wait(5)
    assert ledger.expected() == {(ticker or "")[:32]}


@pytest.mark.parametrize(("account", "heard"), [("large", {Channel.FILLS}), ("tiny", set())])
def test_a_fill_that_the_position_manager_saw_is_heard_by_its_own_account(
    books: Books, account: str, heard: set[Channel]
) -> None:
    ledger = books.ledger()
    books.rows("SELECT pg_notify('dispatch_fills', %s)", account)

    assert ledger.wait(5) == heard


def test_the_newest_input_is_the_last_written(books: Books) -> None:
    ledger = books.ledger()
    nothing = ledger.newest_input()
    books.recommend()

    assert [nothing, ledger.newest_input()] == [None, NOW]


def test_what_upstream_wrote_a_day_before_the_account_first_traded_is_history(books: Books) -> None:
    old = books.recommend(created_at=NOW - timedelta(hours=25))
    young = books.recommend(created_at=NOW - timedelta(hours=23))
    ledger = books.as_left(epoch=books.lease())

    before = claims(ledger)
    ledger.begin(NOW)

    assert before == ()
    assert claimed(ledger).recommendation_id == young
    assert claims(ledger) == ()
    assert books.state(old) is None
