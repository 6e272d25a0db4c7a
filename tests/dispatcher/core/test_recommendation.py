"""A row is read once at the door. What cannot be read is refused by the name of its field, whatever it is."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.limits import Action
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Plan, Recommendation, Strategy, read
from tests.dispatcher.cases import NOW, plan, row

LEGACY = Path(__file__).parents[4] / "shared" / "data" / "legacy" / "rows.json"
FIELDS = (
    "created_at",
    "ticker",
    "action",
    "instrument_type",
    "strategy_type",
    "confidence",
    "reason",
    "features_snapshot",
)
PLAN_FIELDS = ("entry", "stop_loss", "take_profit", "quantity")
SANE = 160
"""Characters in a log line's detail that a person still reads."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False) | st.just(Decimal("NaN")),
    st.floats(),
    st.text(max_size=100),
    st.sampled_from([NOW, NOW.replace(tzinfo=None), datetime.max.replace(tzinfo=UTC)]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


def refused(detail: str) -> Refusal:
    return Refusal(Reason.MALFORMED, detail)


def test_a_good_row_is_read_whole() -> None:
    assert read(row()) == Recommendation(
        id=7,
        created_at=NOW,
        symbol="AAPL",
        action=Action.BUY_STOCK,
        confidence=Decimal("0.6"),
        plan=Plan(Decimal("200.0"), Decimal("195.0"), Decimal("210.0"), quantity=None),
        volatility=Decimal("1.0"),
        strategy=Strategy.SWING_TRADE,
    )


def test_a_row_without_a_plan_or_features_is_read_and_says_so() -> None:
    bare = read(row(reason=None, features_snapshot=None, confidence=None))

    assert isinstance(bare, Recommendation)
    assert (bare.plan, bare.volatility, bare.confidence) == (None, None, None)


def test_a_time_in_any_zone_is_read_as_the_same_moment_in_utc() -> None:
    here = read(row(created_at=datetime.fromisoformat("2026-11-23T10:00:00-05:00")))

    assert isinstance(here, Recommendation)
    assert (here.created_at, here.created_at.tzinfo) == (NOW, UTC)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"action": None}, "action: None is neither BUY nor SELL, nor both words in one as BUY_CALL"),
        ({"action": "buy"}, "action: 'buy' is neither BUY nor SELL, nor both words in one as BUY_CALL"),
        (
            {"action": "STRADDLE"},
            "action: 'STRADDLE' is neither BUY nor SELL, nor both words in one as BUY_CALL",
        ),
        ({"action": "BUY_CALL"}, "instrument_type: 'STOCK' contradicts the action BUY_CALL"),
        ({"action": "SELL_PUT", "instrument_type": "CALL"}, "instrument_type: 'CALL' contradicts the action SELL_PUT"),
        ({"instrument_type": None}, "instrument_type: None is none of STOCK, CALL, PUT"),
        (
            {"strategy_type": "scalp"},
            "strategy_type: 'scalp' is none of day_trade, swing_trade, conservative",
        ),
        ({"strategy_type": []}, "strategy_type: [] is none of day_trade, swing_trade, conservative"),
        ({"ticker": None}, "ticker: None is not a stock symbol"),
        ({"ticker": ""}, "ticker: '' is not a stock symbol"),
        ({"ticker": "aapl"}, "ticker: 'aapl' is not a stock symbol"),
        ({"ticker": "AAPL\n"}, "ticker: 'AAPL\\n' is not a stock symbol"),
        ({"ticker": "../account"}, "ticker: '../account' is not a stock symbol"),
        ({"ticker": "A" * 500}, f"ticker: '{'A' * 56}... is not a stock symbol"),
        ({"created_at": None}, "created_at: None is not a time with a zone"),
        ({"created_at": "2026-11-23T15:00:00Z"}, "created_at: '2026-11-23T15:00:00Z' is not a time with a zone"),
        ({"confidence": 1.5}, "confidence: 1.5 is not between 0 and 1"),
        ({"confidence": float("nan")}, "confidence: nan is not between 0 and 1,000,000,000"),
        ({"reason": "bullish"}, "reason: 'bullish' is not an object"),
        ({"reason": {"plan": [200]}}, "reason.plan: [200] is not an object"),
        ({"features_snapshot": []}, "features_snapshot: [] is not an object"),
        ({"features_snapshot": {"vol_ratio": "1"}}, "features_snapshot.vol_ratio: '1' is not a number"),
        ({"features_snapshot": {"vol_ratio": 0}}, "features_snapshot.vol_ratio: 0 is not between 0 and 1,000,000,000"),
    ],
)
def test_a_malformed_row_is_refused_by_the_name_of_its_field(changes: dict[str, Any], detail: str) -> None:
    assert read(row(**changes)) == refused(detail)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"entry": None}, "reason.plan.entry: None is not a number"),
        ({"entry": "200"}, "reason.plan.entry: '200' is not a number"),
        ({"entry": True}, "reason.plan.entry: True is not a number"),
        ({"entry": float("inf")}, "reason.plan.entry: inf is not between 0 and 1,000,000,000"),
        ({"entry": 10**9}, "reason.plan.entry: 1000000000 is not between 0 and 1,000,000,000"),
        ({"stop_loss": -1}, "reason.plan.stop_loss: -1 is not between 0 and 1,000,000,000"),
        ({"take_profit": {}}, "reason.plan.take_profit: {} is not a number"),
        ({"quantity": 0}, "reason.plan.quantity: 0 is not between 0 and 1,000,000,000"),
        ({"quantity": 1.5}, "reason.plan.quantity: 1.5 is not a whole number of shares"),
    ],
)
def test_a_malformed_plan_is_refused_by_the_name_of_its_field(changes: dict[str, Any], detail: str) -> None:
    assert read(row(reason={"plan": plan(**changes)})) == refused(detail)


