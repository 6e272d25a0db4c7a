"""Holdings as a trader counts them: a share or a contract alone is one position, and so is a spread."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import product
from typing import Self

from dispatcher.core.options.combination import Part, worst
from dispatcher.core.positions.instrument import Contract, contract

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """What is held in one symbol: signed quantity, and signed market value in USD, options × 100 included."""

    quantity: Decimal
    market_value: Decimal


@dataclass(frozen=True, slots=True)
class Resting:
    """An order open at the broker, or a leg that the market can reach. `symbols` are one, or those of a spread's legs.

    `cost` in USD is what the part still unfilled takes at its limit, 0 where there is no limit. `buys` says of a spread
    that it is paid for.
    """

    symbols: tuple[str, ...]
    buys: bool
    cost: Decimal


@dataclass(frozen=True, slots=True)
class InFlight:
    """An order of ours that the snapshot cannot know yet. `symbols` as above, `cost` in USD."""

    symbols: tuple[str, ...]
    cost: Decimal


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


@dataclass(frozen=True)
class Holdings:
    """What is held and what is open, at one moment. Its sums are made once, however many decisions ask for them."""

    positions: Mapping[str, Position]
    resting: tuple[Resting, ...]

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """The positions that the holdings make up."""
        return held(self.positions)

    @cached_property
    def exposure(self) -> Decimal:
        """USD: held at what can still be lost, resting at cost."""
        resting = sum((each.cost for each in self.resting if not self._reduces(each)), ZERO)
        return sum((each.exposure for each in self.held), resting)

    @cached_property
    def opening(self) -> frozenset[frozenset[str]]:
        """What rests and may open a position, by its symbols."""
        return frozenset(filter(self.would_open, (frozenset(each.symbols) for each in self.resting)))

    @cached_property
    def symbols(self) -> frozenset[str]:
        """Where anything is held or rests."""
        return frozenset(self.positions).union(*(each.symbols for each in self.resting))

    def would_open(self, symbols: frozenset[str]) -> bool:
        """Whether an order in the symbols would open a position in one of them."""
        return not symbols <= self.positions.keys()

    def _reduces(self, order: Resting) -> bool:
        """An order against a position is an exit: it takes exposure away. A spread says so itself, by its cost."""
        there = self.positions.get(order.symbols[0]) if len(order.symbols) == 1 else None
        return there is not None and order.buys is (there.quantity < 0)


@dataclass(frozen=True, slots=True)
class Flight:
    """Our orders that the holdings cannot know yet, by recommendation.

    Each is summed as it joins: the next decision costs the same, whether three are in flight or three thousand.
    """

    orders: Mapping[int, InFlight] = field(default_factory=dict)
    cost: Decimal = ZERO
    """USD, all of them."""
    symbols: frozenset[str] = frozenset()
    opening: frozenset[frozenset[str]] = frozenset()
    """What may open a position that neither is held nor rests, by its symbols."""

    @classmethod
    def over(cls, holdings: Holdings, orders: Mapping[int, InFlight]) -> Self:
        """Orders in flight over what is held and rests."""
        ways = {frozenset(each.symbols) for each in orders.values()}
        return cls(
            orders,
            sum((each.cost for each in orders.values()), ZERO),
            frozenset().union(*ways),
            frozenset(filter(holdings.would_open, ways - holdings.opening)),
        )

    def joined(self, holdings: Holdings, number: int, order: InFlight) -> Self:
        """With one more, of a recommendation that has none there."""
        alone = self.over(holdings, {number: order})
        return replace(
            self,
            orders={**self.orders, **alone.orders},
            cost=self.cost + alone.cost,
            symbols=self.symbols | alone.symbols,
            opening=self.opening | alone.opening,
        )


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
        if long.position.quantity > 0 > short.position.quantity and long.contract.series == short.contract.series
    ]
    return [(bought, sold) for _, bought, sold in sorted(pairs)]


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
