"""Quotes asked for while their rows are still being claimed: with the bell upstream's tickers are told."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.core.standing import Quote
from dispatcher.shell.aside import at_once

Quotes = dict[str, Quote]
GOOD_FOR = timedelta(seconds=0.5)
"""What was asked for longer ago is asked for again: something took its time between the bell and the decision."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked ahead, and what it came to."""

    symbols: frozenset[str]
    at: datetime
    answer: "Future[Quotes]"


class Foresight:
    """One question ahead. Whoever wants quotes takes its answer for the symbols it is about, and asks for the rest."""

    def __init__(self, ask: Callable[[tuple[str, ...]], Quotes], now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._now = now
        self._asked: Asked | None = None

    def expect(self, symbols: Collection[str]) -> None:
        """Ask for these; what was asked before is of no interest any more. What goes wrong is for who wants a quote."""
        self._asked = None
        if symbols:
            sought, at = tuple(sorted(symbols)), self._now()
            self._asked = Asked(frozenset(sought), at, at_once(lambda: self._ask(sought)))

    def quotes(self, symbols: frozenset[str]) -> Quotes:
        """Quotes of now; a symbol that the broker has none of is left out.

        Raises:
            BrokerUnavailableError: they could not be read.
        """
        asked, self._asked = self._asked, None
        if asked is None or asked.symbols.isdisjoint(symbols) or self._now() - asked.at > GOOD_FOR:
            return self._ask(tuple(sorted(symbols))) if symbols else {}
        rest = tuple(sorted(symbols - asked.symbols))
        return asked.answer.result() | (self._ask(rest) if rest else {})
