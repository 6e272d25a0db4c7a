"""The day that `python -m benchmarks.day` plays ends as its report says."""

import pytest

from benchmarks.day import CALLS, HALF, play

pytestmark = pytest.mark.world


def test_a_half_day_is_over_before_one_with_every_exit_and_its_reason() -> None:
    ended, left = play(HALF)

    assert {each.told.symbol: each.told.reason for each in ended} == {
        "MSFT261127C00500000": "expiry_cutoff",
        CALLS[0]: "end_of_day",
    }
    assert all(each.at < HALF.at("13:00") for each in ended)
    assert left == {"held": ["AAPL", "MSFT"], "differences": 0, "unprotected": ["AAPL", "MSFT"], "bare": []}
