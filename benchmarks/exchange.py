"""How fast the exchange takes orders: throughput, latency at a steady pace, and with full books.

Run: python -m benchmarks.exchange [--orders 10000] [--books 100000]. The server is a process of its own; its CPU
seconds are counted, so that "orders per second of one core" does not depend on how busy the machine's other cores are.
Beside it, measured in the same run with the same client: a bare aiohttp server that answers every request with the
same bytes of an order, which is the least that this kind of server can do.
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

from aiohttp import web

PACE, PACED = 500.0, 3_000  # orders a second, and how many of them
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


@dataclass(frozen=True)
class Server:
    """A server under test: where it listens, and its process."""

    address: str
    pid: int


@contextmanager
def exchange() -> Iterator[Server]:
    """Start the exchange as a program of its own, and stop it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exchange.toml"
        path.write_text(CONFIG)
        with _program("-m", "sandbox.exchange", "--port", "0", "--config", str(path)) as server:
            yield server


@contextmanager
def bare() -> Iterator[Server]:
    """Start the peer, a server that knows nothing of orders, and stop it."""
    with _program("-m", "benchmarks.exchange", "--bare") as server:
        yield server


@contextmanager
def _program(*arguments: str) -> Iterator[Server]:
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield Server(program.stdout.readline().rpartition("http://")[2].strip(), program.pid)
        finally:
            program.send_signal(signal.SIGTERM)


async def serve_bare() -> None:
    """Answer every request with the bytes of one order, until SIGTERM."""
    answer = json.dumps(
        {"id": "0" * 36, **{f"field_{number}": "2026-11-23T15:00:00Z" for number in range(36)}}
    ).encode()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=answer, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"bare ready on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


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


@dataclass(frozen=True)
class Found:
    """What was measured of one server."""

    filled: Run
    rested: Run
    steady: Run


async def _connected(server: Server) -> list[Client]:
    clients = [Client(server.address) for _ in range(8)]
    for client in clients:
        await client.connect()
    await flat_out(clients, 400, resting=False)
    return clients


async def _found(server: Server, clients: list[Client], orders: int) -> Found:
    filled = await measure(server.pid, flat_out(clients, orders, resting=False))
    rested = await measure(server.pid, flat_out(clients, orders, resting=True))
    return Found(filled, rested, await measure(server.pid, paced(clients, PACED, PACE)))


async def bench(orders: int, books: int) -> tuple[Found, Found, Found]:
    """Measure the bare server, the exchange with few orders, and with `books` of them at rest."""
    with bare() as peer:
        least = await _found(peer, await _connected(peer), orders)
    with exchange() as server:
        clients = await _connected(server)
        empty = await _found(server, clients, orders)
        await flat_out(clients, max(0, books - orders - PACED), resting=True)
        full = await _found(server, clients, orders)
    return least, empty, full


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--books", type=int, default=100_000)
    parser.add_argument("--bare", action="store_true", help="be the peer")
    given = parser.parse_args()
    if given.bare:
        asyncio.run(serve_bare())
        return
    columns = asyncio.run(bench(given.orders, given.books))
    print(f"{'':44}{'bare aiohttp':>14}{'exchange':>14}{f'{given.books:,} orders':>18}")
    for name, values in rows(columns):
        print(f"{name:44}{values[0]:14,.2f}{values[1]:14,.2f}{values[2]:18,.2f}")


def rows(columns: tuple[Found, ...]) -> Iterator[tuple[str, list[float]]]:
    """Name every line of the table, with a number for each server."""
    yield "filled orders/s", [c.filled.orders / c.filled.wall for c in columns]
    yield "filled orders per CPU second of the server", [c.filled.per_core for c in columns]
    yield "resting orders/s", [c.rested.orders / c.rested.wall for c in columns]
    yield "resting orders per CPU second of the server", [c.rested.per_core for c in columns]
    yield "median ms at 500 orders/s", [statistics.median(c.steady.latencies) for c in columns]
    yield "p99 ms at 500 orders/s", [c.steady.percentile(0.99) for c in columns]
    yield "slowest ms at 500 orders/s", [max(c.steady.latencies) for c in columns]


if __name__ == "__main__":
    main()
