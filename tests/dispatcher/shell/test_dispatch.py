"""The walk: each answer of the broker has its ending in the books and in the log, and there is exactly one."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from contract import events
from contract.environment import ExecutionMode
from contract.events import ExecutionStatus
from contract.limits import TradingState
from dispatcher.core.order import ENTRY, client_order_id
from dispatcher.core.outcome import Absent, Duplicate, NotSent, Outcome, Rejected, Throttled, Unknown
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.standing import Asset
from dispatcher.core.state import State
from dispatcher.ports import BrokerThrottledError, BrokerUnavailableError, LostAuthorityError
from dispatcher.shell.aside import Start, at_once
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.reconcile import resend, resolve
from dispatcher.shell.truth import Truth
from tests.dispatcher.cases import NOW, account, at_broker, order, plan, recommendation
from tests.dispatcher.desks import Shop
from tests.fakes.broker import away

T = TypeVar("T")
ID = client_order_id(recommendation(id=1), "large", ENTRY)
REJECTED = Rejected(403, 40310000, "insufficient buying power", {"buying_power": "5"})
ENDINGS = {"recommendation_refused", "order_rejected", "execution_recorded"}


def walk(at_work: Shop, *outcomes: Outcome) -> None:
    """One good recommendation, and the broker's answers to it."""
    at_work.recommend()
    at_work.broker.outcomes = list(outcomes)
    assert dispatch(at_work.desk)


def test_without_a_recommendation_there_is_nothing_to_do(at_work: Shop) -> None:
    assert not dispatch(at_work.desk)
    assert (at_work.said, at_work.broker.asked) == ([], [])


def later(jobs: list[Callable[[], object]]) -> Start:
    """Begins nothing: every thread aside has something to do."""

    def start(job: Callable[[], T], /) -> "Future[T]":
        jobs.append(job)
        return Future()

    return start


@pytest.mark.parametrize("busy", [False, True], ids=["a thread to spare", "every thread busy"])
def test_of_what_upstream_is_known_to_have_written_a_quote_is_asked_for_beside_the_claim(
    at_work: Shop, *, busy: bool
) -> None:
    begun: list[Callable[[], object]] = []
    at_work.desk.spare = later(begun) if busy else at_once
    at_work.broker.listed = {"AAPL": Asset("AAPL", tradable=True, shortable=True)}
    at_work.desk.truth = Truth(at_work.broker, at_work.clock.broker, 5, Catalog(at_work.clock))
    at_work.desk.truth.refresh()
    at_work.broker.asked.clear()
    asked_by: dict[str, tuple[str, ...]] = {}

    def remember(state: str) -> None:
        asked_by[state] = tuple(at_work.broker.asked)

    at_work.ledger.wrote = remember
    at_work.ledger.tickers = {"AAPL", "NOPE"}

    walk(at_work)

    assert asked_by[State.CLAIMED] == (("quotes of AAPL",) if busy else ())
    assert asked_by[State.ACCEPTED] == ("quotes of AAPL",)
    assert (len(begun), at_work.ledger.states()) == (int(busy), {1: State.ACCEPTED})


def test_without_a_thread_to_spare_nothing_is_asked_for_ahead(at_work: Shop) -> None:
    at_work.broker.listed = {"AAPL": Asset("AAPL", tradable=True, shortable=True)}
    at_work.desk.truth = Truth(at_work.broker, at_work.clock.broker, 5, Catalog(at_work.clock))
    at_work.desk.truth.refresh()
    at_work.broker.asked.clear()
    at_work.ledger.tickers = {"AAPL"}

    assert not dispatch(at_work.desk)
    assert at_work.broker.asked == []


def test_a_lease_that_was_lost_is_heard_of_from_a_claim_made_aside_too(at_work: Shop) -> None:
    at_work.desk.spare, at_work.ledger.lost, at_work.ledger.tickers = at_once, True, {"AAPL"}

    with pytest.raises(LostAuthorityError):
        dispatch(at_work.desk)


