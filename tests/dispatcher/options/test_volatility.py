"""The 30-day volatility at the money, and its place in its history, against tables worked by hand."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.options import Volatility
from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.volatility import (
    NoVolatility,
    Past,
    Ranked,
    Thirty,
    Unranked,
    rank,
    thirty,
)
from tests.dispatcher.cases import MONDAY, NOW
from tests.dispatcher.options.chains import SPOT, listed, past

SIX_HOURS = Decimal("0.25")
"""NOW is 10:00 in New York and contracts end at 16:00: each expiry is a quarter of a day further than its date."""


def straddle(days: int, iv: str, strike: str = "200", **changes: Any) -> list[Listed]:
    """A call and a put at a strike, so many days away."""
    expires = MONDAY + timedelta(days=days)
    return [listed(strike, call=call, expires=expires, iv=Decimal(iv), **changes) for call in (True, False)]


def test_between_two_expiries_the_total_variance_is_interpolated() -> None:
    found = thirty([*straddle(20, "0.20"), *straddle(48, "0.25")], SPOT, NOW)

    # days 20.25 and 48.25; weight of the near one (48.25 - 30) / 28 = 0.651786
    # (0.651786 x 0.04 x 20.25 + 0.348214 x 0.0625 x 48.25) / 30 = (0.527946 + 1.050084) / 30 = 0.052601; root 0.229349
    assert isinstance(found, Thirty)
    assert found.iv == pytest.approx(Decimal("0.229349"), abs=Decimal("0.000002"))
    assert (found.near.days, found.far and found.far.days) == (20 + SIX_HOURS, 48 + SIX_HOURS)


def test_at_one_expiry_the_strikes_around_the_price_are_interpolated_and_calls_and_puts_averaged() -> None:
    expires = MONDAY + timedelta(days=30)
    chain = [
        listed("195", call=True, expires=expires, iv=Decimal("0.32")),
        listed("195", call=False, expires=expires, iv=Decimal("0.34")),
        listed("205", call=True, expires=expires, iv=Decimal("0.28")),
        listed("205", call=False, expires=expires, iv=Decimal("0.30")),
        listed("215", call=True, expires=expires, iv=Decimal("0.90")),
    ]

    found = thirty(chain, Underlying(Decimal("197.50")), NOW)

    # 0.33 at 195, 0.29 at 205; a quarter of the way: 0.32
    assert isinstance(found, Thirty)
    assert (found.iv, found.far) == (Decimal("0.320000"), None)


def test_a_single_expiry_stands_alone_only_near_thirty_days() -> None:
    assert isinstance(thirty(straddle(26, "0.3"), SPOT, NOW), Thirty)
    alone = thirty(straddle(60, "0.3"), SPOT, NOW)

    assert alone == NoVolatility("no expiries around 30 days, and none within 7 days of them: 60 days")


@pytest.mark.parametrize(
    "chain",
    [
        [],
        straddle(30, "0.3", strike="210"),  # nothing below the price
        [listed(iv=None)],
        [listed(bid="0", ask="5")],
        straddle(2, "0.9"),  # a premium of two days holds hardly any volatility
    ],
)
def test_without_quoted_volatility_on_both_sides_there_is_no_number(chain: list[Listed]) -> None:
    assert isinstance(thirty(chain, SPOT, NOW), NoVolatility)


@given(st.decimals("0.05", "2", places=4), st.integers(8, 29), st.integers(31, 100))
def test_a_flat_term_structure_gives_its_own_volatility(iv: Decimal, near: int, far: int) -> None:
    found = thirty([*straddle(near, str(iv)), *straddle(far, str(iv))], SPOT, NOW)

    assert isinstance(found, Thirty)
    assert abs(found.iv - iv) <= Decimal("0.000002")


# ------------------------------------------------------------------------------------------------------- the two ranks


@pytest.mark.parametrize(
    ("iv", "below", "expected_rank", "expected_percentile"),
    [
        # Rank 100 x (iv - 0.20) / (0.60 - 0.20); percentile 100 x below / 250. They differ, and are told apart.
        ("0.30", 100, "25.00", "40.00"),
        ("0.30", 230, "25.00", "92.00"),
        ("0.20", 0, "0.00", "0.00"),
        ("0.60", 249, "100.00", "99.60"),
        ("0.70", 250, "100.00", "100.00"),  # beyond the highest: held at 100
        ("0.10", 0, "0.00", "0.00"),
        ("0.333333", 125, "33.33", "50.00"),
    ],
)
def test_rank_and_percentile_by_hand(iv: str, below: int, expected_rank: str, expected_percentile: str) -> None:
    found = rank(Decimal(iv), past(below=below), MONDAY, Volatility())

    assert isinstance(found, Ranked)
    assert (str(found.rank), str(found.percentile)) == (expected_rank, expected_percentile)


@pytest.mark.parametrize(
    ("iv", "published", "expected_rank", "expected_percentile"),
    [
        # tastylive's definition of IV rank: between 30 and 60 over the past year, now at 45: 50 %.
        ("0.45", past(low=Decimal("0.30"), high=Decimal("0.60")), "50.00", None),
        # optimizeoptions.com, "Implied Volatility Percentile": below 45 % on 227 of 252 days: 90 %.
        ("0.45", past(days=252, below=227), None, "90.08"),
        # The same page's crash to 80 % in a year at 15 %, now 28 % and below that on 240 of 252 days: 95 %, while the
        # rank, (28 - 15) / (80 - 15), is low.
        (
            "0.28",
            past(days=252, below=240, low=Decimal("0.15"), high=Decimal("0.80")),
            "20.00",
            "95.24",
        ),
    ],
)
def test_rank_and_percentile_as_they_are_published(
    iv: str, published: Past, expected_rank: str | None, expected_percentile: str | None
) -> None:
    found = rank(Decimal(iv), published, MONDAY, Volatility())

    assert isinstance(found, Ranked)
    assert expected_rank in {None, str(found.rank)}
    assert expected_percentile in {None, str(found.percentile)}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (past(days=59), "59 days of history, at least 60 are needed"),
        (Past(0, None, None, 0, None), "0 days of history, at least 60 are needed"),
        (past(newest=date(2026, 11, 17)), "the newest day is 2026-11-17, at most 5 days may have passed"),
        (past(high=Decimal("0.205")), "between 0.20 and 0.205 over 250 days; 0.01 apart is needed"),
    ],
)
def test_too_little_too_old_and_too_flat_a_history_leave_the_rank_undefined(changed: Past, why: str) -> None:
    found = rank(Decimal("0.3"), changed, MONDAY, Volatility())

    assert found == Unranked(why, changed.days)


@given(
    st.lists(st.decimals("0.05", "3", places=4), min_size=60, max_size=120),
    st.decimals("0.01", "4", places=4),
)
def test_a_rank_is_within_0_and_100_whatever_the_history(days: list[Decimal], iv: Decimal) -> None:
    summed = Past(len(days), min(days), max(days), sum(day < iv for day in days), MONDAY)

    found = rank(iv, summed, MONDAY, Volatility())

    if isinstance(found, Ranked):
        assert 0 <= found.rank <= 100
        assert 0 <= found.percentile <= 100
    else:
        assert max(days) - min(days) < Decimal("0.01")
