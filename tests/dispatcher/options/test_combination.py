"""What an order of several contracts can cost at most: a table worked by hand, and every price of the underlying."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.options.combination import Part, cost, worst
from dispatcher.core.positions.instrument import Contract
from tests.dispatcher.options.chains import EXPIRES

LATER = date(2027, 1, 20)


def part(kind: str, strike: int, ratio: int, expires: date = EXPIRES, *, opens: bool = True) -> Part:
    return Part(Contract("AAPL", expires, kind == "C", Decimal(strike)), Decimal(ratio), opens)


BULL_CALL = [part("C", 200, 1), part("C", 205, -1)]
BEAR_CALL = [part("C", 200, -1), part("C", 205, 1)]
BULL_PUT = [part("P", 200, -1), part("P", 195, 1)]
IRON_CONDOR = [*BULL_PUT, part("C", 210, -1), part("C", 220, 1)]
BUTTERFLY = [part("C", 195, 1), part("C", 200, -2), part("C", 205, 1)]
SHARES = Part(None, Decimal(100))


@pytest.mark.parametrize(
    ("parts", "net", "expected"),
    [
        (BULL_CALL, "1.50", "150"),  # the debit
        (BEAR_CALL, "-1.50", "500"),  # the width
        (BULL_PUT, "-2.00", "500"),
        (IRON_CONDOR, "-3.00", "1000"),  # the wider wing: only one side can end in the money
        (BUTTERFLY, "0.80", "80"),
        ([part("C", 200, -1), part("C", 200, 1, LATER)], "2.10", "210"),  # a calendar: the later one covers
        ([part("C", 200, 1), part("C", 200, -1, LATER)], "-2.10", "20000"),  # turned round it is naked at the end
        ([SHARES, part("C", 200, -1)], "195.00", "19500"),  # a covered call: what the shares cost, less the premium
        ([part("P", 200, -1)], "-3.00", "20000"),  # a naked put: the whole strike
        ([part("C", 200, -1, opens=False), part("C", 205, 1, opens=False)], "1.00", "0"),  # closing costs nothing
    ],
)
def test_the_cost_of_a_unit(parts: list[Part], net: str, expected: str) -> None:
    assert cost(parts, Decimal(net)) == Decimal(expected)


@given(
    st.lists(
        st.builds(part, st.sampled_from("CP"), st.integers(1, 60), st.integers(-3, 3).filter(bool)),
        min_size=1,
        max_size=4,
    )
)
def test_no_price_up_to_twice_the_highest_strike_ends_worse(parts: list[Part]) -> None:
    """Looked at price by price, against the formula's corners."""
    highest = max(int(each.contract.strike) for each in parts if each.contract)
    owed = [-sum(each.ratio * 100 * _inside(each, price) for each in parts) for price in range(2 * highest + 1)]

    assert worst(parts) == max(0, *owed)


def _inside(part: Part, price: int) -> int:
    assert part.contract is not None
    inside = price - int(part.contract.strike)
    return max(inside if part.contract.call else -inside, 0)
