"""HTTP around the exchange: find the route, the account, the fault; answer. Thin."""

import asyncio
import logging
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from time import monotonic

from aiohttp import web
from multidict import MultiMapping

from sandbox.exchange import admin, data_stream, sessions, spoil, trade_stream
from sandbox.exchange.account import Account
from sandbox.exchange.calls import Call, Reply, refused
from sandbox.exchange.config import Config
from sandbox.exchange.data_stream import DataStream
from sandbox.exchange.engine import Exchange
from sandbox.exchange.errors import Refused, refusal, throttled
from sandbox.exchange.faults import Fault
from sandbox.exchange.journal import Entry, Journal
from sandbox.exchange.limits import RateLimit
from sandbox.exchange.routes import ROUTES, UNSERVED_ROUTES, Route, Router
from sandbox.exchange.store import Store
from sandbox.exchange.text import SECOND
from sandbox.exchange.trade_stream import TradeStream

log = logging.getLogger("sandbox.exchange")
_ROUTER = Router(ROUTES + UNSERVED_ROUTES)
_POST_ORDER = "POST /v2/orders"
_JSON = "application/json; charset=UTF-8"
TICK_SECONDS = 0.25
TURN_SECONDS = 0.0005
"""How long the passing of time keeps requests waiting at once."""


