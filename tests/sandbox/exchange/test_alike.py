"""The same seed, the same requests: the same bytes on the wire; and every documented query is known."""

import asyncio
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from aiohttp import ClientSession

from sandbox.exchange import Running, running
from sandbox.exchange.config import Settings
from sandbox.exchange.routes import ROUTES
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, bracket, config, limit, market

CALL, HIGHER = "AAPL261218C00100000", "AAPL261218C00105000"
FACTS = json.loads((Path(__file__).parent / "facts.json").read_text(encoding="utf-8"))
ROOM = Path(__file__).parents[3] / "sandbox" / "exchange"
SPREAD = {
    "order_class": "mleg",
    "qty": "1",
    "type": "market",
    "time_in_force": "day",
    "legs": [
        {"symbol": CALL, "position_intent": "buy_to_open", "ratio_qty": "1"},
        {"symbol": HIGHER, "position_intent": "sell_to_open", "ratio_qty": "1"},
    ],
}
LOOKS = (
    "/v2/account",
    "/v2/positions",
    "/v2/orders?status=all&nested=true",
    "/v2/account/activities",
    "/v2/account/portfolio/history?period=1D&timeframe=15Min",
    "/v2/stocks/bars?symbols=AAPL,SPY&timeframe=1Hour&start=2026-11-20",
    "/v1beta1/options/snapshots/AAPL?limit=50",
    "/_sandbox/state",
)

# Without effect: the made-up stocks are priced in one currency, never split and never renamed; they have no actions
# that could be told apart by kind, number or id.
WITHOUT_EFFECT = {"currency", "adjustment", "asof", "cusip", "cusips", "ids", "types"}


def transcript(seed: int) -> list[bytes]:
    """Everything an exchange says while it is traded on: status, headers, bodies, and its stream."""
    said: list[bytes] = []
    busy = Settings(partial_fill_probability=Decimal("0.5"))
    with running(config(seed=seed, quotes={}, settings=busy)) as exchange:
        http = Http(exchange.url)

        def send(method: str, path: str, body: object = None) -> None:
            answer = http.session.request(method, exchange.url + path, json=body, timeout=10)
            said.extend(
                (str(answer.status_code).encode(), repr(sorted(answer.headers.items())).encode(), answer.content)
            )

        said.extend(asyncio.run(streamed(exchange, send)))
        for path in LOOKS:
            send("GET", path)
    return said


async def streamed(exchange: Running, send: object) -> list[bytes]:
    heard: list[bytes] = []
    async with ClientSession() as session, session.ws_connect(exchange.url.replace("http", "ws") + "/stream") as wire:
        await wire.send_json({"action": "auth", "key": KEY, "secret": SECRET})
        await wire.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
        heard += [await wire.receive_bytes(), await wire.receive_bytes()]
        await asyncio.to_thread(trade, exchange, send)
        while b'"canceled"' not in heard[-1]:
            heard.append(await wire.receive_bytes())
    return heard


def trade(exchange: Running, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    send("POST", "/v2/orders", market(symbol="SPY"))
    send(
        "POST",
        "/v2/orders",
        bracket(symbol="QQQ", type="market", limit_price=None, qty="20", take_profit={"limit_price": "900"}),
    )
    send("POST", "/v2/orders", SPREAD)
    exchange.fault(kind="500", probability=0.5, times=0)
    for price in range(200, 206):
        send("POST", "/v2/orders", limit(limit_price=str(price), qty="1"))
    exchange.clear_faults()
    exchange.advance(3_600)
    send("POST", "/v2/orders", limit(symbol="SPY", limit_price="1", client_order_id="last"))
    send("DELETE", "/v2/orders")


def test_the_same_seed_and_the_same_requests_give_the_same_bytes() -> None:
    first, again, other = transcript(7), transcript(7), transcript(8)

    assert first == again
    assert first != other
    assert any(b'"partial_fill"' in said for said in first)
    assert any(b'"mleg"' in said and b'"filled"' in said for said in first)


def documented() -> Iterator[tuple[str, str]]:
    for route in ROUTES:
        for where, name, *_ in FACTS[route.name]:
            if where == "query":
                yield route.name, name


def test_every_documented_query_is_read_or_knowingly_without_effect() -> None:
    words = {word for file in ROOM.glob("*.py") for word in re.findall(r'"(\w+)"', file.read_text(encoding="utf-8"))}

    assert {(operation, name) for operation, name in documented() if name not in words | WITHOUT_EFFECT} == set()
