"""Holdings as a trader counts them: a share or a contract alone is one position, and so is a spread."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from dispatcher.core.options.combination import Part, worst
from dispatcher.core.positions.instrument import Contract, contract
from dispatcher.core.standing import Position, Resting, Standing

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """One position. `exposure` in USD is what it can still lose."""

    symbols: tuple[str, ...]
    exposure: Decimal


@dataclass(frozen=True, slots=True)
class _Leg:
    symbol: str
    contract: Contract
    position: Position


def exposure(standing: Standing) -> Decimal:
    """USD: held at what can still be lost, resting and in flight at cost."""
    there = sum((each.exposure for each in held(standing.positions)), ZERO)
    resting = sum((each.cost for each in standing.resting if not _reduces(each, standing)), ZERO)
    return there + resting + sum((each.cost for each in standing.in_flight), ZERO)


def count(standing: Standing) -> int:
    """Positions held, and those that may come of what rests and is in flight."""
    resting, in_flight = (each.symbols for each in standing.resting), (each.symbols for each in standing.in_flight)
    orders = {frozenset(each) for each in (*resting, *in_flight)}
    return len(held(standing.positions)) + sum(not each <= standing.positions.keys() for each in orders)


def _reduces(order: Resting, standing: Standing) -> bool:
    """An order against a position is an exit: it takes exposure away. A spread says so itself, by its cost."""
    there = standing.positions.get(order.symbols[0]) if len(order.symbols) == 1 else None
    return there is not None and order.buys is (there.quantity < 0)


def held(positions: Mapping[str, Position]) -> tuple[Held, ...]:
    """The positions that the holdings make up.

    Contracts of one underlying, expiry and kind, bought and sold, are spreads, the nearest strikes first. What they
    leave over stands alone. A share counts with its market value.
    """
    legs = [_Leg(symbol, named, each) for symbol, each in positions.items() if (named := contract(symbol)) is not None]
    shares = (Held((symbol,), abs(each.market_value)) for symbol, each in positions.items() if contract(symbol) is None)
    return (*shares, *_spreads(legs))


def _spreads(legs: list[_Leg]) -> Iterator[Held]:
    left = {each.symbol: each for each in legs}
    for bought, sold in _partners(legs):
        long, short = left[bought], left[sold]
        units = min(abs(long.position.quantity), abs(short.position.quantity))
        if units == 0:
            continue
        yield _loses(_part(long, units), _part(short, units))
        for each in (long, short):
            left[each.symbol] = _part(each, abs(each.position.quantity) - units)
    yield from (_loses(each) for each in left.values() if each.position.quantity != 0)


def _partners(legs: list[_Leg]) -> list[tuple[str, str]]:
    """Every pair of symbols that may be a spread, bought and sold, the nearest strikes first."""
    pairs = [
        (abs(long.contract.strike - short.contract.strike), long.symbol, short.symbol)
        for long, short in product(legs, legs)
        if long.position.quantity > 0 > short.position.quantity and _alike(long.contract, short.contract)
    ]
    return [(bought, sold) for _, bought, sold in sorted(pairs)]


def _alike(ours: Contract, theirs: Contract) -> bool:
    return (ours.underlying, ours.expires, ours.call) == (theirs.underlying, theirs.expires, theirs.call)


def _part(leg: _Leg, quantity: Decimal) -> _Leg:
    """So many contracts of it, on its side."""
    whole = leg.position
    worth = whole.market_value * quantity / abs(whole.quantity)
    return replace(leg, position=Position(quantity.copy_sign(whole.quantity), worth))


def _loses(*legs: _Leg) -> Held:
    """What the legs are worth now, and what they can owe at their end: no more than both together can be lost.

    Of a spread that was paid for that is its worth, of one that brought a credit the width less what it costs to buy
    back. Where quotes say that there is less than nothing to lose, there is nothing.
    """
    owed = worst([Part(each.contract, each.position.quantity) for each in legs])
    worth = sum((each.position.market_value for each in legs), ZERO)
    return Held(tuple(each.symbol for each in legs), max(ZERO, owed + worth))
