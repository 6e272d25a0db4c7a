"""The broker's JSON is read tolerantly, or is unreadable. It never raises anything else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.adapters import wire
from dispatcher.adapters.fields import UnreadableAnswerError
from dispatcher.core.held import Resting
from dispatcher.core.outcome import Accepted, BrokerOrder, Rejected, Unknown
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Asset
from tests.dispatcher.cases import MONDAY, NOW, session
from tests.dispatcher.told import CALL, FOUND, HIGHER, SPREAD, TOLD

READERS: dict[str, Callable[[Any], object]] = {
    "order": wire.order,
    "account": wire.account,
    "asset": wire.asset,
    "sights": wire.sights,
    "positions": wire.positions,
    "resting": wire.resting,
    "working": wire.working,
    "session": lambda document: wire.session(document, MONDAY),
    "clock": wire.clock,
}
KEYS = [
    *("id", "client_order_id", "status", "symbol", "side", "qty", "limit_price", "filled_qty", "filled_avg_price"),
    *("submitted_at", "account_number", "equity", "last_equity", "buying_power", "tradable", "shortable"),
    *(
        "legs",
        "ratio_qty",
        "position_intent",
        "borrow_status",
        "quotes",
        "bp",
        "ap",
        "market_value",
        "date",
        "open",
        "close",
        "timestamp",
    ),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["2026-11-23", "09:30", "0930", ":", "9:99", "1e999999", "0001-01-01T00:00:00+14:00"]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=12,
)


@pytest.mark.parametrize("reader", READERS)
@given(document=documents)
@settings(max_examples=80)
def test_any_document_is_read_or_unreadable(reader: str, document: Any) -> None:
    try:
        READERS[reader](document)
    except UnreadableAnswerError as error:
        assert 0 < len(str(error)) < 100  # noqa: PT017  either ending is right


@given(st.integers(400, 499), st.text() | documents.map(json.dumps))
def test_any_refusal_is_kept(status: int, body: str) -> None:
    rejected = wire.rejection(status, body)

    assert rejected.http_status == status
    assert rejected.code is None or isinstance(rejected.code, int)


@pytest.mark.parametrize("clock", ["9:99", "nine", "25:00", ""])
def test_a_session_with_an_unreadable_clock_is_unreadable(clock: str) -> None:
    with pytest.raises(UnreadableAnswerError):
        wire.session([{"date": "2026-11-23", "open": clock, "close": "16:00"}], MONDAY)


def test_a_time_at_the_edge_of_the_calendar_is_unreadable() -> None:
    with pytest.raises(UnreadableAnswerError):
        wire.clock({"timestamp": "0001-01-01T00:00:00+14:00"})


def test_an_order_is_read_whole() -> None:
    assert wire.order(TOLD) == FOUND


@pytest.mark.parametrize("key", ["id", "client_order_id", "status"])
def test_an_order_without_one_of_its_three_words_is_unreadable(key: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=key):
        wire.order(TOLD | {key: None})


def test_an_order_of_three_words_is_an_order() -> None:
    assert wire.order({"id": "1", "client_order_id": "2", "status": "new"}) == BrokerOrder("1", "2", "new")


@pytest.mark.parametrize(
    ("facts", "shortable"),
    [
        ({"shortable": True, "borrow_status": "easy_to_borrow"}, True),
        ({"shortable": True, "borrow_status": "hard_to_borrow", "easy_to_borrow": True}, False),
        ({"shortable": True, "easy_to_borrow": True}, True),
        ({"shortable": True, "easy_to_borrow": False}, False),
        ({"shortable": True}, False),
        ({"shortable": False, "borrow_status": "easy_to_borrow"}, False),
        ({"borrow_status": "easy_to_borrow"}, False),
    ],
)
def test_a_symbol_can_be_shorted_only_when_it_is_easy_to_borrow(facts: dict[str, Any], *, shortable: bool) -> None:
    assert wire.asset({"symbol": "X", "tradable": True} | facts) == Asset("X", tradable=True, shortable=shortable)


@pytest.mark.parametrize(
    ("facts", "tradable"),
    [
        ({"tradable": True}, True),
        ({"tradable": True, "status": "inactive"}, False),
        ({"tradable": False}, False),
        ({}, False),
    ],
)
def test_a_symbol_is_tradable_only_when_it_says_so(facts: dict[str, Any], *, tradable: bool) -> None:
    assert wire.asset({"symbol": "X"} | facts).tradable is tradable


ACCOUNT = {"account_number": "PA3", "equity": "1", "last_equity": "1", "buying_power": "1", "status": "ACTIVE"}


@pytest.mark.parametrize(
    ("facts", "blocked"),
    [
        ({}, False),
        ({"trading_blocked": True}, True),
        ({"account_blocked": True}, True),
        ({"trade_suspended_by_user": True}, True),
        ({"status": "ONBOARDING"}, True),
    ],
)
def test_an_account_that_may_not_trade_is_blocked(facts: dict[str, Any], *, blocked: bool) -> None:
    assert wire.account(ACCOUNT | facts).blocked is blocked


@pytest.mark.parametrize("key", ["account_number", "equity", "last_equity", "buying_power"])
@pytest.mark.parametrize("value", [None, "a lot", "NaN", "Infinity", True])
def test_an_account_whose_amounts_cannot_be_read_is_unreadable(key: str, value: Any) -> None:
    document = ACCOUNT | {key: None if key == "account_number" else value}

    with pytest.raises(UnreadableAnswerError, match=key):
        wire.account(document)


@pytest.mark.parametrize(
    ("quote", "sights"),
    [
        ({"bp": 1, "ap": 2.5, "t": "2026-11-23T15:00:00Z"}, {"KO": Sight(Decimal(1), Decimal("2.5"), NOW)}),
        ({"bp": 0, "ap": 2, "t": "2026-11-23T15:00:00Z"}, {"KO": Sight(Decimal(0), Decimal(2), NOW)}),
        ({"bp": None, "ap": 2, "t": "2026-11-23T15:00:00Z"}, {}),
        ({"bp": "NaN", "ap": 2, "t": "2026-11-23T15:00:00Z"}, {}),
        ({"bp": 1, "ap": 2}, {}),
    ],
)
def test_a_quote_that_lacks_a_side_or_its_time_is_none(quote: dict[str, Any], sights: dict[str, Sight]) -> None:
    assert wire.sights({"quotes": {"KO": quote}}) == sights
    assert wire.sights({"quotes": None}) == {}


def test_a_half_day_closes_when_the_broker_says_so() -> None:
    friday = session(MONDAY.replace(day=27), closes="13:00")

    told = [
        {"date": "2026-11-27", "open": "09:30", "close": "13:00"},
        {"date": "2026-11-30", "open": "1", "close": "2"},
    ]

    assert wire.session(told, friday.day) == friday


def test_a_holiday_has_no_session() -> None:
    assert wire.session([], MONDAY.replace(day=26)) is None


def test_nanoseconds_are_cut_and_times_are_utc() -> None:
    assert wire.clock({"timestamp": "2026-11-23T10:00:00.999999999-05:00"}) == datetime(
        2026, 11, 23, 15, 0, 0, 999999, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("changes", "resting"),
    [
        ({}, Resting(("AAPL",), buys=True, cost=Decimal(2_000))),
        ({"filled_qty": "4"}, Resting(("AAPL",), buys=True, cost=Decimal(1_200))),
        ({"side": "sell", "limit_price": None}, Resting(("AAPL",), buys=False, cost=Decimal(0))),
    ],
)
def test_an_open_order_rests_at_what_it_may_still_cost(changes: dict[str, Any], resting: Resting) -> None:
    assert wire.resting(TOLD | changes) == [resting]


@pytest.mark.parametrize(
    ("changes", "buys", "cost"),
    [
        ({}, True, "1500"),
        ({"filled_qty": "4"}, True, "900"),
        ({"limit_price": "-1.50"}, False, "0"),
    ],
    ids=["a debit", "partly filled", "money for nothing"],
)
def test_a_spread_rests_whole_with_its_legs(changes: dict[str, Any], buys: bool, cost: str) -> None:  # noqa: FBT001
    (resting,) = wire.resting(SPREAD | changes)

    assert resting == Resting((CALL, HIGHER), buys, Decimal(cost))


def test_a_credit_spread_rests_at_its_width_and_one_that_closes_at_nothing() -> None:
    near, far = SPREAD["legs"]
    turned = [
        near | {"side": "sell", "position_intent": "sell_to_open"},
        far | {"side": "buy", "position_intent": "buy_to_open"},
    ]
    closing = [
        near | {"side": "sell", "position_intent": "sell_to_close"},
        far | {"side": "buy", "position_intent": "buy_to_close"},
    ]

    assert [wire.resting(SPREAD | {"limit_price": "-1.50", "legs": legs})[0].cost for legs in (turned, closing)] == [
        Decimal(5_000),
        Decimal(0),
    ]


def test_legs_that_cannot_fill_rest_at_nothing() -> None:
    """A bracket's waiting legs, and the legs of an entry that has filled."""
    leg = TOLD | {"id": "leg", "side": "sell", "limit_price": "210"}
    waiting = TOLD | {"legs": [leg | {"status": "held"}]}
    filled = TOLD | {"status": "filled", "filled_qty": "10", "legs": [leg, leg | {"status": "held"}]}

    assert wire.resting(waiting) == [Resting(("AAPL",), buys=True, cost=Decimal(2_000))]
    assert wire.resting(filled) == [Resting(("AAPL",), buys=False, cost=Decimal(2_100))]


