"""The market data streams: /v2/iex and /v2/sip for stocks, in JSON or msgpack as the client asks."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgpack  # type: ignore[import-untyped]  # ships no types
import orjson
from aiohttp import web

from sandbox.exchange import wire
from sandbox.exchange.engine import Exchange
from sandbox.exchange.faults import STREAM, delivered
from sandbox.exchange.market import Quote
from sandbox.exchange.sockets import Socket, accept
from sandbox.exchange.text import SECOND, read_instant

PATHS = ("/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test")
ROUTE = f"{STREAM}data"
_PAID = "/v2/sip"
_CHANNELS = ("trades", "quotes", "bars")
_MINUTE = 60 * SECOND
Message = dict[str, object]


@dataclass(slots=True, eq=False)
class Subscriber:
    """One connection and what it asked for."""

    socket: Socket
    packs: bool
    path: str
    known: bool = False
    wanted: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _CHANNELS})
    told: dict[str, Quote] = field(default_factory=dict)
    kept: list[list[Message]] = field(default_factory=list)
    minute: int = 0

    def say(self, messages: Iterable[Message]) -> None:
        """Send messages as one frame, in the client's format."""
        batch = list(messages)
        if not batch:
            return
        message = msgpack.packb(batch, default=_packed) if self.packs else wire.render(batch)
        self.socket.put(message, binary=self.packs)


def _packed(value: object) -> float:
    return float(str(value))


class DataStream:
    """All connections to the data streams."""

    def __init__(self, exchange: Exchange) -> None:
        """Begin with nobody listening."""
        self.exchange = exchange
        self._subscribers: list[Subscriber] = []

    async def serve(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Talk with one client until it leaves."""
        packs = "msgpack" in request.headers.get("Content-Type", "")
        subscriber = Subscriber(await accept(request), packs, request.path)
        self._subscribers.append(subscriber)
        subscriber.say([{"T": "success", "msg": "connected"}])
        try:
            while (message := await subscriber.socket.read()) is not None:
                self._heed(subscriber, message)
        finally:
            self._subscribers.remove(subscriber)
            await subscriber.socket.close()
        return subscriber.socket.response

    async def close(self) -> None:
        """Hang up on everyone."""
        for subscriber in tuple(self._subscribers):
            await subscriber.socket.close()

    def _heed(self, subscriber: Subscriber, message: bytes) -> None:
        said = _read(message, packs=subscriber.packs)
        if said is None:
            subscriber.say([_error(400, "invalid syntax")])
            return
        action = said.get("action")
        if action == "auth":
            subscriber.say([self._authenticate(subscriber, said)])
        elif not subscriber.known:
            subscriber.say([_error(401, "not authenticated")])
        elif action in ("subscribe", "unsubscribe"):
            subscriber.say([_subscribe(subscriber, said, add=action == "subscribe")])
            self._push(subscriber)
        else:
            subscriber.say([_error(400, "invalid syntax")])

    def _authenticate(self, subscriber: Subscriber, said: Message) -> Message:
        if subscriber.known:
            return _error(403, "already authenticated")
        account = self.exchange.by_key.get(str(said.get("key", "")))
        if account is None or account.secret != said.get("secret"):
            return _error(402, "auth failed")
        if self.exchange.settings.free_plan and subscriber.path == _PAID:
            return _error(409, "insufficient subscription")
        subscriber.known = True
        return {"T": "success", "msg": "authenticated"}

    def push(self) -> None:
        """Send everyone what has changed since they were told last."""
        for subscriber in self._subscribers:
            self._push(subscriber)

    def _push(self, subscriber: Subscriber) -> None:
        messages = list(self._news(subscriber))
        if not messages:
            return
        fault = self.exchange.faults.strike(ROUTE, "")
        if fault and fault.kind == "stream-drop":
            subscriber.socket.abort()
            return
        for batch in delivered(fault.kind if fault else "", messages, subscriber.kept):
            subscriber.say(batch)

    def _news(self, subscriber: Subscriber) -> Iterable[Message]:
        wanted = subscriber.wanted
        for symbol in self._symbols(wanted["trades"] | wanted["quotes"]):
            quote = self.exchange.quote(symbol)
            before = subscriber.told.get(symbol)
            if before is not None and (before.bid, before.ask, before.last) == (quote.bid, quote.ask, quote.last):
                continue
            subscriber.told[symbol] = quote
            if _wants(wanted["quotes"], symbol):
                yield _timed({"T": "q", "S": symbol, **wire.quote(quote)}, packs=subscriber.packs)
            if _wants(wanted["trades"], symbol):
                yield _timed({"T": "t", "S": symbol, **wire.trade(quote)}, packs=subscriber.packs)
        yield from self._bars(subscriber)

    def _bars(self, subscriber: Subscriber) -> Iterable[Message]:
        minute = self.exchange.clock.now() // _MINUTE
        if minute == subscriber.minute or not subscriber.wanted["bars"]:
            return
        first, subscriber.minute = subscriber.minute == 0, minute
        for symbol in () if first else self._symbols(subscriber.wanted["bars"]):
            anchor = self.exchange.asset(symbol).anchor
            bar = self.exchange.market.bar(symbol, anchor, (minute - 1) * _MINUTE, _MINUTE)
            yield _timed({"T": "b", "S": symbol, **wire.bar(bar)}, packs=subscriber.packs)

    def _symbols(self, wanted: set[str]) -> Iterable[str]:
        listed = self.exchange.listing
        if "*" in wanted:
            return [asset.symbol for asset in listed.all()]
        return sorted(symbol for symbol in wanted if listed.find(symbol) is not None)


def _wants(wanted: set[str], symbol: str) -> bool:
    return symbol in wanted or "*" in wanted


def _read(message: bytes, *, packs: bool) -> Message | None:
    try:
        said = msgpack.unpackb(message) if packs else orjson.loads(message)
    except (ValueError, msgpack.UnpackException):
        return None
    return said if isinstance(said, dict) else None


def _subscribe(subscriber: Subscriber, said: Message, *, add: bool) -> Message:
    for name, symbols in subscriber.wanted.items():
        asked = said.get(name)
        given = {str(symbol) for symbol in asked} if isinstance(asked, list) else set()
        subscriber.wanted[name] = symbols | given if add else symbols - given
    return {"T": "subscription", **{name: sorted(symbols) for name, symbols in subscriber.wanted.items()}}


def _timed(message: Message, *, packs: bool) -> Message:
    """Write the time as msgpack's own timestamp where msgpack is spoken."""
    if packs:
        seconds, rest = divmod(read_instant(str(message["t"])[:19]), SECOND)
        message["t"] = msgpack.Timestamp(seconds, rest)
    return message


def _error(code: int, words: str) -> Message:
    return {"T": "error", "code": code, "msg": words}
