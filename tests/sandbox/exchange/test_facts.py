"""Every answer against the facts derived from Alpaca's OpenAPI documents (derive_facts.py)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.exchange import running
from sandbox.exchange.routes import ROUTES
from sandbox.exchange.unserved import UNSERVED
from tests.sandbox.exchange.exchange_desk import Http, account, bracket, config, limit, market

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text(encoding="utf-8"))
SERVED = sorted(route.name for route in ROUTES)
CALL, HIGHER = "AAPL261218C00100000", "AAPL261218C00105000"
QUOTES = {CALL: {"bid": "2.50", "ask": "2.60"}, HIGHER: {"bid": "1.00", "ask": "1.10"}}

# Where the document's own examples contradict its schemas, the examples are followed.
EXCEPTIONS = {
    "legs[].legs": "null: legs are not nested beyond one level",
    "asset_class": "the empty text on a multi-leg order's head",
    "side": "the empty text on a multi-leg order's head",
    "type": "the empty text on a multi-leg order's legs",
}
# What real answers carry although the document does not name it.
EXTRA = {"source", "subtag", "ppind", "expires_at", "currency", "price", "description", "conditions"}

Sample = Callable[[Http], object]


def spread() -> dict[str, object]:
    legs = [
        {"symbol": CALL, "position_intent": "buy_to_open", "ratio_qty": "1"},
        {"symbol": HIGHER, "position_intent": "sell_to_open", "ratio_qty": "1"},
    ]
    return {
        "order_class": "mleg",
        "qty": "1",
        "type": "limit",
        "limit_price": "1.60",
        "time_in_force": "day",
        "legs": legs,
    }


def get(path: str) -> Sample:
    return lambda http: http.send("GET", path)[1]


def of_an_order(method: str, body: object = None) -> Sample:
    def sample(http: Http) -> object:
        return http.send(method, f"/v2/orders/{http.placed(**limit(limit_price='50'))['id']}", body)[1]

    return sample


def closing(http: Http) -> object:
    http.placed(**market(symbol="ZWZZT", qty="2"))
    return http.send("DELETE", "/v2/positions/ZWZZT")[1]


def on_a_watchlist(method: str, path: str = "", body: object = None) -> Sample:
    def sample(http: Http) -> object:
        made = http.send("POST", "/v2/watchlists", {"name": "mine", "symbols": ["AAPL"]})[1]
        return http.send(method, f"/v2/watchlists{path or '/' + made['id']}", body)[1]

    return sample


def locating(path: str = "") -> Sample:
    def sample(http: Http) -> object:
        http.send("POST", "/_sandbox/assets", {"GE": {"easy_to_borrow": False}})
        made = http.send("POST", "/v1/locates", {"symbol": "GE", "qty": 100})[1]
        return http.send("GET", f"/v1/locates{path.format(**made)}")[1] if path != "made" else made

    return sample


BY_NAME = ":by_name?name=mine"
UNKNOWN = "61e69015-8549-4bfd-b9c3-01e75843f47d"
DAY = "start=2026-11-20&end=2026-11-21&limit=3"
SAMPLES: dict[str, Sample] = {
    "GET /v2/watchlists": on_a_watchlist("GET", "?"),
    "POST /v2/watchlists": lambda http: http.send("POST", "/v2/watchlists", {"name": "other", "symbols": ["SPY"]})[1],
    "GET /v2/watchlists/{watchlist_id}": on_a_watchlist("GET"),
    "PUT /v2/watchlists/{watchlist_id}": on_a_watchlist("PUT", "", {"name": "renamed"}),
    "POST /v2/watchlists/{watchlist_id}": on_a_watchlist("POST", "", {"symbol": "SPY"}),
    "DELETE /v2/watchlists/{watchlist_id}": on_a_watchlist("DELETE"),
    "DELETE /v2/watchlists/{watchlist_id}/{symbol}": lambda http: http.send(
        "DELETE",
        f"/v2/watchlists/{http.send('POST', '/v2/watchlists', {'name': 'x', 'symbols': ['SPY']})[1]['id']}/SPY",
    )[1],
    "GET /v2/watchlists:by_name": on_a_watchlist("GET", BY_NAME),
    "PUT /v2/watchlists:by_name": on_a_watchlist("PUT", BY_NAME, {"symbols": ["SPY"]}),
    "POST /v2/watchlists:by_name": on_a_watchlist("POST", BY_NAME, {"symbol": "SPY"}),
    "DELETE /v2/watchlists:by_name": on_a_watchlist("DELETE", BY_NAME),
    "GET /v1/locates": locating("?status=active"),
    "POST /v1/locates": locating("made"),
    "GET /v1/locates/quotes": locating("/quotes?symbols=GE,AAPL,NOSUCH"),
    "GET /v1/locates/{locate_id}": locating("/{id}"),
    "GET /v2/corporate_actions/announcements": get(
        "/v2/corporate_actions/announcements?ca_types=Dividend,Split&since=2026-10-01&until=2026-11-20"
    ),
    "GET /v2/corporate_actions/announcements/{id}": get(f"/v2/corporate_actions/announcements/{UNKNOWN}"),
    "GET /v1/corporate-actions": get("/v1/corporate-actions?symbols=AAPL&start=2026-10-01"),
    "GET /v3/clock": get("/v3/clock?markets=NYSE,XNAS"),
    "GET /v3/calendar/{market}": get("/v3/calendar/NYSE?start=2026-11-23&end=2026-11-30"),
    "GET /v2/account/portfolio/history": get("/v2/account/portfolio/history?period=1D&timeframe=5Min"),
    "GET /v2/stocks/quotes": get(f"/v2/stocks/quotes?symbols=AAPL,SPY&{DAY}"),
    "GET /v2/stocks/trades": get(f"/v2/stocks/trades?symbols=AAPL,SPY&{DAY}"),
    "GET /v2/stocks/auctions": get(f"/v2/stocks/auctions?symbols=AAPL,SPY&{DAY}"),
    "GET /v2/stocks/{symbol}/quotes": get(f"/v2/stocks/AAPL/quotes?{DAY}"),
    "GET /v2/stocks/{symbol}/trades": get(f"/v2/stocks/AAPL/trades?{DAY}"),
    "GET /v2/stocks/{symbol}/auctions": get(f"/v2/stocks/AAPL/auctions?{DAY}"),
    "GET /v2/stocks/meta/exchanges": get("/v2/stocks/meta/exchanges"),
    "GET /v2/stocks/meta/conditions/{ticktype}": get("/v2/stocks/meta/conditions/trade?tape=A"),
    "GET /v1beta1/options/bars": get(f"/v1beta1/options/bars?symbols={CALL}&timeframe=1Hour&{DAY}"),
    "GET /v1beta1/options/trades": get(f"/v1beta1/options/trades?symbols={CALL}&{DAY}"),
    "GET /v1beta1/options/meta/exchanges": get("/v1beta1/options/meta/exchanges"),
    "GET /v1beta1/options/meta/conditions/{ticktype}": get("/v1beta1/options/meta/conditions/quote"),
    "GET /v2/account": get("/v2/account"),
    "GET /v2/account/configurations": get("/v2/account/configurations"),
    "PATCH /v2/account/configurations": lambda http: http.send(
        "PATCH", "/v2/account/configurations", {"no_shorting": False}
    )[1],
    "GET /v2/account/activities": get("/v2/account/activities"),
    "GET /v2/account/activities/{activity_type}": get("/v2/account/activities/FILL"),
    "GET /v2/clock": get("/v2/clock"),
    "GET /v2/calendar": get("/v2/calendar?start=2026-11-23&end=2026-11-30"),
    "GET /v2/assets": get("/v2/assets"),
    "GET /v2/assets/{symbol_or_asset_id}": get("/v2/assets/AAPL"),
    "POST /v2/orders": lambda http: http.placed(**bracket(limit_price="50", stop_loss={"stop_price": "40"})),
    "GET /v2/orders": get("/v2/orders?status=all&nested=true"),
    "DELETE /v2/orders": lambda http: (http.placed(**limit(limit_price="50")), http.send("DELETE", "/v2/orders")[1])[1],
    "GET /v2/orders:by_client_order_id": get("/v2/orders:by_client_order_id?client_order_id=known"),
    "GET /v2/orders/{order_id}": of_an_order("GET"),
    "PATCH /v2/orders/{order_id}": of_an_order("PATCH", {"limit_price": "51"}),
    "DELETE /v2/orders/{order_id}": of_an_order("DELETE"),
    "GET /v2/positions": get("/v2/positions"),
    "DELETE /v2/positions": lambda http: http.send("DELETE", "/v2/positions?cancel_orders=true")[1],
    "GET /v2/positions/{symbol_or_asset_id}": get("/v2/positions/AAPL"),
    "DELETE /v2/positions/{symbol_or_asset_id}": closing,
    "POST /v2/positions/{symbol_or_contract_id}/exercise": lambda http: http.send(
        "POST", f"/v2/positions/{CALL}/exercise"
    )[1],
    "POST /v2/positions/{symbol_or_contract_id}/do-not-exercise": lambda http: http.send(
        "POST", f"/v2/positions/{CALL}/do-not-exercise"
    )[1],
    "GET /v2/options/contracts": get("/v2/options/contracts?underlying_symbols=AAPL&show_deliverables=true"),
    "GET /v2/options/contracts/{symbol_or_id}": get(f"/v2/options/contracts/{CALL}"),
    "GET /v1beta1/options/snapshots": get(f"/v1beta1/options/snapshots?symbols={CALL}"),
    "GET /v1beta1/options/snapshots/{underlying_symbol}": get("/v1beta1/options/snapshots/AAPL?limit=300"),
    "GET /v1beta1/options/quotes/latest": get(f"/v1beta1/options/quotes/latest?symbols={CALL}"),
    "GET /v1beta1/options/trades/latest": get(f"/v1beta1/options/trades/latest?symbols={CALL}"),
    "GET /v2/stocks/{symbol}/quotes/latest": get("/v2/stocks/AAPL/quotes/latest"),
    "GET /v2/stocks/quotes/latest": get("/v2/stocks/quotes/latest?symbols=AAPL,SPY"),
    "GET /v2/stocks/{symbol}/trades/latest": get("/v2/stocks/AAPL/trades/latest"),
    "GET /v2/stocks/trades/latest": get("/v2/stocks/trades/latest?symbols=AAPL,SPY"),
    "GET /v2/stocks/{symbol}/bars/latest": get("/v2/stocks/AAPL/bars/latest"),
    "GET /v2/stocks/bars/latest": get("/v2/stocks/bars/latest?symbols=AAPL,SPY"),
    "GET /v2/stocks/{symbol}/bars": get("/v2/stocks/AAPL/bars?timeframe=5Min&start=2026-11-20&limit=3"),
    "GET /v2/stocks/bars": get("/v2/stocks/bars?symbols=AAPL&timeframe=1Day&start=2026-11-02"),
    "GET /v2/stocks/{symbol}/snapshot": get("/v2/stocks/AAPL/snapshot"),
    "GET /v2/stocks/snapshots": get("/v2/stocks/snapshots?symbols=AAPL,SPY"),
}


@pytest.fixture
def busy() -> Iterator[Http]:
    """An exchange where much has happened: shares, a contract, a spread, legs, a canceled order."""
    with running(config(accounts=(account(cash=10_000_000),))) as exchange:
        exchange.settings(rate_limit=0)
        exchange.quotes(QUOTES)
        http = Http(exchange.url)
        http.placed(**market(client_order_id="known"))
        http.placed(**limit(symbol=CALL, qty="1", limit_price="2.60"))
        http.placed(**spread())
        http.placed(**bracket(symbol="NFLX", limit_price="700", take_profit={"limit_price": "800"}))
        http.send("DELETE", f"/v2/orders/{http.placed(**limit(limit_price='60'))['id']}")
        yield http


def kind(value: object) -> str:
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
        type(None): "null",
    }
    return names[type(value)]


def found(value: object, path: str) -> Iterator[object]:
    """Give every value a path leads to; Missing where an object that is there lacks the field."""
    head, _, rest = path.partition(".")
    name, mark = (head[:-2], head[-2:]) if head.endswith(("[]", "{}")) else (head, "")
    if name:
        inner = (mark + ("." + rest if rest else "")) if mark else rest
        yield from field(value, name, inner)
    elif mark:
        for item in items(value, mark):
            yield from found(item, rest)
    else:
        yield value


def field(value: object, name: str, rest: str) -> Iterator[object]:
    if isinstance(value, dict) and name in value:
        yield from found(value[name], rest)
    elif isinstance(value, dict) and not rest:
        yield Missing


def items(value: object, mark: str) -> list[object]:
    if mark == "[]":
        return value if isinstance(value, list) else []
    return list(value.values()) if isinstance(value, dict) else []


class Missing:
    """Stands for a field that is not there."""


def complaint(path: str, value: object, types: list[str], enum: list[object], *, required: bool) -> str | None:
    """Say what is wrong with a value, if anything is."""
    excepted = any(path.endswith(name) for name in EXCEPTIONS) and value in (None, "")
    if value is Missing:
        return f"{path} is missing" if required else None
    fits = not types or kind(value) in types or (kind(value) == "integer" and "number" in types)
    if not fits and not excepted:
        return f"{path} is {value!r}, not of {types}"
    if enum and value not in enum and not excepted and value is not None:
        return f"{path} is {value!r}, not one of {enum}"
    return None


def test_every_served_operation_is_documented_and_sampled() -> None:
    assert sorted(SAMPLES) == SERVED
    assert sorted(SERVED + list(UNSERVED)) == sorted(FACTS)


@pytest.mark.parametrize("operation", sorted(SAMPLES, key=lambda name: str(name).startswith(("DELETE", "POST"))))
def test_an_answer_has_the_fields_types_and_values_of_the_document(busy: Http, operation: str) -> None:
    answer = SAMPLES[operation](busy)
    facts = [fact for fact in FACTS[operation] if fact[0].startswith("2")]

    complaints = {
        said
        for _, path, types, enum, required in facts
        for value in found(answer, path)
        if (said := complaint(path, value, types, enum, required=required))
    }

    assert complaints == set()


@pytest.mark.parametrize(
    "operation",
    ["GET /v2/account", "GET /v2/orders", "GET /v2/positions", "GET /v2/options/contracts", "GET /v2/clock"],
)
def test_an_answer_has_no_field_the_document_does_not_know(busy: Http, operation: str) -> None:
    answer = SAMPLES[operation](busy)
    known = {fact[1].rpartition(".")[2].removesuffix("[]") for fact in FACTS[operation]} | EXTRA

    assert {name for name in names(answer) if name not in known} == set()


def names(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(inner)


def test_every_documented_field_of_an_order_is_read_or_knowingly_ignored() -> None:
    documented = {path for where, path, *_ in FACTS["POST /v2/orders"] if where == "body" and path}
    ignored = {path for path in documented if path.startswith("advanced_instructions")}

    assert documented - ignored == {
        "client_order_id",
        "extended_hours",
        "legs",
        "legs[].position_intent",
        "legs[].ratio_qty",
        "legs[].side",
        "legs[].symbol",
        "limit_price",
        "notional",
        "order_class",
        "position_intent",
        "qty",
        "side",
        "stop_loss",
        "stop_loss.limit_price",
        "stop_loss.stop_price",
        "stop_price",
        "symbol",
        "take_profit",
        "take_profit.limit_price",
        "time_in_force",
        "trail_percent",
        "trail_price",
        "type",
    }
