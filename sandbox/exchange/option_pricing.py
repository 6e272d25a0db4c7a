"""What an option costs: Black-Scholes over a seeded volatility smile.

Floats live here and nowhere else: a model price becomes a Decimal on the option's own tick, and
implied volatility and greeks go out as JSON numbers, as in the real API.
"""

import hashlib
import math
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from sandbox.exchange import black_scholes
from sandbox.exchange.contracts import Contract
from sandbox.exchange.market import Quote
from sandbox.exchange.text import SECOND

RATE = 0.04  # a year
_YEAR = 365 * 86_400 * SECOND
_SHORTEST = 1 / (365 * 24 * 60)  # a minute, in years: the model needs some time left
_THREE = Decimal(3)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities in the units Alpaca uses: theta a day, vega and rho per percentage point."""

    delta: float
    gamma: float
    rho: float
    theta: float
    vega: float


def _terms(contract: Contract, spot: Decimal, at: int) -> black_scholes.Terms:
    return contract.kind.flag, float(spot), float(contract.strike), years_left(contract, at), RATE


def years_left(contract: Contract, at: int) -> float:
    """Tell the time to expiration in years."""
    return max(_SHORTEST, (contract.ends - at) / _YEAR)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a contract is priced by: the stock's price in USD, the time (ns UTC), and how nervous the market is.

    `fear_ppm` is how far the volatility is from the stock's usual one, in parts per million of it.
    """

    spot: Decimal
    at: int
    fear_ppm: int = 0


def volatility(contract: Contract, moment: Moment, seed: int) -> float:
    """Give the volatility the market maker of this exchange prices with: a smile per stock, which moves in time."""
    key = f"{seed}:{contract.underlying}:volatility".encode()
    drawn = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big") / 2**32
    moneyness = math.log(float(contract.strike / moment.spot))
    usual = 0.18 + 0.30 * drawn + 0.25 * moneyness * moneyness - 0.08 * moneyness
    return usual * (1 + moment.fear_ppm / 1_000_000)


def model_price(contract: Contract, moment: Moment, seed: int) -> float:
    """Give the theoretical price in USD per share."""
    terms = _terms(contract, moment.spot, moment.at)
    return black_scholes.price(terms, volatility(contract, moment, seed))


def tick_of(contract: Contract, price: Decimal) -> Decimal:
    """Give the contract's price increment at a price."""
    below, above = contract.increment
    return below if price < _THREE else above


def quote(contract: Contract, moment: Moment, seed: int) -> Quote:
    """Quote a contract around its model price, on its own tick."""
    fair = Decimal(repr(round(model_price(contract, moment, seed), 6)))
    half = max(fair * Decimal("0.01"), contract.increment[0] / 2)
    bid = _on_tick(contract, max(Decimal(0), fair - half), ROUND_DOWN)
    ask = _on_tick(contract, fair + half, ROUND_UP)
    ask = max(ask, bid + tick_of(contract, bid))
    return Quote(bid, ask, _on_tick(contract, (bid + ask) / 2, ROUND_DOWN), moment.at)


def _on_tick(contract: Contract, price: Decimal, rounding: str) -> Decimal:
    step = tick_of(contract, price)
    return (price / step).quantize(Decimal(1), rounding=rounding) * step


def implied(contract: Contract, spot: Decimal, middle: Decimal, at: int) -> float | None:
    """Read the volatility out of a price; None where the price holds none (below intrinsic)."""
    return black_scholes.implied(_terms(contract, spot, at), float(middle))


def greeks(contract: Contract, spot: Decimal, sigma: float, at: int) -> Greeks:
    """Compute the greeks at a volatility."""
    return Greeks(**black_scholes.greeks(_terms(contract, spot, at), sigma))
