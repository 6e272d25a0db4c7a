"""What an account's statement shows: fills, and exercises, assignments and expirations.

Fills are there at once. What happens to options outside of trading is posted the next day, as in
paper accounts; nothing of it is streamed.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sandbox.exchange import sessions
from sandbox.exchange.orders import Order, Status
from sandbox.exchange.sessions import EASTERN
from sandbox.exchange.text import instant, moment, nanoseconds, plain

TRADES = frozenset({"FILL"})
_NAMESPACE = uuid.UUID("7a3f0c52-1f0e-4b56-9d0a-0b0d5c1e8f21")


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of a statement. `at` is when it happened, from `posted` on it is shown (ns UTC)."""

    name: str
    kind: str
    at: int
    posted: int
    order: str | None
    facts: Mapping[str, object]

    @property
    def id(self) -> str:
        """Alpaca's form of an id: the moment, then a UUID. Made when asked for: few are."""
        milliseconds = self.at // 1_000_000 % 1000
        return f"{moment(self.at):%Y%m%d%H%M%S}{milliseconds:03d}::{uuid.uuid5(_NAMESPACE, self.name)}"

    @property
    def shown(self) -> dict[str, object]:
        """The line as JSON."""
        return {"id": self.id, "activity_type": self.kind, **self.facts}

    @property
    def day(self) -> date:
        """The day it belongs to (Eastern)."""
        return sessions.eastern_day(self.at)


class Statement:
    """One account's activities, oldest first."""

    def __init__(self, account: str) -> None:
        """Start empty."""
        self._account = account
        self._lines: list[Activity] = []

    def _name(self) -> str:
        return f"{self._account}:{len(self._lines)}"

    def fill(self, order: Order, qty: Decimal, price: Decimal, at: int) -> None:
        """Note an execution; `order` is its state after it."""
        facts = {
            "transaction_time": instant(at),
            "type": "fill" if order.status is Status.FILLED else "partial_fill",
            "price": plain(price),
            "qty": plain(qty),
            "side": order.side,
            "symbol": order.symbol,
            "leaves_qty": plain(order.remaining),
            "cum_qty": plain(order.filled_qty),
            "order_id": order.id,
            "order_status": order.status,
        }
        self._lines.append(Activity(self._name(), "FILL", at, 0, order.id, facts))

    def event(
        self, kind: str, symbol: str, qty: Decimal, at: int, *, amount: Decimal, price: Decimal | None = None
    ) -> None:
        """Note what happened to a position outside of trading; amount in USD, shown the next day."""
        day = sessions.eastern_day(at)
        next_day = nanoseconds(datetime.combine(day + timedelta(days=1), time(0), EASTERN))
        facts: dict[str, object] = {
            "date": day.isoformat(),
            "created_at": instant(next_day),
            "net_amount": plain(amount),
            "description": _WORDS[kind],
            "symbol": symbol,
            "qty": plain(qty),
            "status": "executed",
            "currency": "USD",
        }
        if price is not None:
            facts["price"] = plain(price)
        self._lines.append(Activity(self._name(), kind, at, next_day, None, facts))

    def add(self, line: Activity) -> None:
        """Take up a line that was kept."""
        self._lines.append(line)

    def since(self, known: int) -> list[Activity]:
        """Give the lines after the first `known`."""
        return self._lines[known:]

    def posted(self, now: int) -> Iterator[Activity]:
        """Give what is shown now, oldest first."""
        return (line for line in self._lines if line.posted <= now)


_WORDS = {
    "FEE": "Locate Fee",
    "OPEXC": "Option Exercise",
    "OPASN": "Option Assignment",
    "OPEXP": "Option Expiration",
    "OPTRD": "Option Trade",
    "SPLIT": "Stock Split",
}
