"""What option positions keep back: the most they can lose at expiration, and not a dollar more."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.exchange.collateral import Need, needs
from sandbox.exchange.contracts import Contract, Kind, written

DECEMBER, JANUARY = date(2026, 12, 18), date(2027, 1, 15)


def option(kind: Kind, strike: int, expires: date = DECEMBER) -> Contract:
    return Contract(written("AAPL", expires, kind, Decimal(strike)), "AAPL", expires, kind, Decimal(strike), penny=True)


def put(strike: int) -> Contract:
    return option(Kind.PUT, strike)


def call(strike: int, expires: date = DECEMBER) -> Contract:
    return option(Kind.CALL, strike, expires)


ONE, LESS = Decimal(1), Decimal(-1)
COMBINATIONS = {
    "a long call": ([(call(100), ONE)], Need()),
    "a short put": ([(put(90), LESS)], Need(cash=Decimal(9_000))),
    "a short call": ([(call(100), LESS)], Need(shares=Decimal(100))),
    "a debit spread": ([(call(100), ONE), (call(105), LESS)], Need()),
    "a credit spread": ([(call(100), LESS), (call(105), ONE)], Need(cash=Decimal(500))),
    "an iron condor, whose two sides cannot both lose": (
        [(put(85), ONE), (put(90), LESS), (call(110), LESS), (call(115), ONE)],
        Need(cash=Decimal(500)),
    ),
    "a butterfly": ([(call(95), ONE), (call(100), LESS * 2), (call(105), ONE)], Need()),
    "an iron condor with a wider side": (
        [(put(80), ONE), (put(90), LESS), (call(110), LESS), (call(115), ONE)],
        Need(cash=Decimal(1_000)),
    ),
    "a short straddle": ([(put(100), LESS), (call(100), LESS)], Need(cash=Decimal(10_000), shares=Decimal(100))),
}


def total(held: list[tuple[Contract, Decimal]]) -> Need:
    found = needs(held).values()
    return Need(sum((n.cash for n in found), Decimal(0)), sum((n.shares for n in found), Decimal(0)))


@pytest.mark.parametrize(("held", "need"), COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_a_combination_keeps_back_the_most_it_can_lose(held: list[tuple[Contract, Decimal]], need: Need) -> None:
    assert total(held) == need


def test_expirations_do_not_cover_each_other() -> None:
    assert total([(call(100), LESS), (call(100, JANUARY), ONE)]) == Need(shares=Decimal(100))


def worth(held: list[tuple[Contract, Decimal]], price: Decimal) -> Decimal:
    """What all of it is worth at expiration, in USD, told anew."""
    legs = (qty * max(Decimal(0), price - c.strike if c.kind is Kind.CALL else c.strike - price) for c, qty in held)
    return 100 * sum(legs, Decimal(0))


strikes = st.integers(10, 30).map(lambda n: n * 5)
legs = st.builds(
    lambda kind, strike, qty: (option(kind, strike), Decimal(qty)),
    st.sampled_from([Kind.CALL, Kind.PUT]),
    strikes,
    st.integers(-3, 3).filter(bool),
)


@given(held=st.lists(legs, min_size=1, max_size=4, unique_by=lambda leg: leg[0].symbol))
def test_what_is_kept_back_is_enough_at_every_price_and_just_enough_at_one(
    held: list[tuple[Contract, Decimal]],
) -> None:
    need = total(held)
    left = [worth(held, Decimal(p)) + need.shares * p + need.cash for p in range(400)]

    assert min(left) >= 0
    assert not need.cash or min(left) == 0
    assert need.shares == 100 * max(Decimal(0), -sum(qty for c, qty in held if c.kind is Kind.CALL))
