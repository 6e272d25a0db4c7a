"""Premiums lie on an option's tick, or do not exist."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.options.premium import (
    CENTS,
    PENNY_PROGRAM,
    STANDARD,
    Increment,
    Net,
    Premium,
    increment,
    net_no_more_than,
    no_less_than,
    no_more_than,
)
from dispatcher.core.price import OffTickError

AMOUNTS = st.decimals(min_value="0.001", max_value=500, places=6, allow_nan=False)
INCREMENTS = st.sampled_from([CENTS, PENNY_PROGRAM, STANDARD])


@pytest.mark.parametrize(
    ("raw", "moves", "down", "up"),
    [
        ("2.97", STANDARD, "2.95", "3.00"),
        ("2.97", PENNY_PROGRAM, "2.97", "2.97"),
        ("3.02", PENNY_PROGRAM, "3.00", "3.05"),
        ("3.02", STANDARD, "3.00", "3.10"),
        ("3.02", CENTS, "3.02", "3.02"),
        ("0.04", STANDARD, None, "0.05"),
        ("4.9500000001", PENNY_PROGRAM, "4.95", "4.95"),
    ],
)
def test_a_premium_is_put_on_the_tick_of_its_class(raw: str, moves: Increment, down: str | None, up: str) -> None:
    lower, upper = no_more_than(Decimal(raw), moves), no_less_than(Decimal(raw), moves)

    assert (None if lower is None else str(lower), str(upper)) == (down, up)


@given(AMOUNTS, INCREMENTS)
def test_rounding_never_crosses_what_was_meant_and_stays_within_a_step(raw: Decimal, moves: Increment) -> None:
    lower, upper = no_more_than(raw, moves), no_less_than(raw, moves)

    assert lower is None or lower.amount <= raw < lower.amount + moves.step(raw)
    assert upper is None or upper.amount - moves.step(raw) < raw <= upper.amount


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "2.97", "3.05"])
def test_a_premium_off_the_standard_tick_cannot_be_built(amount: str) -> None:
    with pytest.raises(OffTickError):
        Premium(Decimal(amount), STANDARD)


def test_an_unknown_class_moves_in_the_coarser_steps_and_the_three_funds_in_cents() -> None:
    assert increment("AAPL", penny=None) is STANDARD
    assert increment("AAPL", penny=True) is PENNY_PROGRAM
    assert [increment(fund, penny=None) for fund in ("SPY", "QQQ", "IWM")] == [CENTS] * 3


@given(AMOUNTS)
def test_every_standard_tick_is_one_of_the_penny_program_too(raw: Decimal) -> None:
    coarse = no_more_than(raw, STANDARD)

    assert coarse is None or Premium(coarse.amount, PENNY_PROGRAM).amount == coarse.amount


@given(st.decimals(min_value=-50, max_value=50, places=4, allow_nan=False))
def test_a_net_price_pays_no_more_and_takes_no_less(raw: Decimal) -> None:
    net = net_no_more_than(raw)

    assert net is None or raw - Decimal("0.01") < net.amount <= raw


def test_a_credit_keeps_its_sign_on_the_wire() -> None:
    assert str(Net(Decimal("-1.2"))) == "-1.20"
    with pytest.raises(OffTickError):
        Net(Decimal("1.234"))
