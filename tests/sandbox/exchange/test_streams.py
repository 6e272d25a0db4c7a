"""The streams, spoken to by unmodified alpaca-py and by hand in both dialects."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from alpaca.data.live import StockDataStream
from alpaca.data.models import Bar
from alpaca.trading.models import TradeUpdate
from alpaca.trading.stream import TradingStream

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, account, bracket, config, limit, market

CALL, HIGHER_CALL = "AAPL261218C00100000", "AAPL261218C00105000"


class Heard:
    """What a stream told, waited for by count and never by time."""

    def __init__(self) -> None:
        self.messages: list[object] = []
        self._more = threading.Condition()

    async def hear(self, message: object) -> None:
        with self._more:
            self.messages.append(message)
            self._more.notify_all()

    def first(self, count: int) -> list[object]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.messages) >= count, 10), self.messages
            return self.messages[:count]


@contextmanager
def in_a_thread(stream: TradingStream | StockDataStream) -> Iterator[None]:
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop: Any = stream._loop
        asyncio.run_coroutine_threadsafe(stream.close(), loop).result(5)
        asyncio.run_coroutine_threadsafe(stream.stop_ws(), loop).result(5)
        thread.join(10)


async def listening(session: ClientSession, url: str, hello: dict[str, object]) -> ClientWebSocketResponse:
    wire = await session.ws_connect(url.replace("http", "ws") + "/stream")
    await wire.send_str(json.dumps(hello))
    authorized = json.loads(await wire.receive_bytes())
    assert authorized == {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}}
    await wire.send_str(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
    listening = json.loads(await wire.receive_bytes())
    assert listening == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    return wire


def told(exchange: Running, http: Http, count: int, *orders: dict[str, object]) -> list[tuple[str, str]]:
    """Place orders while listening; give the first messages as (event, client_order_id)."""

    async def talk() -> list[tuple[str, str]]:
        async with ClientSession() as session:
            hello: dict[str, object] = {"action": "auth", "key": KEY, "secret": SECRET}
            wire = await listening(session, exchange.url, hello)
            for order in orders:
                await asyncio.to_thread(http.order, **order)
            said = [json.loads(await asyncio.wait_for(wire.receive_bytes(), 5))["data"] for _ in range(count)]
            return [(m["event"], m["order"]["client_order_id"]) for m in said]

    return asyncio.run(talk())


def test_alpaca_pys_trading_stream_hears_an_order_from_new_to_fill(exchange: Running, http: Http) -> None:
    heard = Heard()
    stream = TradingStream(KEY, SECRET, paper=True, url_override=exchange.url.replace("http", "ws") + "/stream")
    stream.subscribe_trade_updates(heard.hear)
    with in_a_thread(stream):
        while not exchange.state()["counters"].get("listening"):  # type: ignore[attr-defined]
            threading.Event().wait(0.01)
        http.placed(**market(client_order_id="heard"))
        updates = heard.first(3)

    assert [(u.event, u.order.client_order_id) for u in updates if isinstance(u, TradeUpdate)] == [
        ("pending_new", "heard"),
        ("new", "heard"),
        ("fill", "heard"),
    ]
    fill = updates[2]
    assert isinstance(fill, TradeUpdate)
    assert (fill.price, fill.qty, fill.position_qty, fill.order.status) == (100.02, 10.0, 10.0, "filled")


@pytest.mark.parametrize(
    "hello",
    [
        {"action": "auth", "key": KEY, "secret": SECRET},
        {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}},
    ],
)
def test_both_dialects_of_authentication_are_understood(exchange: Running, hello: dict[str, object]) -> None:
    async def talk() -> bool:
        async with ClientSession() as session:
            return not (await listening(session, exchange.url, hello)).closed

    assert asyncio.run(talk())


@pytest.mark.parametrize(
    "hello",
    [
        {"action": "auth", "key": KEY, "secret": "wrong"},
        {"action": "listen", "data": {"streams": ["trade_updates"]}},
        ["nonsense"],
    ],
)
def test_a_stranger_is_unauthorized_and_hung_up_on(exchange: Running, hello: object) -> None:
    async def talk() -> tuple[str, bool]:
        async with ClientSession() as session:
            wire = await session.ws_connect(exchange.url.replace("http", "ws") + "/stream")
            await wire.send_str(json.dumps(hello))
            answer = json.loads(await wire.receive_bytes())["data"]["status"]
            await wire.receive()
            return answer, wire.closed

    assert asyncio.run(talk()) == ("unauthorized", True)


def test_a_second_connection_of_an_account_is_refused_unless_lifted(exchange: Running) -> None:
    hello: dict[str, object] = {"action": "auth", "key": KEY, "secret": SECRET}

    async def talk() -> str:
        async with ClientSession() as session:
            first = await listening(session, exchange.url, hello)
            second = await session.ws_connect(exchange.url.replace("http", "ws") + "/stream")
            await second.send_str(json.dumps(hello))
            answer = json.loads(await second.receive_bytes())["data"]["status"]
            return f"{answer}, {first.closed=}"

    refused = asyncio.run(talk())
    exchange.settings(stream_connections=0)

    assert (refused, asyncio.run(talk())) == ("unauthorized, first.closed=False", "authorized, first.closed=False")


def test_a_brackets_life_is_told_in_order(exchange: Running, http: Http) -> None:
    async def talk() -> list[tuple[str, str, str]]:
        async with ClientSession() as session:
            wire = await listening(session, exchange.url, {"action": "auth", "key": KEY, "secret": SECRET})
            await asyncio.to_thread(http.placed, **bracket(limit_price="100.02"))
            await asyncio.to_thread(exchange.quotes, {"AAPL": {"bid": "79", "ask": "79.02", "last": "79"}})
            said = [json.loads(await asyncio.wait_for(wire.receive_bytes(), 5))["data"] for _ in range(7)]
            return [(m["event"], m["order"]["type"], m["order"]["status"]) for m in said]

    assert asyncio.run(talk()) == [
        ("pending_new", "limit", "new"),
        ("new", "limit", "new"),
        ("fill", "limit", "filled"),
        ("new", "limit", "new"),
        ("canceled", "limit", "canceled"),
        ("new", "stop", "new"),
        ("fill", "stop", "filled"),
    ]


def test_an_account_does_not_hear_another() -> None:
    accounts = (account(), account(number="PA2", key="K2"))
    with running(config(accounts=accounts)) as exchange:
        mine, other = Http(exchange.url), Http(exchange.url, "K2")

        async def talk() -> list[str]:
            async with ClientSession() as session:
                wire = await listening(session, exchange.url, {"action": "auth", "key": KEY, "secret": SECRET})
                await asyncio.to_thread(other.order, **market(client_order_id="theirs"))
                await asyncio.to_thread(mine.order, **limit(client_order_id="mine"))
                said = [json.loads(await asyncio.wait_for(wire.receive_bytes(), 5))["data"] for _ in range(2)]
                return [message["order"]["client_order_id"] for message in said]

        assert asyncio.run(talk()) == ["mine", "mine"]


def test_a_combination_is_told_as_one_with_its_legs_and_what_is_then_held(exchange: Running, http: Http) -> None:
    exchange.quotes({CALL: {"bid": "2.50", "ask": "2.60"}, HIGHER_CALL: {"bid": "1.00", "ask": "1.10"}})
    legs = [
        {"symbol": CALL, "position_intent": "buy_to_open", "ratio_qty": "1"},
        {"symbol": HIGHER_CALL, "position_intent": "sell_to_open", "ratio_qty": "1"},
    ]
    spread = {"order_class": "mleg", "qty": "2", "type": "market", "time_in_force": "day", "legs": legs}

    async def talk() -> list[dict[str, Any]]:
        async with ClientSession() as session:
            wire = await listening(session, exchange.url, {"action": "auth", "key": KEY, "secret": SECRET})
            await asyncio.to_thread(http.placed, **spread)
            return [json.loads(await asyncio.wait_for(wire.receive_bytes(), 5))["data"] for _ in range(3)]

    said = asyncio.run(talk())
    fill = said[-1]

    assert [message["event"] for message in said] == ["pending_new", "new", "fill"]
    assert (fill["price"], fill["qty"]) == ("1.6", "2")
    assert fill["position_qtys"] == {CALL: "2", HIGHER_CALL: "-2"}
    assert [(one["symbol"], one["status"], one["filled_avg_price"]) for one in fill["order"]["legs"]] == [
        (CALL, "filled", "2.6"),
        (HIGHER_CALL, "filled", "1"),
    ]


def test_an_order_that_fills_while_its_cancel_is_pending_says_that_it_was_not_canceled(
    exchange: Running, http: Http
) -> None:
    exchange.settings(cancel_seconds="60")

    async def talk() -> list[str]:
        async with ClientSession() as session:
            wire = await listening(session, exchange.url, {"action": "auth", "key": KEY, "secret": SECRET})
            order = await asyncio.to_thread(http.placed, **limit())
            await asyncio.to_thread(http.send, "DELETE", f"/v2/orders/{order['id']}")
            await asyncio.to_thread(exchange.quotes, {"AAPL": {"bid": "89", "ask": "90"}})
            return [json.loads(await asyncio.wait_for(wire.receive_bytes(), 5))["data"]["event"] for _ in range(5)]

    assert asyncio.run(talk()) == ["pending_new", "new", "pending_cancel", "fill", "order_cancel_rejected"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("stream-lose", ["pending_new", "fill"]),
        ("stream-double", ["pending_new", "new", "new", "fill"]),
        ("stream-swap", ["pending_new", "fill", "new"]),
    ],
)
def test_a_stream_can_lose_double_and_swap_messages(
    exchange: Running, http: Http, kind: str, expected: list[str]
) -> None:
    exchange.fault(route="STREAM trade_updates", kind=kind, nth=2)

    assert [event for event, _ in told(exchange, http, len(expected), market())] == expected


def test_a_stream_can_break_off(exchange: Running, http: Http) -> None:
    exchange.fault(route="STREAM trade_updates", kind="stream-drop", nth=1)

    with pytest.raises(TypeError, match="Received message"):
        told(exchange, http, 1, market())

    assert told(exchange, http, 3, market(client_order_id="after"))[2] == ("fill", "after")


def test_alpaca_pys_data_stream_hears_a_quote_as_it_is_set(exchange: Running) -> None:
    heard = Heard()
    stream = StockDataStream(KEY, SECRET, url_override=exchange.url.replace("http", "ws") + "/v2/iex")
    stream.subscribe_quotes(heard.hear, "AAPL")
    stream.subscribe_trades(heard.hear, "AAPL")
    with in_a_thread(stream):
        heard.first(2)
        exchange.quotes({"AAPL": {"bid": "101", "ask": "101.02"}})
        messages = heard.first(4)

    seen = [(type(m).__name__, getattr(m, "bid_price", None) or getattr(m, "price", None)) for m in messages]
    assert seen == [("Quote", 99.98), ("Trade", 100.0), ("Quote", 101.0), ("Trade", 101.01)]


def test_alpaca_pys_data_stream_hears_a_bar_of_every_stock_when_its_minute_is_over(
    exchange: Running, http: Http
) -> None:
    heard, quotes = Heard(), Heard()
    stream = StockDataStream(KEY, SECRET, url_override=exchange.url.replace("http", "ws") + "/v2/iex")
    stream.subscribe_bars(heard.hear, "*")
    stream.subscribe_quotes(quotes.hear, "SPY")
    listed = {asset["symbol"] for asset in http.listed("/v2/assets")}
    with in_a_thread(stream):
        quotes.first(1)
        exchange.advance(60)
        bars = [bar for bar in heard.first(len(listed)) if isinstance(bar, Bar)]

    assert {bar.symbol for bar in bars} == listed
    assert {bar.timestamp.isoformat() for bar in bars} == {"2026-11-23T15:00:00+00:00"}
    assert all(bar.low <= bar.close <= bar.high for bar in bars)


def test_the_data_stream_speaks_json_to_those_who_do(exchange: Running) -> None:
    async def talk() -> list[object]:
        async with ClientSession() as session:
            wire = await session.ws_connect(exchange.url.replace("http", "ws") + "/v2/sip")
            said = [json.loads(await wire.receive_str())]
            for message in (
                {"action": "subscribe", "quotes": ["AAPL"]},
                {"action": "auth", "key": KEY, "secret": SECRET},
                {"action": "subscribe", "bars": ["AAPL"]},
            ):
                await wire.send_str(json.dumps(message))
                said.append(json.loads(await wire.receive_str()))
            return said

    assert asyncio.run(talk()) == [
        [{"T": "success", "msg": "connected"}],
        [{"T": "error", "code": 401, "msg": "not authenticated"}],
        [{"T": "success", "msg": "authenticated"}],
        [{"T": "subscription", "trades": [], "quotes": [], "bars": ["AAPL"]}],
    ]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("stream-lose", [102.0]), ("stream-double", [101.0, 101.0, 102.0]), ("stream-swap", [102.0, 101.0])],
)
def test_a_data_stream_can_lose_double_and_swap_messages(exchange: Running, kind: str, asked: list[float]) -> None:
    heard = Heard()
    stream = StockDataStream(KEY, SECRET, url_override=exchange.url.replace("http", "ws") + "/v2/iex")
    stream.subscribe_quotes(heard.hear, "AAPL")
    with in_a_thread(stream):
        heard.first(1)
        exchange.fault(route="STREAM data", kind=kind)
        for bid in ("101", "102"):
            exchange.quotes({"AAPL": {"bid": bid, "ask": "103"}})
        messages = heard.first(1 + len(asked))

    assert [getattr(message, "bid_price", None) for message in messages[1:]] == asked


async def quotes_heard(session: ClientSession, exchange: Running, path: str = "/v2/iex") -> ClientWebSocketResponse:
    """Open a data stream in JSON, authenticated and asking for AAPL's quotes."""
    wire = await session.ws_connect(exchange.url.replace("http", "ws") + path)
    await wire.receive()
    for message in ({"action": "auth", "key": KEY, "secret": SECRET}, {"action": "subscribe", "quotes": ["AAPL"]}):
        await wire.send_str(json.dumps(message))
    return wire


