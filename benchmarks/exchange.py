"""How fast the exchange takes orders: throughput, latency at a steady pace, and with full books.

Run: python benchmarks/exchange.py [--orders 10000] [--books 100000]. The server is a process of its
own; its CPU seconds are counted, so that "orders per second on one core" does not depend on how
busy the machine's other cores are.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

CONFIG = """
seed = 7
now = "2026-11-23T10:00:00-05:00"
[settings]
rate_limit = 0
[[accounts]]
number = "PA3BENCH"
key = "PKBENCH"
secret = "bench"
cash = "1000000000000"
[quotes.AAPL]
bid = "99.98"
ask = "100.02"
"""
_numbers = count(1)


@dataclass(frozen=True)
class Run:
    """What a run of orders took: seconds on the clock, seconds of the server's CPU, each latency in ms."""

    orders: int
    wall: float
    cpu: float
    latencies: list[float]

    @property
    def per_core(self) -> float:
        """Orders per second of the server's CPU."""
        return self.orders / self.cpu

    def percentile(self, share: float) -> float:
        """The latency in ms that a share of the orders stays under."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@contextmanager
def exchange() -> Iterator[tuple[str, int]]:
    """Start the program, give its address and process id, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exchange.toml"
        path.write_text(CONFIG)
        command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", "--config", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            address = program.stdout.readline().rpartition("http://")[2].strip()
            try:
                yield address, program.pid
            finally:
                program.send_signal(signal.SIGTERM)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def order(address: str, *, resting: bool) -> bytes:
    """One POST as bytes: a buy that fills at once, or one that rests."""
    body = json.dumps(
        {
            "symbol": "AAPL",
            "qty": "1",
            "side": "buy",
            "type": "limit",
            "time_in_force": "gtc",
            "limit_price": "50" if resting else "100.05",
            "client_order_id": f"bench-{next(_numbers)}",
        }
    )
    return (
        f"POST /v2/orders HTTP/1.1\r\nHost: {address}\r\nAPCA-API-KEY-ID: PKBENCH\r\n"
        f"APCA-API-SECRET-KEY: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Client:
    """One keep-alive connection that sends an order and waits for its answer."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def connect(self) -> None:
        """Open the connection."""
        host, _, port = self.address.partition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))

    async def send(self, *, resting: bool) -> float:
        """Send one order; gives the milliseconds until its whole answer was read."""
        started = time.perf_counter()
        self.writer.write(order(self.address, resting=resting))
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        await self.reader.readexactly(length)
        return (time.perf_counter() - started) * 1000


async def flat_out(clients: list[Client], orders: int, *, resting: bool) -> list[float]:
    """Send as fast as the connections allow."""

    async def work(client: Client, share: int) -> list[float]:
        return [await client.send(resting=resting) for _ in range(share)]

    parts = await asyncio.gather(*(work(c, orders // len(clients)) for c in clients))
    return [latency for part in parts for latency in part]


async def paced(clients: list[Client], orders: int, per_second: float) -> list[float]:
    """Send at a steady pace; latency counts from when an order was due."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in clients:
        free.put_nowait(client)
    begun = time.perf_counter()

    async def one(number: int) -> float:
        due = begun + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        client = await free.get()
        await client.send(resting=True)
        free.put_nowait(client)
        return (time.perf_counter() - due) * 1000

    return list(await asyncio.gather(*(one(n) for n in range(orders))))


async def measure(pid: int, work: Awaitable[list[float]]) -> Run:
    """Time some work, on the clock and on the server's CPU."""
    cpu, wall = cpu_seconds(pid), time.perf_counter()
    latencies = await work
    return Run(len(latencies), time.perf_counter() - wall, cpu_seconds(pid) - cpu, latencies)


async def bench(address: str, pid: int, orders: int, books: int) -> dict[str, float]:
    """Measure with empty books, then with full ones."""
    clients = [Client(address) for _ in range(8)]
    for client in clients:
        await client.connect()
    await flat_out(clients, 400, resting=False)
    filled = await measure(pid, flat_out(clients, orders, resting=False))
    rested = await measure(pid, flat_out(clients, orders, resting=True))
    steady = await measure(pid, paced(clients, 2000, 500))
    await flat_out(clients, max(0, books - orders), resting=True)
    full = await measure(pid, flat_out(clients, orders, resting=True))
    full_filled = await measure(pid, flat_out(clients, orders, resting=False))
    full_steady = await measure(pid, paced(clients, 2000, 500))
    return {
        "filled orders/s": filled.orders / filled.wall,
        "filled orders per server CPU second": filled.per_core,
        "resting orders/s": rested.orders / rested.wall,
        "resting orders per server CPU second": rested.per_core,
        "median ms at 500/s": statistics.median(steady.latencies),
        "p99 ms at 500/s": steady.percentile(0.99),
        f"resting orders per server CPU second, {books} in the books": full.per_core,
        f"filled orders per server CPU second, {books} in the books": full_filled.per_core,
        f"p99 ms at 500/s, {books} in the books": full_steady.percentile(0.99),
    }


def main() -> None:
    """Start an exchange, measure it, print a line per measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--books", type=int, default=100_000)
    given = parser.parse_args()
    with exchange() as (address, pid):
        results = asyncio.run(bench(address, pid, given.orders, given.books))
    for name, value in results.items():
        print(f"{value:12.2f}  {name}")


if __name__ == "__main__":
    main()
