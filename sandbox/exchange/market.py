"""What things cost: a seeded walk that is a function of symbol and time, a recording, or fixed quotes.

The walk sums a few layers of smooth noise, each hashed from (seed, symbol, layer, step), so any
moment can be asked in any order and the same seed gives the same market. Integers only.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import lru_cache
from operator import attrgetter

from sandbox.exchange.text import SECOND

_PPM = 1_000_000
_LAYERS = (  # (seconds per step, amplitude in parts per million of the anchor price)
    (2, 60),
    (60, 500),
    (3_600, 2_500),
    (86_400, 9_000),
    (30 * 86_400, 50_000),
)
_FEAR = (  # the same of what is paid for options: seconds per step, parts per million of a stock's usual volatility
    (5 * 86_400, 100_000),
    (60 * 86_400, 300_000),
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


_at = attrgetter("at")


@lru_cache(maxsize=65_536)
def _noise(seed: int, symbol: str, period: int, step: int) -> int:
    key = f"{seed}:{symbol}:{period}:{step}".encode()
    drawn = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
    return drawn % (2 * _PPM + 1) - _PPM


def _drift_ppm(seed: int, symbol: str, at: int, layers: Sequence[tuple[int, int]]) -> int:
    total = 0
    for period, amplitude in layers:
        span = period * SECOND
        step, inside = divmod(at, span)
        here = _noise(seed, symbol, period, step)
        there = _noise(seed, symbol, period, step + 1)
        total += amplitude * (here + (there - here) * inside // span) // _PPM
    return total


def samples_of(at: int, length: int) -> Iterator[int]:
    """Give the moments a bar is drawn from, first and last included."""
    return (at + length * i // 8 for i in range(9))


def middle_of(bid: Decimal, ask: Decimal) -> Decimal:
    """Give the last trade a quote stands for when none is named: its middle, on the tick below."""
    return _snap((bid + ask) / 2, ROUND_DOWN)


def _snap(price: Decimal, rounding: str) -> Decimal:
    step = _CENT if price >= 1 else _FINE
    return max(step, price.quantize(step, rounding=rounding))


class Market:
    """Quotes of every symbol at any moment."""

    def __init__(self, seed: int, volatility: Decimal, recording: Mapping[str, Sequence[Quote]]) -> None:
        """Start a market; `volatility` 1 moves a few per cent a month, 0 stands still, and so do options' volatilities.

        The symbols of a recording are quoted as it says: each quote holds until the next.
        """
        self._seed = seed
        self._volatility = volatility
        self._recording = recording
        self._moments = sorted({quote.at for quotes in recording.values() for quote in quotes})
        self._fixed: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
        self.changes = 0
        """How often somebody has changed what is quoted."""

    @property
    def volatility(self) -> Decimal:
        """How much prices move: 1 is a few per cent a month."""
        return self._volatility

    @volatility.setter
    def volatility(self, volatility: Decimal) -> None:
        self._volatility = volatility
        self.changes += 1

    def moved_at(self, at: int) -> int:
        """Tell when prices moved last by themselves, up to a moment: with its second, or by the recording within it."""
        index = bisect_right(self._moments, at)
        return max(at // SECOND * SECOND, self._moments[index - 1] if index else 0)

    def fix(self, symbol: str, bid: Decimal, ask: Decimal, last: Decimal | None) -> None:
        """Hold a symbol's quote in place (USD) until it is fixed anew or released."""
        self._fixed[symbol] = (bid, ask, middle_of(bid, ask) if last is None else last)
        self.changes += 1

    def given_quote(self, symbol: str, at: int) -> Quote | None:
        """Give a quote that is held in place or was recorded, if there is one."""
        fixed = self._fixed.get(symbol)
        if fixed is not None:
            return Quote(*fixed, at)
        recorded = self._recording.get(symbol)
        if recorded is None:
            return None
        return recorded[max(0, bisect_right(recorded, at, key=_at) - 1)]

    def is_fixed(self, symbol: str) -> bool:
        """Tell whether a symbol's quote is held in place."""
        return symbol in self._fixed

    def is_recorded(self, symbol: str) -> bool:
        """Tell whether a symbol is quoted from the recording."""
        return symbol in self._recording and symbol not in self._fixed

    def next_moment(self, after: int) -> int | None:
        """Tell when the recording quotes next, after a moment."""
        index = bisect_right(self._moments, after)
        return self._moments[index] if index < len(self._moments) else None

    def recorded(self, symbol: str, after: int, until: int) -> Sequence[Quote]:
        """List what was recorded after one moment and until another; none while the quote is held in place."""
        quotes = () if symbol in self._fixed else self._recording.get(symbol, ())
        return quotes[bisect_right(quotes, after, key=_at) : bisect_right(quotes, until, key=_at)]

    def release(self, symbol: str) -> None:
        """Let a symbol walk again."""
        self._fixed.pop(symbol, None)
        self.changes += 1

    def fixed(self) -> Mapping[str, tuple[Decimal, Decimal, Decimal]]:
        """Give bid, ask and last trade of every symbol held in place."""
        return dict(self._fixed)

    def quote(self, symbol: str, anchor: Decimal, at: int) -> Quote:
        """Quote a stock at a moment."""
        given = self.given_quote(symbol, at)
        if given is not None:
            return given
        return self._walking(symbol, anchor, at // SECOND * SECOND)

    def _walking(self, symbol: str, anchor: Decimal, at: int) -> Quote:
        middle = self.middle(symbol, anchor, at)
        half = middle * _HALF_SPREAD_PPM / _PPM
        bid = _snap(middle - half, ROUND_DOWN)
        ask = max(_snap(middle + half, ROUND_UP), bid + (_CENT if bid >= 1 else _FINE))
        return Quote(bid, ask, _snap(middle, ROUND_DOWN), at)

    def middle(self, symbol: str, anchor: Decimal, at: int) -> Decimal:
        """Give the exact price; a recorded one stands, a fixed symbol's history walks around its quote."""
        if self.is_recorded(symbol):
            return self.quote(symbol, anchor, at).middle
        fixed = self._fixed.get(symbol)
        base = (fixed[0] + fixed[1]) / 2 if fixed else anchor
        moved = int(_drift_ppm(self._seed, symbol, at, _LAYERS) * self.volatility)
        return base * (_PPM + moved) / _PPM

    def fear_ppm(self, symbol: str, at: int) -> int:
        """Tell how far the volatility of a stock's options is from its usual one, in parts per million of it.

        It stands still where the stock is recorded, and walks in a fixed symbol's history as its price does.
        """
        if self.is_recorded(symbol):
            return 0
        return int(_drift_ppm(self._seed, f"{symbol}/fear", at, _FEAR) * min(self.volatility, Decimal(1)))

    def traded(self, symbol: str, anchor: Decimal, at: int) -> Decimal:
        """Give the price a stock was traded at, on its tick."""
        return _snap(self.middle(symbol, anchor, at), ROUND_DOWN)

    def bar(self, symbol: str, anchor: Decimal, at: int, length: int) -> Bar:
        """Summarise a stock's prices from `at` on for `length` nanoseconds."""
        samples = [self.traded(symbol, anchor, moment) for moment in samples_of(at, length)]
        return self.summary(symbol, at, length, samples)

    def summary(self, symbol: str, at: int, length: int, samples: Sequence[Decimal]) -> Bar:
        """Make a bar of samples in order of time, or of what the recording says instead."""
        passed = [quote.last for quote in self.recorded(symbol, at, at + length - 1)]
        before = self.given_quote(symbol, at)
        if passed and before is not None:
            samples = [before.last, *passed]
        traded = abs(_noise(self._seed, symbol + "/volume", length // SECOND, at // length))
        volume = 100 + traded * (length // SECOND) // 5_000
        return Bar(at, samples[0], max(samples), min(samples), samples[-1], volume)
