"""A rolling deployment under load, short, with real parts. The long one: `benchmarks.rolling`."""

from dataclasses import replace

import pytest

from benchmarks.rolling import GAP_SECONDS, Rolled, roll

GOOD = Rolled(
    recommendations=300,
    orders_of_old=150,
    orders_of_new=150,
    gap_seconds=0.2,
    stop_to_first_order_seconds=0.1,
    roll_seconds=12.0,
    row_to_order_p50_seconds=0.005,
    row_to_order_longest_seconds=0.2,
    duplicates=0,
    lost=0,
    refused=0,
    stood_by=True,
)


@pytest.mark.world
def test_the_new_task_stands_by_and_takes_over_and_no_recommendation_is_lost_or_ordered_twice() -> None:
    rolled = roll(2.0)

    assert (rolled.duplicates, rolled.lost, rolled.refused) == (0, 0, 0)
    assert rolled.orders_of_old + rolled.orders_of_new == rolled.recommendations
    assert rolled.orders_of_old > 0
    assert rolled.orders_of_new > 0
    assert rolled.stood_by
    assert 0 < rolled.gap_seconds < GAP_SECONDS


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, duplicates=1),
        replace(GOOD, lost=1),
        replace(GOOD, refused=1),
        replace(GOOD, gap_seconds=GAP_SECONDS),
        replace(GOOD, stood_by=False),
    ],
)
def test_a_roll_that_doubles_loses_refuses_pauses_or_comes_alone_does_not_hold(wrong: Rolled) -> None:
    assert GOOD.holds
    assert not wrong.holds
