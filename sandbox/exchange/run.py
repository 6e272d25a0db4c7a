"""Serve an exchange: as a program, or in a thread beside a test."""

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from sandbox.exchange import admin
from sandbox.exchange.config import Config
from sandbox.exchange.intake import Body
from sandbox.exchange.journal import Observer
from sandbox.exchange.server import Server
from sandbox.exchange.store import Store

HOST = "127.0.0.1"
_BACKLOG = 2048
T = TypeVar("T")


@contextlib.asynccontextmanager
async def _serving(server: Server, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on a bound socket until the block ends."""
    front = web.Server(server.handle, access_log=None)
    runner = web.ServerRunner(front, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=_BACKLOG).start()
    time_keeper = asyncio.create_task(server.keep_time())
    try:
        yield
    finally:
        time_keeper.cancel()
        await server.close()
        await runner.cleanup()


def bind(port: int) -> socket.socket:
    """Take a port on loopback; 0 lets the system choose. Raises OSError when it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def url_of(listener: socket.socket) -> str:
    """Give the address of a bound socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


async def serve(config: Config, port: int, ready: Callable[[str], None], store: Store | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready` hears the address once requests are answered."""
    # Orders live long and hold no cycles: with 100,000 of them a full collection takes 0.1 s, and so does one that
    # waits for 200,000 new objects. Many short ones, and never a full one.
    gc.set_threshold(1_000, 20, 1_000_000)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listener = bind(port)
    async with _serving(Server(config, store), listener):
        ready(url_of(listener))
        await stop.wait()


class Running:
    """An exchange in a thread of this process. Every method may be called from any thread."""

    def __init__(self, server: Server, url: str, loop: asyncio.AbstractEventLoop) -> None:
        """Know the server, its address, and the loop it lives in."""
        self._server = server
        self._loop = loop
        self.url = url

    def _inside(self, act: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except Exception as problem:  # noqa: BLE001 - carried over to the asking thread
                done.set_exception(problem)

        self._loop.call_soon_threadsafe(run)
        return done.result(30)

    def _admin(self, act: admin.Action, body: Body) -> dict[str, object]:
        def act_and_push() -> dict[str, object]:
            done = act(self._server, body)
            self._server.data.push()
            return done

        return self._inside(act_and_push)

    def state(self) -> dict[str, object]:
        """Give the whole snapshot, as GET /_sandbox/state does."""
        return self._admin(admin.state, {})

    def quotes(self, prices: Mapping[str, Mapping[str, object] | None]) -> None:
        """Fix quotes by symbol; None lets a symbol walk."""
        self._admin(admin.set_quotes, prices)

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        self._admin(admin.set_clock, {"advance_seconds": str(seconds)})

    def set_clock(self, now: str) -> None:
        """Move time forward to an ISO instant."""
        self._admin(admin.set_clock, {"now": now})

    def fault(self, **fault: object) -> None:
        """Put a fault in force: route, kind, nth, probability, times, delay_ms, applied, account."""
        self._admin(admin.add_faults, fault)

    def clear_faults(self) -> None:
        """Take all faults back."""
        self._admin(admin.clear_faults, {})

    def assets(self, changes: Mapping[str, Mapping[str, object]]) -> None:
        """Change what may be done with assets."""
        self._admin(admin.change_assets, changes)

    def settings(self, **switches: object) -> None:
        """Turn switches."""
        self._admin(admin.change_settings, switches)

    def reset(self) -> None:
        """Begin again from the configuration."""
        self._admin(admin.reset, {})

    def split(self, shares: Mapping[str, object]) -> None:
        """Split shares: by symbol, so many of each."""
        self._admin(admin.split, shares)

    def tick(self) -> None:
        """Let the market reach the orders once."""
        self._admin(admin.tick, {})

    def on_order_request(self, observer: Observer) -> None:
        """Call `observer(moment, client_order_id)` in the exchange's thread.

        Moments of every POST /v2/orders: "received" (nothing was done yet), "applied" (the order
        exists), "answered" (the bytes of the answer have left; not told when a fault ate it).
        """
        self._inside(lambda: self._server.journal.observers.append(observer))


@contextlib.contextmanager
def running(config: Config, port: int = 0, data: Path | None = None) -> Iterator[Running]:
    """Run an exchange in a thread for the length of the block; `data` keeps its state."""
    with contextlib.ExitStack() as opened:
        store = None if data is None else opened.enter_context(contextlib.closing(Store(data)))
        server = Server(config, store)
        yield from _alive(server, bind(port))


def _alive(server: Server, listener: socket.socket) -> Iterator[Running]:
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        stop = asyncio.Event()
        async with _serving(server, listener):
            started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(live(),), name="exchange", daemon=True)
    thread.start()
    loop, stop = started.result(30)
    try:
        yield Running(server, url_of(listener), loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
