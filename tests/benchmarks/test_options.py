"""The thousand recommendations for options, as far as a test has time for them."""

import pytest

from benchmarks.options import run
from contract.options import Structure

pytestmark = pytest.mark.world


def test_recommendations_end_in_orders_that_the_exchange_takes_or_in_refusals() -> None:
    tally = run(24, seed=3, turns=((Structure.VERTICAL, 3, 1.0),))

    assert (tally.rejected, tally.unknown, tally.rejections) == (0, 0, {})
    assert tally.accepted + tally.refused == tally.recommendations == 24
    assert len(tally.accepted_by_action) >= 3
