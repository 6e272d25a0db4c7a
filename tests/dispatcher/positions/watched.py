"""What the exchange itself says of one account, seen without any code of the services that trade in it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.dispatcher.positions.stand import Stand

ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
SHARES = 6
"""A symbol of shares is shorter than this here; a contract's is longer."""
LINES = 100


@dataclass(frozen=True)
class Watched:
    """The exchange's own words about the account of a stand."""

    stand: Stand

    def positions(self) -> list[dict[str, str]]:
        """What is held, as the exchange tells it."""
        accounts: Any = self.stand.exchange.state()["accounts"]
        return list(accounts[0]["positions"])

    def orders(self) -> list[dict[str, Any]]:
        """Every order there ever was, legs included."""
        orders: Any = self.stand.exchange.state()["orders"]
        return list(orders)

    def held(self) -> dict[str, Decimal]:
        """Signed quantities by symbol."""
        return {each["symbol"]: Decimal(each["qty"]) for each in self.positions()}

    def shares(self) -> dict[str, Decimal]:
        """What is held of shares."""
        return {symbol: quantity for symbol, quantity in self.held().items() if not is_contract(symbol)}

    def contracts(self) -> dict[str, Decimal]:
        """What is held of contracts."""
        return {symbol: quantity for symbol, quantity in self.held().items() if is_contract(symbol)}

    def free(self, symbol: str) -> Decimal:
        """What no order keeps back."""
        available = (Decimal(each["qty_available"]) for each in self.positions() if each["symbol"] == symbol)
        return next(available, Decimal(0))

    def working(self, symbol: str) -> list[str]:
        """Orders that stand in the symbol, by the exchange's ids."""
        return [each["id"] for each in self.orders() if each["symbol"] == symbol and each["status"] not in ENDED]

    def entries(self) -> dict[str, dict[str, Any]]:
        """The dispatcher's orders by the exchange's ids; what another took the place of is left out."""
        ours = (each for each in self.orders() if each["client_order_id"].startswith("d1-"))
        return {each["id"]: each for each in ours if each["status"] != "replaced"}

    def fills(self) -> Iterator[dict[str, Any]]:
        """Every fill, oldest first."""
        asked = {"activity_types": "FILL", "direction": "asc", "page_size": str(LINES)}
        while True:
            page = self.stand.http("GET", "/v2/account/activities", params=asked).json()
            yield from page
            if len(page) < LINES:
                return
            asked |= {"page_token": page[-1]["id"]}

    def unintended(self, people: set[str]) -> list[dict[str, Any]]:
        """Fills that opened or enlarged a position and were neither an entry's nor one of these people's orders.

        So whatever closes or protects never turns a position round, at no moment between two looks either.
        """
        orders = {each["id"]: each for each in self.orders()}
        meant = people | {key for key, each in orders.items() if _opens(each, orders)}
        held: dict[str, Decimal] = defaultdict(Decimal)
        found = []
        for fill in self.fills():
            change = Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
            held[fill["symbol"]] += change
            if held[fill["symbol"]] * change > 0 and fill["order_id"] not in meant:
                found.append(fill)
        return found


def _opens(order: dict[str, Any], orders: dict[str, dict[str, Any]]) -> bool:
    """Whether it is an entry of the dispatcher's, or a leg of a spread of its own."""
    if order["parent"] is None:
        return str(order["client_order_id"]).startswith("d1-")
    head = orders[order["parent"]]
    return head["order_class"] == "mleg" and _opens(head, orders)


def is_contract(symbol: str) -> bool:
    """Whether it names an option."""
    return len(symbol) >= SHARES
