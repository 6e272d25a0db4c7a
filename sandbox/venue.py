"""The exchange as a rehearsal sees it: from outside, over HTTP, by its own order list."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any, Self
from urllib.parse import urlsplit

_SECONDS = 10


class VenueError(RuntimeError):
    """The exchange did not answer as it should."""


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """An entry order as the exchange tells it, its legs' prices with it. Prices in USD, quantities in shares."""

    id: str
    client_order_id: str
    account_number: str
    symbol: str
    side: str
    status: str
    qty: Decimal
    filled_qty: Decimal
    limit: Decimal | None
    take_profit: Decimal | None
    stop_loss: Decimal | None


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that stands at the exchange, and every order request it ever received."""

    orders: tuple[StandingOrder, ...]
    requests: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """Read the exchange's state."""
        legs: dict[str, dict[str, Any]] = {}
        for each in state["orders"]:
            if each["parent"]:
                legs.setdefault(each["parent"], {})[each["role"]] = each
        entries = (each for each in state["orders"] if not each["parent"])
        return cls(tuple(_order(each, legs.get(each["id"], {})) for each in entries), tuple(state["order_requests"]))

    def of_account(self, number: str) -> Self:
        """The part of it that is one account's."""
        return type(self)(
            tuple(each for each in self.orders if each.account_number == number),
            tuple(each for each in self.requests if each["account"] == number),
        )


@dataclass(frozen=True, slots=True)
class Venue:
    """Where the exchange listens."""

    url: str

    def state(self) -> dict[str, Any]:
        """Everything there is to know."""
        return self._ask("GET", "/_sandbox/state")

    def now(self) -> datetime:
        """The exchange's time."""
        return datetime.fromisoformat(self.state()["now"])

    def fault(self, fault: Mapping[str, Any]) -> None:
        """Let something go wrong from now on."""
        self._ask("POST", "/_sandbox/faults", fault)

    def quote(self, symbol: str, *, bid: str, ask: str) -> None:
        """Hold a symbol's quote in place, USD."""
        self._ask("POST", "/_sandbox/quotes", {symbol: {"bid": bid, "ask": ask}})

    def list_stock(self, symbol: str, *, name: str) -> None:
        """List a stock, or rename one that is listed."""
        self._ask("POST", "/_sandbox/assets", {symbol: {"name": name}})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        except OSError as error:
            raise VenueError(f"the exchange did not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:  # noqa: PLR2004 - HTTP's "OK"
            raise VenueError(f"the exchange answered {method} {path} with {answer.status}: {text.decode()[:200]}")
        found: dict[str, Any] = json.loads(text)
        return found


def _order(told: Mapping[str, Any], legs: Mapping[str, Mapping[str, Any]]) -> StandingOrder:
    return StandingOrder(
        id=told["id"],
        client_order_id=told["client_order_id"],
        account_number=told["account"],
        symbol=told["symbol"],
        side=told["side"],
        status=told["status"],
        qty=Decimal(told["qty"]),
        filled_qty=Decimal(told["filled_qty"]),
        limit=_price(told.get("limit_price")),
        take_profit=_price(legs.get("take_profit", {}).get("limit_price")),
        stop_loss=_price(legs.get("stop_loss", {}).get("stop_price")),
    )


def _price(told: str | None) -> Decimal | None:
    return None if told is None else Decimal(told)
