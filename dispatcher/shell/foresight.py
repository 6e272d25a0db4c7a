"""Quotes asked for while their rows are still being claimed: with the bell upstream's tickers are told."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.core.standing import Quote
from dispatcher.shell.aside import Start

Quotes = dict[str, Quote]
GOOD_FOR = timedelta(seconds=0.5)
"""What was asked for longer ago is asked for again: something took its time between the bell and the decision."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits, is under way, or is answered."""

    symbols: frozenset[str]
    at: datetime
    answer: "Future[Quotes]"


class Foresight:
    """One question ahead. Whoever wants quotes takes its answer for the symbols it is about, and asks for the rest.

    Without a thread to spare (`start`) nothing is asked ahead.
    """

    def __init__(
        self, ask: Callable[[tuple[str, ...]], Quotes], start: Start | None, now: Callable[[], datetime]
    ) -> None:
        self._ask = ask
        self._start = start
        self._now = now
        self._asked: Asked | None = None

    def expect(self, symbols: Collection[str]) -> None:
        """Ask for these aside; what was asked before is of no interest any more."""
        self._asked = None
        if symbols and self._start is not None:
            sought = tuple(sorted(symbols))
            self._asked = Asked(frozenset(sought), self._now(), self._start(lambda: self._ask(sought)))

    def quotes(self, symbols: frozenset[str]) -> Quotes:
        """Quotes of now; a symbol that the broker has none of is left out.

        Raises:
            BrokerUnavailableError: they could not be read.
        """
        asked, self._asked = self._asked, None
        if asked is None or not self._serves(asked, symbols):
            return self._ask(tuple(sorted(symbols))) if symbols else {}
        rest = tuple(sorted(symbols - asked.symbols))
        return asked.answer.result() | (self._ask(rest) if rest else {})

    def _serves(self, asked: Asked, symbols: frozenset[str]) -> bool:
        """Whether its answer is of use: about one of the symbols, young, and not behind other work aside."""
        young = self._now() - asked.at <= GOOD_FOR
        return young and not asked.symbols.isdisjoint(symbols) and not asked.answer.cancel()