def test_a_plan_without_one_of_its_prices_is_refused() -> None:
    prices = plan()
    del prices["stop_loss"]

    assert read(row(reason={"plan": prices})) == refused("reason.plan.stop_loss: None is not a number")


@pytest.mark.parametrize(
    "edge",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime.min.replace(tzinfo=timezone(timedelta(1 / 2))),
    ],
)
def test_a_time_beyond_the_calendar_is_refused(edge: datetime) -> None:
    assert read(row(created_at=edge)) == refused(f"created_at: {repr(edge)[:57]}... is no moment of the calendar")


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
@settings(max_examples=500)
def test_any_row_is_read_or_refused_by_a_field_and_never_raises(changes: dict[str, Any]) -> None:
    answer = read(row(**changes))

    assert isinstance(answer, Recommendation) or (
        answer.reason is Reason.MALFORMED and answer.detail.startswith(FIELDS) and len(answer.detail) <= SANE
    )


@given(st.dictionaries(st.sampled_from(PLAN_FIELDS), anything))
@settings(max_examples=500)
def test_any_plan_is_read_or_refused_by_a_field_and_never_raises(changes: dict[str, Any]) -> None:
    answer = read(row(reason={"plan": plan(**changes)}))

    assert isinstance(answer, Recommendation) or (
        answer.detail.startswith(tuple(f"reason.plan.{field}: " for field in PLAN_FIELDS))
        and len(answer.detail) <= SANE
    )


@pytest.mark.parametrize("digits", [4_000, 5_000, 100_000])
def test_a_number_of_any_length_is_refused_in_few_words(digits: int) -> None:
    answer = read(row(reason={"plan": plan(entry=10**digits)}))

    assert isinstance(answer, Refusal)
    assert answer.detail.startswith("reason.plan.entry: ")
    assert len(answer.detail) <= SANE


@pytest.mark.skipif(not LEGACY.exists(), reason="the original system's rows are not beside the repository")
def test_a_row_of_the_original_system_is_read() -> None:
    table = json.loads(LEGACY.read_text(encoding="utf-8"), parse_float=Decimal)["dispatch_recommendations"]
    table["created_at"] = datetime.fromisoformat(table["created_at"])

    assert read(table) == Recommendation(
        id=5870,
        created_at=datetime(2026, 2, 3, 19, 5, 12, tzinfo=UTC),
        symbol="ADBE",
        action=Action.BUY_PUT,
        confidence=Decimal("0.57"),
        plan=None,
        volatility=Decimal("0.95"),
        strategy=Strategy.SWING_TRADE,
    )


@pytest.mark.parametrize(
    ("action", "instrument", "meant"),
    [
        ("BUY", "CALL", Action.BUY_CALL),
        ("SELL", "PUT", Action.SELL_PUT),
        ("BUY_CALL", "CALL", Action.BUY_CALL),
        ("BUY_PUT", None, Action.BUY_PUT),
        ("SELL_CALL", None, Action.SELL_CALL),
        ("BUY_STOCK", "STOCK", Action.BUY_STOCK),
    ],
)
def test_the_originals_two_vocabularies_say_the_same(action: str, instrument: str | None, meant: Action) -> None:
    found = read(row(action=action, instrument_type=instrument))

    assert isinstance(found, Recommendation)
    assert found.action is meant