def test_an_accepted_order_is_booked_and_told_with_its_execution(at_work: Shop) -> None:
    walk(at_work)

    (sent,) = at_work.broker.sent
    assert (sent.client_order_id, sent.quantity) == (ID, 100)
    assert at_work.ledger.states() == {1: State.ACCEPTED}
    assert at_work.said == [
        events.OrderAccepted(
            account="large",
            recommendation_id=1,
            client_order_id=ID,
            symbol="AAPL",
            broker_order_id=f"broker-{ID}",
            side="buy",
            qty=Decimal(100),
            limit_price=Decimal(200),
            take_profit=Decimal(210),
            stop_loss=Decimal(195),
            broker_status="new",
            milliseconds=Decimal("0.0"),
        ),
        events.ExecutionRecorded(
            account="large",
            execution_id="execution-1",
            recommendation_id=1,
            symbol="AAPL",
            status=ExecutionStatus.ACCEPTED,
            execution_mode=ExecutionMode.ALPACA_PAPER,
            qty=Decimal(100),
            filled_qty=Decimal(0),
            filled_avg_price=None,
        ),
    ]


def test_a_rejected_order_is_booked_and_told_whole(at_work: Shop) -> None:
    walk(at_work, REJECTED)

    assert at_work.ledger.states() == {1: State.REJECTED}
    assert at_work.said == [
        events.OrderRejected(
            account="large",
            recommendation_id=1,
            client_order_id=ID,
            symbol="AAPL",
            http_status=403,
            code=40310000,
            message="insufficient buying power",
            extra='{"buying_power": "5"}',
        )
    ]


def test_an_unknown_answer_is_neither_success_nor_failure(at_work: Shop) -> None:
    walk(at_work, Unknown("read timed out"))

    assert at_work.ledger.states() == {1: State.UNKNOWN}
    assert at_work.said == [
        events.OrderUnknown(
            account="large", recommendation_id=1, client_order_id=ID, symbol="AAPL", why="read timed out"
        )
    ]
    assert len(at_work.broker.sent) == 1


def test_a_row_that_cannot_be_read_is_refused_and_no_broker_is_asked(at_work: Shop) -> None:
    at_work.recommend(action=None)

    dispatch(at_work.desk)

    detail = "action: None is neither BUY nor SELL, nor both words in one as BUY_CALL"
    assert at_work.said == [
        events.RecommendationRefused(
            account="large", recommendation_id=1, symbol="AAPL", reason=Reason.MALFORMED, detail=detail
        )
    ]
    assert at_work.ledger.books[1].why == Refusal(Reason.MALFORMED, detail)
    assert at_work.broker.asked == []


def test_a_stale_row_is_refused_even_while_the_broker_is_away(at_work: Shop) -> None:
    at_work.recommend(created_at=NOW - timedelta(seconds=301))
    at_work.broker.away = away()

    dispatch(at_work.desk)

    assert at_work.said == [
        events.RecommendationRefused(
            account="large",
            recommendation_id=1,
            symbol="AAPL",
            reason=Reason.STALE,
            detail=Reason.STALE.meaning,
            observed="301.0 s",
            threshold="300.0 s",
        )
    ]
    assert at_work.broker.asked == []


def test_a_bracket_that_rounding_broke_is_refused_and_nothing_is_sent(at_work: Shop) -> None:
    at_work.recommend(reason={"plan": plan(entry=Decimal("195.001"))})

    dispatch(at_work.desk)

    assert at_work.ledger.states() == {1: State.REFUSED}
    assert at_work.broker.sent == []


def test_the_intent_is_in_the_books_before_a_byte_is_sent(at_work: Shop) -> None:
    seen: list[object] = []
    at_work.broker.before_submit = lambda: seen.append(at_work.ledger.states())

    walk(at_work)

    assert seen == [{1: State.INTENDED}]


def test_nothing_is_sent_when_the_lease_runs_out_after_the_intent(at_work: Shop) -> None:
    at_work.ledger.wrote = lambda state: at_work.lose_the_lease() if state == State.INTENDED else None

    walk(at_work)

    assert at_work.broker.sent == []
    assert at_work.ledger.states() == {1: State.INTENDED}
    assert at_work.said == []


def test_nothing_is_sent_when_the_intent_finds_the_lease_lost(at_work: Shop) -> None:
    def take_the_lease_away(state: str) -> None:
        at_work.ledger.lost = state == State.CLAIMED

    at_work.ledger.wrote = take_the_lease_away
    at_work.recommend()

    with pytest.raises(LostAuthorityError):
        dispatch(at_work.desk)

    assert (at_work.broker.sent, at_work.ledger.states()) == ([], {1: State.CLAIMED})


