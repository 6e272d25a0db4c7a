"""What things cost: a seeded walk that is a function of symbol and time, or fixed quotes.

The walk sums a few layers of smooth noise, each hashed from (seed, symbol, layer, step), so any
moment can be asked in any order and the same seed gives the same market. Integers only.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import lru_cache

from sandbox.exchange.text import SECOND

_PPM = 1_000_000
_LAYERS = (  # (seconds per step, amplitude in parts per million of the anchor price)
    (2, 60),
    (60, 500),
    (3_600, 2_500),
    (86_400, 9_000),
    (30 * 86_400, 50_000),
)
_HALF_SPREAD_PPM = 60
_CENT, _FINE = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and offer and the last trade, USD, at an instant in ns UTC."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    at: int

    @property
    def middle(self) -> Decimal:
        """Half way between bid and ask."""
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices and volume of one stretch of time that begins at `at` (ns UTC)."""

    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@lru_cache(maxsize=65_536)
def _noise(seed: int, symbol: str, period: int, step: int) -> int:
    key = f"{seed}:{symbol}:{period}:{step}".encode()
    drawn = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
    return drawn % (2 * _PPM + 1) - _PPM


def _drift_ppm(seed: int, symbol: str, at: int) -> int:
    total = 0
    for period, amplitude in _LAYERS:
        span = period * SECOND
        step, inside = divmod(at, span)
        here = _noise(seed, symbol, period, step)
        there = _noise(seed, symbol, period, step + 1)
        total += amplitude * (here + (there - here) * inside // span) // _PPM
    return total


def _snap(price: Decimal, rounding: str) -> Decimal:
    step = _CENT if price >= 1 else _FINE
    return max(step, price.quantize(step, rounding=rounding))


class Market:
    """Quotes of every symbol at any moment."""

    def __init__(self, seed: int, volatility: Decimal) -> None:
        """Start a market; `volatility` 1 moves a few per cent a month, 0 stands still."""
        self._seed = seed
        self.volatility = volatility
        self._fixed: dict[str, tuple[Decimal, Decimal, Decimal]] = {}

    def fix(self, symbol: str, bid: Decimal, ask: Decimal, last: Decimal | None) -> None:
        """Hold a symbol's quote in place (USD) until it is fixed anew or released."""
        middle = _snap((bid + ask) / 2, ROUND_DOWN)
        self._fixed[symbol] = (bid, ask, middle if last is None else last)

    def fixed_quote(self, symbol: str, at: int) -> Quote | None:
        """Give a quote that is held in place, if it is."""
        fixed = self._fixed.get(symbol)
        return None if fixed is None else Quote(*fixed, at)

    def release(self, symbol: str) -> None:
        """Let a symbol walk again."""
        self._fixed.pop(symbol, None)

    def fixed(self) -> Mapping[str, tuple[Decimal, Decimal, Decimal]]:
        """Give bid, ask and last trade of every symbol held in place."""
        return dict(self._fixed)

    def quote(self, symbol: str, anchor: Decimal, at: int) -> Quote:
        """Quote a stock at a moment."""
        fixed = self.fixed_quote(symbol, at)
        if fixed is not None:
            return fixed
        return self._walking(symbol, anchor, at // SECOND * SECOND)

    def _walking(self, symbol: str, anchor: Decimal, at: int) -> Quote:
        middle = self.middle(symbol, anchor, at)
        half = middle * _HALF_SPREAD_PPM / _PPM
        bid = _snap(middle - half, ROUND_DOWN)
        ask = max(_snap(middle + half, ROUND_UP), bid + (_CENT if bid >= 1 else _FINE))
        return Quote(bid, ask, _snap(middle, ROUND_DOWN), at)

    def middle(self, symbol: str, anchor: Decimal, at: int) -> Decimal:
        """Give the walk's exact price; a fixed symbol's history walks around its quote."""
        fixed = self._fixed.get(symbol)
        base = (fixed[0] + fixed[1]) / 2 if fixed else anchor
        moved = int(_drift_ppm(self._seed, symbol, at) * self.volatility)
        return base * (_PPM + moved) / _PPM

    def bar(self, symbol: str, anchor: Decimal, at: int, length: int) -> Bar:
        """Summarise the walk from `at` on for `length` nanoseconds."""
        samples = [_snap(self.middle(symbol, anchor, at + length * i // 8), ROUND_DOWN) for i in range(9)]
        traded = abs(_noise(self._seed, symbol + "/volume", length // SECOND, at // length))
        volume = 100 + traded * (length // SECOND) // 5_000
        return Bar(at, samples[0], max(samples), min(samples), samples[-1], volume)
