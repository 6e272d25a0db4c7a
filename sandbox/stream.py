"""A small steady stream of recommendations, for a world that stands: something for a release to be proven by.

Every ten seconds one share of a symbol that nobody has seen before, at a quote that fills it at once. What is held by
then is sold by the market itself: its quote goes above the target. So the smallest account has room for the next one,
and no symbol is ever cooling down.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from string import ascii_uppercase
from time import monotonic
from typing import Any

from sandbox.feed import Fed, insert
from sandbox.postgres import Database
from sandbox.recommendations import plan, stands
from sandbox.venue import Venue

EVERY_SECONDS = 10.0
"""More would spend the budget of requests: an order costs an account several of its 200 a minute."""
_BOUGHT_AT = {"bid": "99.98", "ask": "100.02"}
_SOLD_AT = {"bid": "102.10", "ask": "102.14"}
"""USD: the entry fills at the first quote, the target at the second."""
_CONFIDENCE = 0.9


def _symbols() -> Iterator[str]:
    """QAAA, QAAB and so on."""
    return ("Q" + "".join(letters) for letters in product(ascii_uppercase, repeat=3))


@dataclass
class Stream:
    """Upstream and market at once."""

    database: Database
    venue: Venue
    clock: Callable[[], float] = monotonic
    _unseen: Iterator[str] = field(default_factory=_symbols)
    _seen: set[str] = field(default_factory=set)
    _due: float = float("-inf")

    def step(self) -> None:
        """Sell what is held and recommend something new, if it is time; nothing before there are tables."""
        if self.clock() < self._due:
            return
        self._due = self.clock() + EVERY_SECONDS
        with self.database.connect() as connection:
            if connection.execute("select to_regclass('dispatch_recommendations')").fetchone() == (None,):
                return
            state = self.venue.state()
            for symbol in self._seen & _held(state):
                self.venue.quote(symbol, **_SOLD_AT)
            insert(connection, (self._fresh(),), datetime.fromisoformat(state["now"]))

    def _fresh(self) -> Fed:
        """A recommendation of a symbol that is listed for it."""
        symbol = next(self._unseen)
        self._seen.add(symbol)
        self.venue.list_stock(symbol, name="Of the steady stream")
        self.venue.quote(symbol, **_BOUGHT_AT)
        return Fed(
            f"stream-{symbol}",
            "an order that fills at once",
            stands("100.02", "102.00", "97.00", 1),
            symbol,
            reason=plan(100.02, 97.00, 102.00, 1),
            confidence=_CONFIDENCE,
        )


def _held(state: Mapping[str, Any]) -> set[str]:
    """Every symbol that any account holds."""
    return {position["symbol"] for account in state["accounts"] for position in account["positions"]}