def test_a_claim_is_given_back_when_the_broker_is_away_before_the_intent(at_work: Shop) -> None:
    at_work.recommend()
    at_work.broker.away = away(2.0)

    with pytest.raises(BrokerUnavailableError):
        dispatch(at_work.desk)

    assert (at_work.ledger.books, at_work.said) == ({}, [])
    assert not dispatch(at_work.desk)


def test_a_claim_given_back_is_taken_up_again_after_a_while(at_work: Shop) -> None:
    at_work.recommend()
    at_work.broker.away = away(2.0)
    with pytest.raises(BrokerUnavailableError):
        dispatch(at_work.desk)
    at_work.broker.away = None
    at_work.clock.pass_by(5.0)

    assert dispatch(at_work.desk)
    assert at_work.ledger.states() == {1: State.ACCEPTED}


def test_while_the_budget_has_no_request_for_entries_none_is_taken_up_and_everything_else_goes_on(
    at_work: Shop,
) -> None:
    at_work.recommend()
    at_work.recommend(ticker="MSFT")
    at_work.broker.away = BrokerThrottledError("quote", "the budget is spent", 30.0)

    tried = dispatch(at_work.desk)
    at_work.broker.away = None
    waiting = dispatch(at_work.desk)
    at_work.clock.pass_by(30.0)

    assert (tried, waiting, at_work.words()) == (True, False, ["broker_unavailable"])
    assert dispatch(at_work.desk)
    assert dispatch(at_work.desk)
    assert set(at_work.ledger.states().values()) == {State.ACCEPTED}


@pytest.mark.parametrize(
    ("outcome", "why", "seconds"),
    [
        (Throttled(11.0), "the broker's rate limit", 11.0),
        (NotSent("connection refused"), "connection refused", 1.0),
    ],
)
def test_what_was_surely_not_placed_is_sent_again_under_the_same_id_after_the_wait(
    at_work: Shop, outcome: Outcome, why: str, seconds: float
) -> None:
    walk(at_work, outcome)
    resend(at_work.desk)
    too_early = len(at_work.broker.sent)
    at_work.clock.pass_by(seconds)
    resend(at_work.desk)

    assert too_early == 1
    assert [each.client_order_id for each in at_work.broker.sent] == [ID, ID]
    assert at_work.said[0] == events.OrderDelayed(
        account="large",
        recommendation_id=1,
        client_order_id=ID,
        symbol="AAPL",
        why=why,
        retry_seconds=Decimal(str(seconds)),
    )
    assert at_work.words() == ["order_delayed", "order_accepted", "execution_recorded"]
    assert at_work.ledger.states() == {1: State.ACCEPTED}


def test_what_was_never_placed_while_fresh_ends_as_not_placed(at_work: Shop) -> None:
    walk(at_work, Throttled(60.0))
    at_work.clock.pass_by(301)
    resend(at_work.desk)

    assert len(at_work.broker.sent) == 1
    assert at_work.ledger.states() == {1: State.NOT_PLACED}
    assert at_work.said[1] == events.RecommendationRefused(
        account="large",
        recommendation_id=1,
        symbol="AAPL",
        reason=Reason.NOT_SENT_IN_TIME,
        detail="not placed while it was fresh",
    )


def test_what_was_never_placed_is_not_sent_again_by_a_halted_account(at_work: Shop) -> None:
    walk(at_work, Throttled(2.0))
    at_work.switch.halt("a person said so")
    at_work.clock.pass_by(2)
    resend(at_work.desk)

    assert (len(at_work.broker.sent), at_work.ledger.states()) == (1, {1: State.NOT_PLACED})


