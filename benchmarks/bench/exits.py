"""From a quote that ends a position to the order, beside a bare alpaca-py loop; and what 500 positions cost.

Ours is the time from the moment a quote below the stop was read to the moment its close is about to leave: decision,
commit, the look at what stands and what is held. The peer reads a quote and calls close_position, and keeps no books.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter

from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.requests import OptionLatestQuoteRequest
from alpaca.trading.client import TradingClient

from benchmarks.bench.measure import Measure, percentile
from benchmarks.manager import KEY, SECRET, Manager, manager
from contract.limits import ByHand
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.commands.service import keep_what_is_loaded
from dispatcher.core.outcome import Outcome
from dispatcher.core.positions.book import Exit, ExitReason
from dispatcher.core.positions.sight import Sight
from dispatcher.position_ports import NAMES
from dispatcher.shell.positions.exiting import mark
from dispatcher.shell.positions.serve import SPACING_SECONDS

EXITS = 200
MANY, FALLING = 500, 50
A_MINUTE = 200
"""Requests the broker allows an account."""
CALL = "AAPL261218C00200000"
OPEN = datetime.fromisoformat("2026-11-23T10:00:00-05:00")
DEAR, CHEAP = {"bid": "1.98", "ask": "2.02"}, {"bid": "1.00", "ask": "1.04"}


class Timed(AlpacaBroker):
    """Takes the time when quotes have come, and when a close is about to leave."""

    seen_at = 0.0
    milliseconds: list[float]

    def sights(self, symbols: tuple[str, ...]) -> dict[str, Sight]:
        """Quotes, and when they came."""
        found = super().sights(symbols)
        self.seen_at = perf_counter()
        return found

    def close(self, symbol: str) -> Outcome:
        """A close, and how long after the quotes."""
        self.milliseconds.append((perf_counter() - self.seen_at) * 1000)
        return super().close(symbol)


def measures() -> Iterator[Measure]:
    """Latency of an exit, and requests of a minute."""
    ours: list[float] = []
    Timed.milliseconds = ours
    with manager(OPEN, {CALL: DEAR}, broker=Timed) as standing:
        standing.turn()
        for _ in range(EXITS):
            _leave(standing)
        bare = [_bare(standing) for _ in range(EXITS)]
    peer = "alpaca-py, quote read to close_position answered"
    yield Measure("quote_to_exit_p50_ms", percentile(ours, 50), percentile(bare, 50), "ms", peer)
    yield Measure("quote_to_exit_p99_ms", percentile(ours, 99), percentile(bare, 99), "ms", peer)
    yield Measure("quote_to_exit_among_500_p99_ms", percentile(_among_many(), 99), percentile(bare, 99), "ms", peer)
    limit = "the broker's limit per account"
    yield Measure("requests_a_minute_500_positions", _requests_a_minute(), A_MINUTE, "requests/min", limit)
    yield Measure("flatten_500_positions_requests", _flatten(), A_MINUTE, "requests", f"{limit} and minute")


def _leave(standing: Manager) -> None:
    standing.exchange.quotes({CALL: DEAR})
    standing.buy(CALL, 1)
    standing.turn()
    standing.exchange.quotes({CALL: CHEAP})
    standing.turn()
    standing.turn()


def _among_many() -> list[float]:
    """Milliseconds as above, while 500 contracts are held and one after the other falls."""
    symbols = [
        f"{underlying}{expires}{kind}{strike * 1000:08d}"
        for underlying in ("AAPL", "ADBE", "AMZN", "MSFT", "NVDA")
        for expires in ("261204", "261218")
        for kind in "CP"
        for strike in range(150, 275, 5)
    ]
    held = {symbol: {"qty": "1", "avg_entry_price": "2"} for symbol in symbols}
    found: list[float] = []
    Timed.milliseconds = found
    with manager(OPEN, dict.fromkeys(symbols, DEAR), held=held, broker=Timed) as standing:
        keep_what_is_loaded()  # as a service does
        for symbol in (None, None, *symbols[:: MANY // FALLING]):
            standing.advance(MANY / NAMES)
            if symbol is not None:
                standing.exchange.quotes({symbol: CHEAP})
            standing.turn()
    return found


def _bare(standing: Manager) -> float:
    """Milliseconds of the same by hand."""
    trading = TradingClient(KEY, SECRET, url_override=standing.exchange.url)
    data = OptionHistoricalDataClient(KEY, SECRET, url_override=standing.exchange.url)
    standing.buy(CALL, 1)
    data.get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=CALL))
    read_at = perf_counter()
    trading.close_position(CALL)
    return (perf_counter() - read_at) * 1000


@contextmanager
def _crowd() -> Iterator[Manager]:
    """A manager of 500 positions in shares that a policy only alarms, all of them in its books."""
    symbols = [f"S{number:03d}" for number in range(MANY)]
    quotes = {symbol: {"bid": "99.98", "ask": "100.02"} for symbol in symbols}
    held = {symbol: {"qty": "1", "avg_entry_price": "100"} for symbol in symbols}
    with manager(OPEN, quotes, held=held, by_hand=ByHand.ALARM) as standing:
        for _ in range(3):
            standing.turn()
            standing.advance(SPACING_SECONDS)
        yield standing


def _flatten() -> float:
    """Requests from the wish that everything goes until the broker holds nothing and the books say so."""
    with _crowd() as standing:
        before, leaving = standing.requests(), Exit(ExitReason.FLATTEN, "a bench", "nothing held", standing.at)
        mark(standing.desk, standing.turn().books.values(), leaving)
        while standing.turn().books:
            standing.advance(SPACING_SECONDS)
        return standing.requests() - before


def _requests_a_minute() -> float:
    """Of quiet turns as often as they may be."""
    turns = int(60 / SPACING_SECONDS)
    with _crowd() as standing:
        before = standing.requests()
        for _ in range(turns):
            standing.turn()
            standing.advance(SPACING_SECONDS)
        return standing.requests() - before
