"""What the broker remembers of days that are past: sessions, contracts that have ended since, daily closes."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from dispatcher.adapters import option_wire, wire
from dispatcher.core.standing import Session
from dispatcher.option_ports import Window

T = TypeVar("T")

BARS = 10_000
"""Bars a page answers with at most."""


class Pages(Protocol):
    """One of the broker's hosts: every page of an answer, its inner part read."""

    def __call__(self, path: str, asked: dict[str, str], key: str, parse: Callable[[Any], T]) -> Iterator[T]:
        """Raises BrokerUnavailableError."""


class AlpacaHistory:
    """See option_ports.OptionHistory."""

    def __init__(
        self, sessions: Callable[[date, date], tuple[Session, ...]], trading: Pages, stocks: Pages, options: Pages
    ) -> None:
        self.sessions = sessions
        self._trading = trading
        self._stocks = stocks
        self._options = options

    def contracts(self, underlying: str, window: Window) -> tuple[str, ...]:
        """See option_ports.OptionHistory. What has ended and what has not are two lists."""
        asked = option_wire.contracts(underlying, window)
        asks = (asked | {"status": status} for status in ("inactive", "active"))
        pages = (self._trading("/options/contracts", each, "option_contracts", option_wire.terms) for each in asks)
        return tuple(symbol for ask in pages for page in ask for symbol in page)

    def closes(self, symbols: tuple[str, ...], first: Session, last: Session) -> dict[str, dict[date, Decimal]]:
        """See option_ports.OptionHistory."""
        shares, contracts = wire.apart(symbols)
        span = option_wire.span(first, last) | {"limit": str(BARS)}
        found: dict[str, dict[date, Decimal]] = {}
        for host, path, kind in ((self._stocks, "/stocks/bars", shares), (self._options, "/options/bars", contracts)):
            for names in wire.named(kind):
                for page in host(path, span | {"symbols": names}, "bars", option_wire.closes):
                    for symbol, days in page.items():
                        found.setdefault(symbol, {}).update(days)
        return found