class Server:
    """One exchange behind HTTP."""

    def __init__(self, config: Config, store: Store | None = None) -> None:
        """Open the exchange, with what a data file kept. Raises ValueError for a fault on no route."""
        for fault in config.faults:
            admin.check_route(fault)
        self.config = config
        self.journal = Journal()
        self.store = store
        self.exchange = Exchange(config)
        if store is not None and store.restore(self.exchange):
            self.exchange.forget_seed()
        self._limit = RateLimit()
        self.trades = TradeStream(self.exchange)
        self.data = DataStream(self.exchange)
        sessions.is_open(self.exchange.clock.now())  # the calendar takes half a second: not within a request

    def reset(self) -> None:
        """Begin again from the configuration; observers stay."""
        self.exchange = Exchange(self.config)
        if self.store is not None:
            self.store.forget()
        self.trades.attach(self.exchange)
        self.data.exchange = self.exchange
        self.journal.clear()
        self._limit = RateLimit()

    async def keep_time(self) -> None:
        """Let time pass for the orders, for as long as the server runs."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if self.exchange.clock.running:
                await self.pass_time()

    async def pass_time(self) -> None:
        """Let the market reach the orders once."""
        try:
            await self._tick(self.exchange)
            self.data.push()
            self.keep()
        except Exception:  # the outermost loop: one bad moment must not stop the market for good
            log.exception("time could not pass")

    async def _tick(self, exchange: Exchange) -> None:
        """Let time pass for the exchange, and no request wait for all of its symbols."""
        turn_ends = monotonic() + TURN_SECONDS
        for _ in exchange.time.steps():
            if monotonic() < turn_ends:
                continue
            await asyncio.sleep(0)
            if self.exchange is not exchange:
                return  # reset meanwhile
            turn_ends = monotonic() + TURN_SECONDS

    def keep(self) -> None:
        """Write what changed to the data file, where there is one."""
        if self.store is not None:
            self.store.save(self.exchange)

    async def close(self) -> None:
        """Hang up on every stream and keep what there is."""
        self.keep()
        await self.trades.close()
        await self.data.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever goes wrong inside is a 500 without a trace of it."""
        try:
            return await self._answer(request)
        except Refused as no:
            return self._response(refused(no.refusal))
        except web.HTTPRequestEntityTooLarge:
            return self._response(refused(refusal("body_too_large")))
        except Exception:  # the outermost loop: a bug here must not kill the connection
            log.exception("%s %s failed", request.method, request.path)
            return self._response(refused(refusal("internal")))

    def _response(self, reply: Reply) -> web.Response:
        """Everything an answer dates itself with is the exchange's time, as a reset of the rate limit is."""
        date = _http_date(self.exchange.clock.now() // SECOND)
        headers = {"Content-Type": _JSON, "Date": date, **reply.headers}
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith(admin.PREFIX):
            reply = admin.answer(self, request.method, path, await request.read())
            self.data.push()
            self.keep()
            return self._response(reply)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request, path)
        route, params = _find(request.method, path)
        account = self._authenticate(request.headers, request.rel_url.query)
        return await self._serve(request, route, params, account)

    async def _stream(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if path == trade_stream.PATH:
            return await self.trades.serve(request)
        if path in data_stream.PATHS:
            return await self.data.serve(request)
        raise Refused(refusal("endpoint_not_found"))

    def _authenticate(self, headers: Mapping[str, str], query: MultiMapping[str]) -> Account:
        key = headers.get("APCA-API-KEY-ID") or query.get("api_key", "")
        account = self.exchange.by_key.get(key)
        secret = headers.get("APCA-API-SECRET-KEY") or query.get("api_secret", "")
        if account is None or secret != account.secret:
            raise Refused(refusal("unauthorized"))
        return account

    async def _serve(
        self,
        request: web.BaseRequest,
        route: Route,
        params: Mapping[str, str],
        account: Account,
    ) -> web.StreamResponse:
        exchange = self.exchange
        self.journal.counters["requests"] += 1
        allowed = self._limit.take(account.number, exchange.settings.rate_limit, exchange.clock.now())
        raw = await request.read()
        call = Call(exchange, account, params, request.rel_url.query, request.headers, raw)
        entry = self._note(route, account, raw)
        if not allowed.allowed:
            self.journal.counters["rate_limited"] += 1
            reply = refused(throttled(exchange.settings.rate_limit_code))
            return await self._send(request, Reply(reply.status, reply.body, allowed.headers), entry)
        headers = allowed.headers if allowed.limit else {}
        fault = exchange.faults.strike(route.name, account.number)
        if fault is None:
            reply = self._apply(route, call, entry)
            return await self._send(request, Reply(reply.status, reply.body, headers), entry)
        return await self._serve_badly(request, route, call, entry, fault)

    def _note(self, route: Route, account: Account, raw: bytes) -> Entry | None:
        if route.name != _POST_ORDER:
            return None
        return self.journal.receive(account.number, raw, self.exchange.clock.now())

    def _apply(self, route: Route, call: Call, entry: Entry | None) -> Reply:
        try:
            reply = route.handler(call)
        except Refused as no:
            return refused(no.refusal)
        if route.method != "GET":
            self.keep()
        if entry is not None:
            entry.applied = True
            entry.order_id = spoil.order_id(reply.body)
            self.journal.tell("applied", entry)
        return reply

    async def _serve_badly(
        self,
        request: web.BaseRequest,
        route: Route,
        call: Call,
        entry: Entry | None,
        fault: Fault,
    ) -> web.StreamResponse:
        """Serve a request with something going wrong."""
        if entry is not None:
            entry.fault = fault.kind
        if fault.kind == "delay-before":
            await asyncio.sleep(fault.delay_ms / 1000)
        applied = self._apply(route, call, entry) if fault.applies else Reply(200)
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay_ms / 1000)
        reset = (self.exchange.clock.now() // SECOND // 60 + 1) * 60
        spoiled = spoil.spoil(applied, fault.kind, reset, self.exchange.settings.rate_limit_code)
        if spoiled is None:
            _abort(request)
            return web.Response(status=500)
        return await self._send(request, spoiled, entry)

    async def _send(self, request: web.BaseRequest, reply: Reply, entry: Entry | None) -> web.StreamResponse:
        response = self._response(reply)
        if entry is None:
            return response
        entry.status = reply.status
        if self.journal.observers:
            await self._send_now(request, response, entry)
        return response

    async def _send_now(self, request: web.BaseRequest, response: web.Response, entry: Entry) -> None:
        """Send here instead of on return, to know when the bytes have left."""
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            entry.status = None  # the client is gone: nothing was answered
        else:
            self.journal.tell("answered", entry)


@lru_cache(maxsize=16)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _find(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    methods, params = _ROUTER.find(path)
    if not methods:
        raise Refused(refusal("endpoint_not_found"))
    route = methods.get(method)
    if route is None:
        raise Refused(refusal("method_not_allowed"))
    return route, params


def _abort(request: web.BaseRequest) -> None:
    """Reset the connection: the client gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
