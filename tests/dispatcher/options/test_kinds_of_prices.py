"""Premiums, net prices and prices of the underlying are kinds of their own: neither types nor arithmetic mix them.

Each `type: ignore` is needed, or the type checker says that it is unused: so these lines fail its run once one kind
passes for another. What it would let through by way of Any ends in an error all the same.
"""

from decimal import Decimal

import pytest

from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.order import Leg, PositionIntent, SingleOrder, SpreadOrder
from dispatcher.core.options.premium import CENTS, Net, Premium
from dispatcher.core.options.repricing import at
from dispatcher.core.price import Price

SPOT, PREMIUM, NET = Underlying(Decimal(200)), Premium(Decimal("5.00"), CENTS), Net(Decimal("1.50"))


def test_they_neither_compare_nor_add_up() -> None:
    with pytest.raises(TypeError):
        PREMIUM < SPOT  # type: ignore[operator]  # noqa: B015
    with pytest.raises(TypeError):
        PREMIUM + SPOT  # type: ignore[operator]
    with pytest.raises(TypeError):
        PREMIUM - NET  # type: ignore[operator]
    with pytest.raises(TypeError):
        PREMIUM.amount > SPOT  # type: ignore[operator]  # noqa: B015


def test_none_is_taken_where_another_is_meant() -> None:
    """What a checker refuses: each call below is an error of types, and is only there to be one."""
    legs = (Leg("AAPL261223C00200000", PositionIntent.BUY_TO_OPEN),)
    SingleOrder("d1", "AAPL261223C00200000", 1, SPOT)  # type: ignore[arg-type]
    SingleOrder("d1", "AAPL261223C00200000", 1, NET)  # type: ignore[arg-type]
    SingleOrder("d1", "AAPL261223C00200000", 1, Price(Decimal(5), Decimal("0.01")))  # type: ignore[arg-type]
    SpreadOrder("d1", 1, PREMIUM, legs)  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match="is no limit of"):
        at(SpreadOrder("d1", 1, NET, legs), PREMIUM, "d1-s1", 1)
