"""What the exchange's tests speak with: a declared exchange, plain HTTP, and orders to change from."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import requests

from sandbox.exchange import AccountConfig, Config
from sandbox.exchange.text import read_instant

MONDAY_TEN = read_instant("2026-11-23T10:00:00-05:00")
NUMBER, KEY, SECRET = "PA3TEST00001", "PKTEST", "secret"
QUOTES = {
    "AAPL": {"bid": "99.98", "ask": "100.02", "last": "100"},
    "NFLX": {"bid": "699.60", "ask": "699.80", "last": "699.70"},
    "ZWZZT": {"bid": "0.5990", "ask": "0.6010", "last": "0.6000"},
}

Answer = tuple[int, Any]


def account(**changes: object) -> AccountConfig:
    facts: dict[str, object] = {"number": NUMBER, "key": KEY, "secret": SECRET, "multiplier": Decimal(1)}
    return AccountConfig(**{**facts, **changes})  # type: ignore[arg-type]


def config(**changes: object) -> Config:
    facts: dict[str, object] = {
        "seed": 7,
        "now": MONDAY_TEN,
        "clock_running": False,
        "accounts": (account(),),
        "quotes": QUOTES,
    }
    return Config(**{**facts, **changes})  # type: ignore[arg-type]


class Http:
    """Plain requests with the account's key: what the wire itself says."""

    def __init__(self, url: str, key: str = KEY, secret: str = SECRET) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers.update({"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret})

    def send(self, method: str, path: str, body: object = None, **more: object) -> Answer:
        response = self.session.request(method, self.url + path, json=body, timeout=10, **more)  # type: ignore[arg-type]
        return response.status_code, response.json() if response.content else None

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def one(self, path: str) -> dict[str, Any]:
        found = self.send("GET", path)[1]
        assert isinstance(found, dict), found
        return found

    def listed(self, path: str) -> list[dict[str, Any]]:
        found = self.send("GET", path)[1]
        assert isinstance(found, list), found
        return found

    def order(self, **fields: object) -> Answer:
        return self.send("POST", "/v2/orders", fields)

    def placed(self, **fields: object) -> dict[str, Any]:
        status, body = self.order(**fields)
        assert status == 200, body
        assert isinstance(body, dict)
        return body

    def statuses(self, query: str = "status=all&direction=asc") -> list[tuple[str, str]]:
        return [(o["type"], o["status"]) for o in self.listed(f"/v2/orders?{query}")]


def limit(**changes: object) -> dict[str, object]:
    """A resting buy of ten AAPL, and what a test changes of it."""
    order: dict[str, object] = {
        "symbol": "AAPL",
        "qty": "10",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "limit_price": "90",
    }
    return {k: v for k, v in {**order, **changes}.items() if v is not None}


def market(**changes: object) -> dict[str, object]:
    return limit(**{"type": "market", "limit_price": None, **changes})


def bracket(**changes: object) -> dict[str, object]:
    legs = {"take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "80"}}
    return limit(**{"order_class": "bracket", "time_in_force": "gtc", **legs, **changes})


def held(http: Http, qty: str = "10", symbol: str = "AAPL") -> Mapping[str, str]:
    """Buy at the market and give the position."""
    http.placed(**market(qty=qty, symbol=symbol))
    return http.one(f"/v2/positions/{symbol}")
