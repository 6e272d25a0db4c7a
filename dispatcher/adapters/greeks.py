"""Implied volatility and greeks where the broker gives none: Black-Scholes by vollib.

The model is European and knows no dividends. What that costs against an American model is measured in
tests/dispatcher/options/test_oracle.py.
"""

import math
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

# vollib and its arithmetic ship no types.
from py_lets_be_rational.exceptions import VolatilityValueException  # type: ignore[import-untyped]
from vollib.black_scholes.greeks import analytical  # type: ignore[import-untyped]
from vollib.black_scholes.implied_volatility import implied_volatility  # type: ignore[import-untyped]
from vollib.helpers.exceptions import PriceIsAboveMaximum, PriceIsBelowIntrinsic  # type: ignore[import-untyped]

from dispatcher.core.options.chain import Greeks, Listed, Underlying, years_left

PLACES = Decimal("0.000001")


def complete(listed: Listed, spot: Underlying, rate: Decimal, now: datetime) -> Listed:
    """The contract with volatility and greeks: the broker's own where it gave them, ours from the quote's middle."""
    if listed.iv is not None and listed.greeks is not None:
        return listed
    years = years_left(listed.contract, now)
    if listed.quote is None or not listed.two_sided or years <= 0:
        return listed
    flag = "c" if listed.contract.call else "p"
    terms = (float(spot.amount), float(listed.contract.strike), float(years), float(rate))
    sigma = float(listed.iv) if listed.iv is not None else _implied(float(listed.quote.middle), terms, flag)
    if sigma is None:
        return listed
    return replace(listed, iv=listed.iv or _decimal(sigma), greeks=_greeks(flag, terms, sigma), modelled=True)


def _implied(price: float, terms: tuple[float, float, float, float], flag: str) -> float | None:
    """The volatility in a price; None where it holds none, as below its intrinsic value."""
    try:
        found = float(implied_volatility(price, *terms, flag))
    except (ArithmeticError, VolatilityValueException, PriceIsAboveMaximum, PriceIsBelowIntrinsic):
        return None
    return found if math.isfinite(found) and found > 0 else None


def _greeks(flag: str, terms: tuple[float, float, float, float], sigma: float) -> Greeks:
    delta, gamma, theta, vega = (
        _decimal(getattr(analytical, name)(flag, *terms, sigma)) for name in ("delta", "gamma", "theta", "vega")
    )
    return Greeks(delta, gamma, theta, vega)


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(PLACES)
