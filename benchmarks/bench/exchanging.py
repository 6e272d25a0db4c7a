"""The exchange beside the least that a server of its kind can do: a bare aiohttp server, same client, same run."""

import asyncio

from benchmarks import exchange
from benchmarks.bench.measure import Measure

ORDERS, BOOKS = 10_000, 100_000
_BARE = "bare aiohttp server, a constant answer"
_EMPTY = "the exchange with few orders"


def measures() -> list[Measure]:
    """Orders a second, and the latency at a steady 500 of them, with few orders and with full books."""
    least, empty, full = asyncio.run(exchange.bench(ORDERS, BOOKS))
    paced = f"p99 ms at {exchange.PACE:g} orders/s"
    return [
        Measure(
            "exchange: filled orders/s",
            empty.filled.orders / empty.filled.wall,
            least.filled.orders / least.filled.wall,
            "1/s",
            _BARE,
        ),
        Measure("exchange: filled orders per CPU second", empty.filled.per_core, least.filled.per_core, "1/s", _BARE),
        Measure(f"exchange: {paced}", empty.steady.percentile(0.99), least.steady.percentile(0.99), "ms", _BARE),
        Measure(
            f"exchange: resting orders per CPU second, {BOOKS:,} in the books",
            full.rested.per_core,
            empty.rested.per_core,
            "1/s",
            _EMPTY,
        ),
        Measure(
            f"exchange: {paced}, {BOOKS:,} in the books",
            full.steady.percentile(0.99),
            empty.steady.percentile(0.99),
            "ms",
            _EMPTY,
        ),
    ]