def test_a_data_stream_can_break_off(exchange: Running) -> None:
    exchange.fault(route="STREAM data", kind="stream-drop", nth=2)

    async def talk() -> list[str]:
        async with ClientSession() as session:
            wire = await quotes_heard(session, exchange)
            said = [json.loads(await wire.receive_str())[0]["T"] for _ in range(3)]
            await asyncio.to_thread(exchange.quotes, {"AAPL": {"bid": "101", "ask": "102"}})
            await wire.receive()
            return [*said, f"{wire.closed=}"]

    assert asyncio.run(talk()) == ["success", "subscription", "q", "wire.closed=True"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/sip", {"T": "error", "code": 409, "msg": "insufficient subscription"}),
        ("/v2/iex", {"T": "success", "msg": "authenticated"}),
    ],
)
def test_the_free_plan_has_no_stream_of_the_full_tape(exchange: Running, path: str, answer: dict[str, object]) -> None:
    exchange.settings(free_plan=True)

    async def talk() -> object:
        async with ClientSession() as session:
            return json.loads(await (await quotes_heard(session, exchange, path)).receive_str())

    assert asyncio.run(talk()) == [answer]


GARBAGE = ["", "nonsense", "[]", "3", "[" * 50_000, '{"action": 7}', '{"action": "listen", "data": []}', "\x00"]


@pytest.mark.parametrize("path", ["/stream", "/v2/iex"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_on_a_stream_is_answered_and_the_exchange_goes_on(
    exchange: Running, http: Http, path: str, garbage: str
) -> None:
    async def talk() -> object:
        async with ClientSession() as session:
            wire = await session.ws_connect(exchange.url.replace("http", "ws") + path)
            if path != "/stream":
                await wire.receive()
            await wire.send_str(garbage)
            return json.loads((await wire.receive()).data)

    said = asyncio.run(talk())

    if path == "/stream":
        assert isinstance(said, dict)
        assert said["data"]["status"] == "unauthorized"
    else:
        assert said in (
            [{"T": "error", "code": 400, "msg": "invalid syntax"}],
            [{"T": "error", "code": 401, "msg": "not authenticated"}],
        )
    assert http.get("/v2/clock")[0] == 200