def test_a_duplicate_that_is_what_we_meant_is_adopted(at_work: Shop) -> None:
    at_work.broker.finds = [at_broker(order(client_order_id=ID, quantity=100))]

    walk(at_work, Duplicate())

    assert at_work.words() == ["order_accepted", "execution_recorded"]
    assert at_work.ledger.states() == {1: State.ACCEPTED}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": Decimal(99)}, "another order has our id"),
        ({"symbol": "MSFT"}, "another order has our id"),
        ({"submitted_at": NOW - timedelta(seconds=3)}, "another order has our id"),
    ],
)
def test_a_duplicate_that_is_not_what_we_meant_is_not_adopted_and_halts_the_account(
    at_work: Shop, changes: dict[str, object], why: str
) -> None:
    at_work.broker.finds = [at_broker(order(client_order_id=ID, quantity=100), **changes)]

    walk(at_work, Duplicate())

    assert at_work.said == [
        events.OrderUnknown(account="large", recommendation_id=1, client_order_id=ID, symbol="AAPL", why=why)
    ]
    assert at_work.switch.order().state is TradingState.HALTED


@pytest.mark.parametrize(
    ("found", "why"),
    [(Absent(), "the id is taken, and no order known of it"), (Unknown("HTTP 504: "), "HTTP 504: ")],
)
def test_a_duplicate_that_cannot_be_looked_up_is_unknown(at_work: Shop, found: Absent | Unknown, why: str) -> None:
    at_work.broker.finds = [found]

    walk(at_work, Duplicate())

    assert at_work.ledger.books[1].why == why
    assert at_work.switch.order().state is TradingState.ACTIVE


def test_a_second_recommendation_sees_the_first_in_flight(at_work: Shop) -> None:
    walk(at_work, Unknown("timeout"))
    at_work.recommend()

    dispatch(at_work.desk)

    assert [event.reason for event in at_work.said if isinstance(event, events.RecommendationRefused)] == [
        Reason.DUPLICATE_POSITION
    ]


def test_many_rejections_halt_the_account(at_work: Shop) -> None:
    at_work.open_desk(halt_after_rejections=2)
    for symbol in ("AAPL", "MSFT", "KO"):
        at_work.recommend(ticker=symbol)
    at_work.broker.outcomes = [REJECTED, REJECTED]

    while dispatch(at_work.desk):
        pass

    assert sorted(at_work.ledger.states().values()) == [State.NOT_PLACED, State.REJECTED, State.REJECTED]
    assert len(at_work.broker.sent) == 2
    assert at_work.switch.order().why.startswith("2 rejections by the broker within 0:10:00")


def test_a_daily_loss_halts_the_account(at_work: Shop) -> None:
    at_work.broker.truth = account(equity=Decimal(97_000))

    walk(at_work)

    assert at_work.ledger.states() == {1: State.REFUSED}
    assert at_work.switch.order().why == "daily loss $3,000.00, limit $2,000.00"


@pytest.mark.parametrize(
    "outcomes",
    [
        [],
        [REJECTED],
        [Throttled(1.0)],
        [NotSent("refused"), Throttled(1.0)],
        [Unknown("timeout")],
        [Unknown("timeout"), Unknown("timeout again")],
        [Unknown("timeout"), REJECTED],
        [Throttled(1.0), Unknown("timeout"), NotSent("refused"), REJECTED],
        [Duplicate()],
    ],
    ids=str,
)
@pytest.mark.parametrize("lost", [True, False])
def test_however_it_went_there_is_exactly_one_ending(at_work: Shop, outcomes: list[Outcome], *, lost: bool) -> None:
    at_work.broker.lost = lost
    walk(at_work, *outcomes)
    for _ in range(20):
        at_work.clock.pass_by(1.5)
        resend(at_work.desk)
        resolve(at_work.desk)

    assert len([word for word in at_work.words() if word in ENDINGS]) == 1
    assert at_work.ledger.unresolved() == []
    stands = [each for each in at_work.broker.orders.values() if each.client_order_id == ID]
    assert len(stands) == (at_work.ledger.states()[1] is State.ACCEPTED)


def test_the_counts_are_what_happened_and_start_again(at_work: Shop) -> None:
    for symbol in ("AAPL", "MSFT", "KO", None):
        at_work.recommend(ticker=symbol)
    at_work.broker.outcomes = [Unknown("timeout"), REJECTED]
    while dispatch(at_work.desk):
        pass

    counts = [at_work.desk.counts.take(), at_work.desk.counts.take()]

    assert counts == [
        {"considered": 4, "refused": 1, "accepted": 1, "rejected": 1, "unknown": 1, "refused_by": '{"malformed": 1}'},
        {"considered": 0, "refused": 0, "accepted": 0, "rejected": 0, "unknown": 0, "refused_by": "{}"},
    ]
