"""When a torture may be called clean."""

from pathlib import Path

import pytest

from benchmarks.torture.plan import CATALOGUE
from benchmarks.torture.report import ENOUGH, Tally, tables
from benchmarks.torture.slices import SliceError, resume, save


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


def summed(runs: int) -> Tally:
    tally = Tally(seed=7, runs=runs, lost=1, pairs=3, seconds=2.5)
    tally.kill_points.update(CATALOGUE[:2])
    tally.faults["none"] = runs
    return tally


def test_a_sum_is_the_same_after_it_was_written_down_and_read(tmp_path: Path) -> None:
    save(tmp_path / "sum.json", summed(50))
    assert resume(tmp_path / "sum.json", seed=7) == summed(50)


def test_the_first_slice_begins_with_nothing(tmp_path: Path) -> None:
    assert resume(tmp_path / "none.json", seed=7) == Tally(seed=7)


def test_runs_of_another_seed_are_not_added(tmp_path: Path) -> None:
    save(tmp_path / "sum.json", summed(50))
    with pytest.raises(SliceError, match="seed 7, not 8"):
        resume(tmp_path / "sum.json", seed=8)


def test_runs_of_other_code_are_not_added(tmp_path: Path) -> None:
    file = tmp_path / "sum.json"
    save(file, summed(50))
    file.write_text(file.read_text().replace('"code": "', '"code": "0'))
    with pytest.raises(SliceError, match="other code"):
        resume(file, seed=7)


@pytest.mark.parametrize("words", ["", "[]", "{}", '{"runs": 1}'])
def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path, words: str) -> None:
    file = tmp_path / "sum.json"
    file.write_text(words)
    with pytest.raises(SliceError, match="no sum of a torture"):
        resume(file, seed=7)
