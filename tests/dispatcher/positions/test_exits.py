"""When a position in options is closed: one sentence for each reason, and for each quote that may not decide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.limits import Exits, OptionExits
from dispatcher.core.positions.book import Exit, ExitReason
from dispatcher.core.positions.exits import Case, Keep, Undecided, ahead, decide, peak_of
from dispatcher.core.positions.instrument import contract, multiplier
from dispatcher.core.positions.sight import Sight
from tests.dispatcher.cases import MONDAY, session

CALL = "AAPL261218C00200000"
TODAY = "AAPL261123C00200000"
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
POLICY: dict[str, Any] = {
    "stop_fraction": Decimal("0.40"),
    "target_fraction": Decimal("0.80"),
    "trail_after_fraction": Decimal("0.30"),
    "trail_keep_fraction": Decimal("0.75"),
    "max_hold_minutes": 600,
    "before_close_minutes": 15,
    "expiry_cutoff_minutes": 60,
    "max_spread_fraction": Decimal("0.25"),
}


def policy(**changes: Any) -> Exits:
    return Exits(options=OptionExits(**POLICY | changes))


def quoted(middle: str, *, spread: str = "0.10", at: datetime = NOON) -> Sight:
    half = Decimal(spread) / 2
    return Sight(Decimal(middle) - half, Decimal(middle) + half, at)


def case(**changes: Any) -> Case:
    """Two calls bought at 2.00 an hour ago, worth as much now."""
    good: dict[str, Any] = {
        "symbol": CALL,
        "quantity": Decimal(2),
        "entry": Decimal("2.00"),
        "opened_at": NOON - timedelta(hours=1),
        "peak": None,
        "sight": quoted("2.00"),
        "session": session(),
        "now": NOON,
    }
    return Case(**good | changes)


def reason(decided: object) -> ExitReason:
    assert isinstance(decided, Exit), decided
    return decided.reason


def test_a_position_that_is_worth_what_it_cost_is_kept_and_tells_what_ends_it_next() -> None:
    assert decide(case(), policy()) == Keep("end_of_day at 2026-11-23 15:45; stop at 1.20, target at 3.60")


def test_what_ends_a_short_position_lies_the_other_way_round_and_a_peak_adds_where_it_trails() -> None:
    short = case(quantity=Decimal(-2), sight=quoted("1.40"), peak=Decimal("1.30"))
    assert decide(short, policy()) == Keep(
        "end_of_day at 2026-11-23 15:45; stop at 2.80, target at 0.40, trailing_stop at 1.48"
    )


@pytest.mark.parametrize(
    ("price", "expected"),
    [("1.20", ExitReason.STOP), ("1.21", None), ("3.60", ExitReason.TARGET), ("3.59", None)],
)
def test_stop_and_target_are_reached_exactly_at_their_fractions(price: str, expected: ExitReason | None) -> None:
    decided = decide(case(sight=quoted(price)), policy())

    assert (decided.reason if isinstance(decided, Exit) else None) is expected


def test_a_short_position_loses_when_the_price_rises() -> None:
    assert reason(decide(case(quantity=Decimal(-2), sight=quoted("2.80")), policy())) is ExitReason.STOP


def test_a_gain_that_falls_to_three_quarters_of_its_peak_is_taken() -> None:
    peaked = case(peak=Decimal("2.80"))

    assert reason(decide(Case(**{**_fields(peaked), "sight": quoted("2.60")}), policy())) is ExitReason.TRAILING_STOP
    assert isinstance(decide(Case(**{**_fields(peaked), "sight": quoted("2.61")}), policy()), Keep)


def test_a_peak_below_the_declared_gain_trails_nothing() -> None:
    assert isinstance(decide(case(peak=Decimal("2.58"), sight=quoted("2.01")), policy()), Keep)


def test_the_peak_only_ever_gets_better_and_for_a_short_position_that_is_lower() -> None:
    assert peak_of(case(peak=Decimal("2.50"), sight=quoted("2.40")), policy()) == Decimal("2.50")
    assert peak_of(case(peak=Decimal("2.50"), sight=quoted("2.60")), policy()) == Decimal("2.60")
    short = case(quantity=Decimal(-2), peak=Decimal("1.50"), sight=quoted("1.40"))
    assert peak_of(short, policy()) == Decimal("1.40")


def test_a_stale_quote_moves_no_peak() -> None:
    old = quoted("9.00", at=NOON - timedelta(minutes=5))

    assert peak_of(case(peak=Decimal("2.50"), sight=old), policy()) == Decimal("2.50")


@pytest.mark.parametrize(
    "sight",
    [
        None,
        Sight(Decimal(0), Decimal("0.05"), NOON),
        Sight(Decimal("1.10"), Decimal("1.00"), NOON),
        quoted("0.50", at=NOON - timedelta(seconds=16)),
        quoted("0.50", spread="0.20"),
    ],
    ids=["none", "one-sided", "crossed", "stale", "too wide"],
)
def test_no_price_decides_on_a_quote_that_may_not_and_that_is_said(sight: Sight | None) -> None:
    assert isinstance(decide(case(sight=sight), policy()), Undecided)


@pytest.mark.parametrize(
    ("now", "half", "expected"),
    [("15:44", False, None), ("15:45", False, "end_of_day"), ("12:44", True, None), ("12:45", True, "end_of_day")],
)
def test_the_day_ends_before_the_close_half_days_included(now: str, *, half: bool, expected: str | None) -> None:
    closes = "13:00" if half else "16:00"
    today = session(MONDAY, closes=closes)
    hour, minute = map(int, now.split(":"))
    at = today.opens.replace(hour=hour, minute=minute)

    decided = decide(case(now=at, session=today, sight=quoted("2.00", at=at)), policy())

    assert (decided.reason.value if isinstance(decided, Exit) else None) == expected


def test_a_clock_decides_without_a_quote() -> None:
    at = session().opens.replace(hour=15, minute=50)

    assert reason(decide(case(now=at, sight=None), policy())) is ExitReason.END_OF_DAY


def test_a_contract_on_its_last_day_is_closed_before_the_broker_would() -> None:
    before, after = (session().opens.replace(hour=hour, minute=minute) for hour, minute in ((14, 59), (15, 0)))
    held = policy(hold_overnight=True)

    assert isinstance(decide(case(symbol=TODAY, now=before, sight=quoted("2.00", at=before)), held), Keep)
    assert reason(decide(case(symbol=TODAY, now=after, sight=None), held)) is ExitReason.EXPIRY_CUTOFF
    assert isinstance(decide(case(now=after, sight=quoted("2.00", at=after)), held), Keep)


def test_a_position_is_held_for_so_long_and_no_longer() -> None:
    assert reason(decide(case(opened_at=NOON - timedelta(minutes=600)), policy())) is ExitReason.MAX_HOLD


@pytest.mark.parametrize("day", [None, session(closes="11:00")])
def test_nothing_is_decided_while_the_market_is_closed(day: Any) -> None:
    assert decide(case(session=day, sight=quoted("0.10")), policy()) == Keep("the market is closed")


def test_an_option_symbol_says_what_it_is_and_a_share_does_not() -> None:
    found = contract(CALL)

    assert found is not None
    assert (found.underlying, found.call, found.strike, found.expires.isoformat()) == (
        "AAPL",
        True,
        Decimal(200),
        "2026-12-18",
    )
    assert (multiplier(CALL), multiplier("AAPL")) == (100, 1)
    assert contract("AAPL261399C00200000") is None


def _fields(of: Case) -> dict[str, Any]:
    return {name: getattr(of, name) for name in Case.__slots__}


@given(
    held=st.integers(0, 500),
    most=st.integers(1, 600),
    before=st.integers(1, 120),
    cutoff=st.integers(1, 120),
    overnight=st.booleans(),
)
def test_what_is_told_to_come_next_comes_then_and_not_a_minute_before(
    held: int, most: int, before: int, cutoff: int, *, overnight: bool
) -> None:
    changes: dict[str, Any] = {
        "max_hold_minutes": most,
        "before_close_minutes": before,
        "expiry_cutoff_minutes": cutoff,
        "hold_overnight": overnight,
    }
    position = case(symbol=TODAY, opened_at=NOON - timedelta(minutes=held), sight=None)

    told = ahead(position, policy(**changes))

    assert told.due is not None
    if told.due >= session().closes or told.due <= NOON:
        return  # it comes another day, or it has come
    assert isinstance(decide(replace(position, now=told.due - timedelta(minutes=1)), policy(**changes)), Undecided)
    assert reason(decide(replace(position, now=told.due), policy(**changes))) is told.rule
