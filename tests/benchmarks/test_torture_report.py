"""When a torture may be called clean."""

import pytest

from benchmarks.torture.plan import CATALOGUE
from benchmarks.torture.report import ENOUGH, Tally, tables


def test_few_runs_need_not_reach_every_kill_point() -> None:
    tally = Tally(seed=1, runs=ENOUGH - 1)
    assert tally.missed
    assert tally.clean
    assert not any(row.startswith("not reached") for row in tables(tally))


def test_many_runs_that_miss_a_kill_point_are_not_clean_and_name_it() -> None:
    tally = Tally(seed=1, runs=ENOUGH)
    tally.kill_points.update(CATALOGUE[1:])
    assert not tally.clean
    assert f"not reached: {CATALOGUE[0]}" in list(tables(tally))


@pytest.mark.parametrize("count", ["duplicates", "lost", "ghosts", "unknown_left"])
def test_one_wrong_order_is_never_clean(count: str) -> None:
    tally = Tally(seed=1, runs=1)
    setattr(tally, count, 1)
    assert not tally.clean


def test_every_step_is_aimed_at_two_dozen_times_before_all_are_demanded() -> None:
    assert ENOUGH // len(CATALOGUE) >= 24
