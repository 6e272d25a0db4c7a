"""The trade_updates stream at /stream: what happens to an account's orders, told as it happens.

JSON in binary frames, as the paper endpoint sends it. There is no replay: what happened while
nobody listened is only in the REST answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from sandbox.exchange import wire
from sandbox.exchange.account import Account
from sandbox.exchange.engine import Exchange
from sandbox.exchange.faults import STREAM, delivered
from sandbox.exchange.floor import Update
from sandbox.exchange.orders import Order, OrderClass
from sandbox.exchange.sockets import Socket, accept
from sandbox.exchange.text import instant, plain, plain_or_none

PATH = "/stream"
ROUTE = f"{STREAM}trade_updates"
_NAME = "trade_updates"


@dataclass(slots=True, eq=False)
class Listener:
    """One connection: whose it is, whether it listens, and an update kept back by a fault."""

    socket: Socket
    account: Account | None = None
    listening: bool = False
    kept: list[bytes] = field(default_factory=list)


class TradeStream:
    """All connections to /stream."""

    def __init__(self, exchange: Exchange) -> None:
        """Begin to tell an exchange's updates."""
        self._listeners: list[Listener] = []
        self._exchange = exchange
        self.attach(exchange)

    def attach(self, exchange: Exchange) -> None:
        """Tell another exchange's updates from now on (after a reset)."""
        self._exchange = exchange
        exchange.listeners.append(self.tell)

    @property
    def listening(self) -> int:
        """How many connections listen to trade_updates now."""
        return sum(listener.listening for listener in self._listeners)

    async def serve(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Talk with one client until it leaves."""
        socket = await accept(request)
        listener = Listener(socket)
        self._listeners.append(listener)
        try:
            while (message := await socket.read()) is not None:
                if not await self._heed(listener, message):
                    break
        finally:
            self._listeners.remove(listener)
            await socket.close()
        return socket.response

    async def close(self) -> None:
        """Hang up on everyone."""
        for listener in tuple(self._listeners):
            await listener.socket.close()

    # -- the conversation ------------------------------------------------------------------

    async def _heed(self, listener: Listener, message: bytes) -> bool:
        """Answer a message; false ends the conversation."""
        try:
            said = orjson.loads(message)
        except orjson.JSONDecodeError:
            said = None
        action = said.get("action") if isinstance(said, dict) else None
        if action in ("auth", "authenticate"):
            return await self._authenticate(listener, said)
        if action == "listen" and listener.account is not None:
            return self._listen(listener, said)
        return await self._refuse(listener, str(action or "listen"))

    async def _authenticate(self, listener: Listener, said: dict[str, object]) -> bool:
        key, secret = credentials(said)
        account = self._exchange.by_key.get(key)
        if account is None or account.secret != secret or self._full(account, listener):
            return await self._refuse(listener, "authenticate")
        listener.account = account
        self._answer(listener, "authorization", {"status": "authorized", "action": "authenticate"})
        return True

    def _full(self, account: Account, but: Listener) -> bool:
        most = self._exchange.settings.stream_connections
        others = [o for o in self._listeners if o is not but and o.account is account]
        return bool(most) and len(others) >= most

    async def _refuse(self, listener: Listener, action: str) -> bool:
        self._answer(listener, "authorization", {"status": "unauthorized", "action": action})
        await listener.socket.flush()
        return False

    def _listen(self, listener: Listener, said: dict[str, object]) -> bool:
        data = said.get("data")
        asked = data.get("streams") if isinstance(data, dict) else None
        streams = [name for name in asked if name == _NAME] if isinstance(asked, list) else []
        listener.listening = bool(streams)
        self._answer(listener, "listening", {"streams": streams})
        return True

    @staticmethod
    def _answer(listener: Listener, stream: str, data: object) -> None:
        listener.socket.put(orjson.dumps({"stream": stream, "data": data}), binary=True)

    # -- what is told ----------------------------------------------------------------------

    def tell(self, update: Update) -> None:
        """Send an update to those who listen to its account."""
        listeners = [
            o for o in self._listeners if o.listening and o.account and o.account.number == update.order.account
        ]
        if not listeners:
            return
        message = orjson.dumps({"stream": _NAME, "data": shown(self._exchange, update)})
        for listener in listeners:
            for sent in self._spoiled(listener, message):
                listener.socket.put(sent, binary=True)

    def _spoiled(self, listener: Listener, message: bytes) -> Iterator[bytes]:
        """Let a fault lose, double, swap or cut off what is sent."""
        number = listener.account.number if listener.account else ""
        fault = self._exchange.faults.strike(ROUTE, number)
        if fault and fault.kind == "stream-drop":
            listener.socket.abort()
            return
        yield from delivered(fault.kind if fault else "", message, listener.kept)


def credentials(said: dict[str, object]) -> tuple[str, str]:
    """Read key and secret in either dialect: {key, secret} or {data: {key_id, secret_key}}."""
    data = said.get("data")
    if isinstance(data, dict):
        return str(data.get("key_id", "")), str(data.get("secret_key", ""))
    return str(said.get("key", "")), str(said.get("secret", ""))


def shown(exchange: Exchange, update: Update) -> wire.Json:
    """Show an update; price, qty and position_qty only come with fills."""
    order = update.order
    told: wire.Json = {
        "event": update.event,
        "execution_id": update.execution_id,
        "timestamp": instant(update.at),
        "order": wire.order(order) if not order.legs else {**wire.group(exchange, order), **_own(order)},
    }
    fill = {"price": update.price, "qty": update.qty, "position_qty": update.position_qty}
    told |= {name: plain_or_none(value) for name, value in fill.items() if value is not None}
    if update.price is not None and order.order_class is OrderClass.MLEG:
        held, legs = exchange.accounts[order.account], [exchange.book.orders[leg] for leg in order.legs]
        told["position_qtys"] = {leg.symbol: plain(held.qty(leg.symbol)) for leg in legs}
    return told


def _own(order: Order) -> wire.Json:
    """The order as it was at that moment; only its legs are shown as they are now."""
    return {name: value for name, value in wire.order(order).items() if name != "legs"}
