"""The model, by vollib: price, implied volatility, greeks.

Everything is a float: years, USD per share, rates and volatilities a year, c or p for the kind.
"""

import math

# vollib and its arithmetic ship no types.
from py_lets_be_rational.exceptions import VolatilityValueException  # type: ignore[import-untyped]
from vollib.black_scholes import black_scholes  # type: ignore[import-untyped]
from vollib.black_scholes.greeks import analytical  # type: ignore[import-untyped]
from vollib.black_scholes.implied_volatility import implied_volatility  # type: ignore[import-untyped]
from vollib.helpers.exceptions import PriceIsAboveMaximum, PriceIsBelowIntrinsic  # type: ignore[import-untyped]

_NAMES = ("delta", "gamma", "rho", "theta", "vega")

Terms = tuple[str, float, float, float, float]  # kind, stock's price, strike, years left, rate


def price(terms: Terms, sigma: float) -> float:
    """Give the theoretical price."""
    return float(black_scholes(*terms, sigma))


def implied(terms: Terms, paid: float) -> float | None:
    """Read the volatility out of a price; None where the price holds none (below intrinsic)."""
    flag, *numbers = terms
    try:
        found = implied_volatility(paid, *numbers, flag)
    except (ArithmeticError, VolatilityValueException, PriceIsAboveMaximum, PriceIsBelowIntrinsic):
        return None
    return float(found) if math.isfinite(found) and found > 0 else None


def greeks(terms: Terms, sigma: float) -> dict[str, float]:
    """Give delta, gamma, rho, theta and vega by name."""
    return {name: float(getattr(analytical, name)(*terms, sigma)) for name in _NAMES}
