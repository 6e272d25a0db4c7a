"""The thousand recommendations for options, as far as a test has time for them."""

import pytest

from benchmarks.options import run

pytestmark = pytest.mark.world


def test_recommendations_end_in_orders_that_the_exchange_takes_or_in_refusals() -> None:
    tally = run(30, seed=3)

    assert (tally.rejected, tally.unknown, tally.rejections) == (0, 0, {})
    assert tally.accepted + tally.refused == tally.recommendations == 30
    assert len(tally.accepted_by_action) >= 3
    assert "option_level" in tally.refused_by_reason
