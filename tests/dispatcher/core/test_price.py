"""A limit lies on a tick, and never beyond what was recommended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.order import restore
from dispatcher.core.price import OffTickError, Price, no_less_than, no_more_than, step_of
from tests.dispatcher.cases import MONDAY, order

CENT, MIL, HALF_PENNY = Decimal("0.01"), Decimal("0.0001"), Decimal("0.005")
NOISE = Decimal("0.0000005")
Snap = Callable[[Decimal, date], Price | None]

amounts = st.one_of(
    st.decimals(min_value="0.00001", max_value="2", places=7),
    st.decimals(min_value="0.01", max_value="100000", places=5),
    st.floats(min_value=0.0001, max_value=100_000).map(lambda value: Decimal(str(value))),
)
days = st.dates(min_value=date(2026, 1, 1), max_value=date(2030, 12, 31))


def said(price: Price | None) -> str | None:
    return None if price is None else str(price)


def on_the_exchanges_tick(amount: Decimal) -> bool:
    """The rule of docs/broker-rules.md, "Prices", in words of its own: at most 2 decimals from a dollar, 4 below."""
    exponent = amount.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= (2 if amount >= 1 else 4)


@given(amounts, days)
def test_a_price_snapped_down_is_on_a_tick_and_no_more_than_asked(raw: Decimal, on: date) -> None:
    price = no_more_than(raw, on)

    assert price is None or (on_the_exchanges_tick(price.amount) and price.amount <= raw + NOISE)


@given(amounts, days)
def test_a_price_snapped_up_is_on_a_tick_and_no_less_than_asked(raw: Decimal, on: date) -> None:
    price = no_less_than(raw, on)

    assert price is None or (on_the_exchanges_tick(price.amount) and price.amount >= raw - NOISE)


@given(amounts, days)
def test_the_tick_below_and_the_tick_above_are_at_most_one_step_apart(raw: Decimal, on: date) -> None:
    below, above = no_more_than(raw, on), no_less_than(raw, on)

    if below is not None and above is not None:
        assert above.amount - below.amount in {Decimal(0), below.step}


@pytest.mark.parametrize("snap", [no_more_than, no_less_than])
@given(raw=amounts, on=days)
def test_a_price_on_its_tick_stays_where_it_is(snap: Snap, raw: Decimal, on: date) -> None:
    once = snap(raw, on)

    assert once is None or snap(once.amount, on) == once


@pytest.mark.parametrize(
    ("raw", "below", "above"),
    [
        ("699.7462", "699.74", "699.75"),
        ("11.055", "11.05", "11.06"),
        ("0.6013", "0.6013", "0.6013"),
        ("0.60135", "0.6013", "0.6014"),
        ("1.005", "1.00", "1.01"),
        ("2.675", "2.67", "2.68"),
        ("0.99996", "0.9999", "1.00"),
        ("1.00001", "1.00", "1.01"),
        ("0.00015", "0.0001", "0.0002"),
        ("0.00001", None, "0.0001"),
        ("0.0000001", None, None),
        ("0", None, None),
        ("-5", None, None),
    ],
)
def test_a_price_becomes_the_tick_on_its_side(raw: str, below: str | None, above: str | None) -> None:
    snapped = [said(no_more_than(Decimal(raw), MONDAY)), said(no_less_than(Decimal(raw), MONDAY))]

    assert snapped == [below, above]


@pytest.mark.parametrize(
    ("noisy", "meant"),
    [(0.1 + 0.2, "0.3000"), (1.1 * 3, "3.30"), (200.00000000000003, "200.00"), (199.99999999999997, "200.00")],
)
def test_float_noise_is_shed_before_rounding(noisy: float, meant: str) -> None:
    raw = Decimal(str(noisy))

    assert [said(no_more_than(raw, MONDAY)), said(no_less_than(raw, MONDAY))] == [meant, meant]


def test_the_half_penny_tick_is_a_row_of_data_for_its_class_and_day_alone() -> None:
    before, first = date(2027, 10, 31), date(2027, 11, 1)
    steps = [
        step_of(Decimal(20), before, narrow=True),
        step_of(Decimal(20), first, narrow=True),
        step_of(Decimal(20), first),
        step_of(Decimal("0.5"), first, narrow=True),
    ]

    assert steps == [CENT, HALF_PENNY, CENT, MIL]


def test_a_narrow_stock_is_priced_in_half_pennies_from_the_day_on() -> None:
    raw = Decimal("20.0171")

    assert said(no_more_than(raw, date(2027, 11, 1), narrow=True)) == "20.015"


@pytest.mark.parametrize(
    ("amount", "step"),
    [
        ("699.7462", "0.01"),
        ("11.055", "0.01"),
        ("0.60131", "0.0001"),
        ("0.6", "0.01"),
        ("5", "0.0001"),
        ("5", "0.02"),
        ("0", "0.01"),
        ("-1", "0.01"),
        ("NaN", "0.01"),
        ("Infinity", "0.01"),
    ],
)
def test_a_price_off_its_tick_cannot_be_built(amount: str, step: str) -> None:
    with pytest.raises(OffTickError):
        Price(Decimal(amount), Decimal(step))


def test_a_price_cannot_be_moved_off_its_tick_by_replace() -> None:
    with pytest.raises(OffTickError):
        replace(Price(Decimal("200.00"), CENT), amount=Decimal("200.001"))


@pytest.mark.parametrize(
    "changed",
    [
        {"limit_price": "200.001"},
        {"take_profit": {"limit_price": "699.7462"}},
        {"stop_loss": {"stop_price": "0.00001"}},
        {"limit_price": "-200"},
    ],
)
def test_a_payload_off_the_tick_is_not_restored(changed: dict[str, Any]) -> None:
    payload = order().payload() | changed

    with pytest.raises(OffTickError):
        restore(payload)


@pytest.mark.parametrize(("amount", "wire"), [("200", "200.00"), ("1E+2", "100.00")])
def test_a_price_is_written_with_the_decimals_of_its_step(amount: str, wire: str) -> None:
    assert str(Price(Decimal(amount), CENT)) == wire


def test_a_price_below_a_dollar_is_written_with_four_decimals() -> None:
    assert str(Price(Decimal("0.6"), MIL)) == "0.6000"