@pytest.mark.parametrize("legs", [None, [], [TOLD | {"symbol": ""}]])
def test_a_spread_of_which_nobody_can_say_what_it_costs_is_not_readable(legs: object) -> None:
    with pytest.raises(UnreadableAnswerError):
        wire.resting(SPREAD | {"legs": legs})


def test_a_refusal_keeps_the_keys_beyond_code_and_message() -> None:
    body = '{"code": 40310000, "message": "insufficient qty", "available": "0", "related_orders": ["a"]}'

    assert wire.rejection(403, body) == Rejected(
        403, 40310000, "insufficient qty", {"available": "0", "related_orders": ["a"]}
    )


def test_of_each_position_that_was_to_be_closed_the_answer_counts_by_itself() -> None:
    taken = {"id": "1", "client_order_id": "c", "status": "pending_new", "symbol": "AAPL"}
    refused = {"code": 40310000, "message": "insufficient qty available"}
    answer = [
        {"symbol": "AAPL", "status": 200, "body": taken},
        {"symbol": "MSFT", "status": 403, "body": refused},
        {"symbol": "ADBE", "status": 500, "body": None},
        {"symbol": "SNDL", "status": 200, "body": {}},
    ]

    found = wire.closings(answer)

    assert found["AAPL"] == Accepted(wire.order(taken))
    assert found["MSFT"] == Rejected(403, 40310000, "insufficient qty available", {})
    assert [type(found[symbol]) for symbol in ("ADBE", "SNDL")] == [Unknown, Unknown]
