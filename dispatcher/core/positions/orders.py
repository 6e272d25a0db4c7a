"""An order that protects: a target and a stop as one, good till canceled, under an id that says what it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from dispatcher.core.order import APART, Side, on_tick
from dispatcher.core.positions.book import Plan
from dispatcher.core.price import Price, no_less_than, no_more_than


class Purpose(StrEnum):
    """What an order of the position manager is for; the leg name in its id."""

    PROTECT = "oco"
    """A target and a stop of our own."""
    CLOSE = "close"
    """The whole position at the market, by the broker's own quantity."""


@dataclass(frozen=True, slots=True)
class Oco:
    """One cancels the other: a limit at the target, a stop at the stop. Quantity in whole shares."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    take_profit: Price
    stop_loss: Price

    @property
    def limit(self) -> Price:
        """The price the broker tells of its head: the target."""
        return self.take_profit

    def payload(self) -> dict[str, object]:
        """The body of the request, numbers as text. What is hashed is what is sent."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "type": "limit",
            "time_in_force": "gtc",
            "order_class": "oco",
            "qty": str(self.quantity),
            "take_profit": {"limit_price": str(self.take_profit)},
            "stop_loss": {"stop_price": str(self.stop_loss)},
        }


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The plan's prices cannot be put on ticks so that the broker would take them."""

    why: str


def client_order_id(account: str, position: int, purpose: Purpose, sequence: int) -> str:
    """Our own id: what the order is for, and the how-manyeth of its kind. Time stays out."""
    identity = f"{account}|{position}|{purpose}|{sequence}"
    return f"p1-{position}-{purpose}-{sequence}-{sha256(identity.encode()).hexdigest()[:20]}"


def price(
    plan: Plan, *, symbol: str, side: Side, quantity: int, market: Decimal, on: date, order_id: str
) -> Oco | Unpriced:
    """Put a plan on ticks: a stop moves towards less risk, a target is never nearer. `market` is the near side, USD."""
    snap = no_less_than if side is Side.SELL else no_more_than
    stop, target = snap(plan.stop_loss, on), snap(plan.take_profit, on)
    if stop is None or target is None:
        return Unpriced(f"stop {plan.stop_loss}, target {plan.take_profit}: one is not a price")
    sign = 1 if side is Side.SELL else -1
    if sign * (target.amount - stop.amount) < APART or sign * (market - stop.amount) < APART:
        return Unpriced(f"stop {stop}, target {target}, market {market}: not at least ${APART} apart")
    return Oco(order_id, symbol, side, quantity, target, stop)


def restore(payload: Mapping[str, Any]) -> Oco:
    """The order that a payload was made from."""
    return Oco(
        payload["client_order_id"],
        payload["symbol"],
        Side(payload["side"]),
        int(payload["qty"]),
        on_tick(payload["take_profit"]["limit_price"]),
        on_tick(payload["stop_loss"]["stop_price"]),
    )
