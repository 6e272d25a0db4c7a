"""Option orders as they will be sent: limit, good for the day, every leg with its intent."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from dispatcher.core.options.premium import CENTS, Net, Premium
from dispatcher.core.order import Side

DAY = "day"
MULTILEG = "mleg"


class PositionIntent(StrEnum):
    """What an order does to the position in the contract, as on the wire. Never left for the broker to infer."""

    BUY_TO_OPEN = "buy_to_open"
    SELL_TO_OPEN = "sell_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def side(self) -> Side:
        """The side that goes with it."""
        return Side.BUY if self in {PositionIntent.BUY_TO_OPEN, PositionIntent.BUY_TO_CLOSE} else Side.SELL


@dataclass(frozen=True, slots=True)
class SingleOrder:
    """One contract, as a limit order for the day. `quantity` in contracts, `limit` in USD per share."""

    client_order_id: str
    symbol: str
    quantity: int
    limit: Premium
    intent: PositionIntent = PositionIntent.BUY_TO_OPEN

    @property
    def side(self) -> Side:
        """See core.order.Sendable."""
        return self.intent.side

    def payload(self) -> dict[str, object]:
        """The body of the request, numbers as text. What is hashed is what is sent."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "type": "limit",
            "time_in_force": DAY,
            "order_class": "simple",
            "qty": str(self.quantity),
            "limit_price": str(self.limit),
            "position_intent": self.intent.value,
        }


@dataclass(frozen=True, slots=True)
class Leg:
    """One contract of a spread; one of it in each unit."""

    symbol: str
    intent: PositionIntent

    def payload(self) -> dict[str, object]:
        """Its part of the body."""
        return {
            "symbol": self.symbol,
            "ratio_qty": "1",
            "side": self.intent.side.value,
            "position_intent": self.intent.value,
        }


@dataclass(frozen=True, slots=True)
class SpreadOrder:
    """A spread as one order, all or none. `quantity` in units; the broker knows no symbol and no side of the whole."""

    client_order_id: str
    quantity: int
    limit: Net
    legs: tuple[Leg, ...]

    @property
    def symbol(self) -> str:
        """The first leg's contract: by what the order is called in books and log."""
        return self.legs[0].symbol

    @property
    def side(self) -> Side:
        """Bought when it is paid for, sold when it brings a credit."""
        return Side.BUY if self.limit.amount > 0 else Side.SELL

    def payload(self) -> dict[str, object]:
        """The body of the request, numbers as text. What is hashed is what is sent."""
        return {
            "client_order_id": self.client_order_id,
            "type": "limit",
            "time_in_force": DAY,
            "order_class": MULTILEG,
            "qty": str(self.quantity),
            "limit_price": str(self.limit),
            "legs": [leg.payload() for leg in self.legs],
        }


OptionOrder = SingleOrder | SpreadOrder


def is_option(payload: Mapping[str, Any]) -> bool:
    """Whether a payload is an option order's: one with an intent, or of several legs."""
    return "position_intent" in payload or payload.get("order_class") == MULTILEG


def restore(payload: Mapping[str, Any]) -> OptionOrder:
    """The order that a payload was made from."""
    identity, quantity = payload["client_order_id"], int(payload["qty"])
    limit = Decimal(payload["limit_price"])
    if payload["order_class"] == MULTILEG:
        legs = tuple(Leg(leg["symbol"], PositionIntent(leg["position_intent"])) for leg in payload["legs"])
        return SpreadOrder(identity, quantity, Net(limit), legs)
    # Which class of increments it was priced on is not in the body; every increment is one of cents.
    return SingleOrder(
        identity, payload["symbol"], quantity, Premium(limit, CENTS), PositionIntent(payload["position_intent"])
    )
