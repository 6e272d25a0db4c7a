"""The volatility of a day that is past, from what its contracts were traded at last.

The definition is that of `volatility`; the moment is the session's close, the prices are trades instead of quotes, and
every volatility is ours. The last trade of a day may be hours old when the stock moves on. A call and a put of the same
strike then err in opposite directions and by nearly the same, so a strike counts only where both hold a volatility.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.volatility import DAYS, NEAREST_DAYS, NoVolatility, Thirty, thirty
from dispatcher.core.positions.instrument import Contract, contract
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Session

Place = TypeVar("Place", date, Decimal)

A_SIDE = 2
"""So many expiries on either side of 30 days, and strikes on either side of the price: the nearest may not have been
traded."""

Closes = Mapping[str, Mapping[date, Decimal]]
"""What was traded at last, USD per share, by symbol and day."""


@dataclass(frozen=True, slots=True)
class PastDay:
    """A session that is over, and the stock's close."""

    session: Session
    spot: Underlying


@dataclass(frozen=True, slots=True)
class Pair:
    """The symbols of a call and a put of one expiry and strike."""

    call: str
    put: str


Grid = Mapping[date, Mapping[Decimal, Pair]]
"""The pairs there are, by expiry and strike."""


def grid(symbols: Iterable[str], underlying: str) -> Grid:
    """Calls and puts paired. Left out is what has no counterpart, and what a split has given another root."""
    known = {symbol: found for symbol in symbols if (found := contract(symbol)) is not None}
    ours = {each: symbol for symbol, each in known.items() if each.underlying == underlying.replace(".", "")}
    pairs: dict[date, dict[Decimal, Pair]] = {}
    for each, symbol in ours.items():
        put = ours.get(Contract(each.underlying, each.expires, call=False, strike=each.strike))
        if each.call and put is not None:
            pairs.setdefault(each.expires, {})[each.strike] = Pair(symbol, put)
    return pairs


def around(day: PastDay, there: Grid) -> Iterator[Pair]:
    """The pairs around 30 days and around the stock's close."""
    today = day.session.day
    first, last = today + timedelta(days=NEAREST_DAYS), today + timedelta(days=2 * DAYS)
    for expires in _nearest((each for each in there if first <= each <= last), today + timedelta(days=DAYS)):
        strikes = there[expires]
        yield from (strikes[strike] for strike in _nearest(strikes, day.spot.amount))


def _nearest(values: Iterable[Place], middle: Place) -> list[Place]:
    ordered = sorted(values)
    place = bisect_right(ordered, middle)
    return ordered[max(0, place - A_SIDE) : place + A_SIDE]


def volatility(
    day: PastDay, there: Grid, closes: Closes, complete: Callable[[Listed], Listed]
) -> Thirty | NoVolatility:
    """The 30-day volatility at the money of a past day; `complete` finds the volatility in a contract's price."""
    chain: list[Listed] = []
    for pair in around(day, there):
        call, put = (_traded(symbol, day, closes) for symbol in (pair.call, pair.put))
        if call is not None and put is not None:
            both = complete(call), complete(put)
            chain += both if all(each.iv is not None for each in both) else ()
    return thirty(chain, day.spot, day.session.closes)


def _traded(symbol: str, day: PastDay, closes: Closes) -> Listed | None:
    """A contract at what it was traded at last, which stands for both sides of a quote; None if it was not."""
    price, named = closes.get(symbol, {}).get(day.session.day), contract(symbol)
    if price is None or named is None:
        return None
    return Listed(symbol, named, Sight(price, price, day.session.closes))
