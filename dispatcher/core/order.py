"""An order as it will be sent: every price on its tick, an id that is a function of the recommendation alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from dispatcher.core.price import Price, no_less_than, no_more_than, step_of
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Recommendation
from dispatcher.core.standing import Quote

NEW_YORK = ZoneInfo("America/New_York")
"""Sessions and trading days are New York's."""

APART = Decimal("0.01")
"""USD that stop and target must be away from the base price, whatever the tick (docs/broker-rules.md, "Brackets")."""

ENTRY = "entry"
"""The leg name of a bracket's entry."""


class Side(StrEnum):
    """The side of an order, as on the wire."""

    BUY = "buy"
    SELL = "sell"


class Limit(Protocol):
    """The limit of an order, USD: a stock's price, a premium, or the net price of a spread (below 0 for a credit)."""

    @property
    def amount(self) -> Decimal:
        """USD per share."""


class Sendable(Protocol):
    """What may be sent: an id of ours, what the broker will tell of it, and the body of the request."""

    @property
    def client_order_id(self) -> str:
        """Our own id."""

    @property
    def symbol(self) -> str:
        """What is traded."""

    @property
    def side(self) -> Side:
        """Buy or sell."""

    @property
    def quantity(self) -> int:
        """Whole shares, contracts, or units of a spread."""

    @property
    def limit(self) -> Limit:
        """The limit of the order's head."""

    def payload(self) -> dict[str, object]:
        """The body of the request."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be traded, in raw prices (USD) and whole shares: the gates have passed, nothing is rounded yet."""

    recommendation: Recommendation
    side: Side
    quantity: int
    entry: Decimal
    stop_loss: Decimal
    take_profit: Decimal
    quote: Quote
    """The market it was decided on."""


@dataclass(frozen=True, slots=True)
class Order:
    """A bracket order: a limit entry with a target and a stop, good till canceled. Quantity in whole shares."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    limit: Price
    take_profit: Price
    stop_loss: Price

    def payload(self) -> dict[str, object]:
        """The body of the request, numbers as text. What is hashed is what is sent."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "type": "limit",
            "time_in_force": "gtc",
            "order_class": "bracket",
            "qty": str(self.quantity),
            "limit_price": str(self.limit),
            "take_profit": {"limit_price": str(self.take_profit)},
            "stop_loss": {"stop_price": str(self.stop_loss)},
        }


def client_order_id(recommendation: Recommendation, account: str, leg: str) -> str:
    """Our own order id: a hash of what the order is for. Time and attempt stay out, so asking twice is harmless."""
    identity = f"{recommendation.id}|{recommendation.created_at.astimezone(UTC).isoformat()}|{account}|{leg}"
    return f"d1-{recommendation.id}-{leg}-{sha256(identity.encode()).hexdigest()[:20]}"


def recommendation_of(identity: str) -> int | None:
    """The recommendation that the id of an entry, or of its replacement, is for; None for any other id."""
    match = re.match(r"d1-(\d+)-", identity)
    return None if match is None else int(match[1])


def restore(payload: Mapping[str, Any]) -> Order:
    """The order that a payload was made from. A price off the tick is refused here like everywhere."""
    return Order(
        payload["client_order_id"],
        payload["symbol"],
        Side(payload["side"]),
        int(payload["qty"]),
        on_tick(payload["limit_price"]),
        on_tick(payload["take_profit"]["limit_price"]),
        on_tick(payload["stop_loss"]["stop_price"]),
    )


def trading_day(now: datetime) -> date:
    """The trading day of a moment: New York's. It decides the tick table."""
    return now.astimezone(NEW_YORK).date()


def entry_limit(side: Side, entry: Decimal, on: date) -> Price | None:
    """The limit that an entry is sent with: a buyer pays no more and a seller takes no less than recommended."""
    return (no_more_than if side is Side.BUY else no_less_than)(entry, on)


def price(intent: Intent, account: str, on: date) -> Order | Refusal:
    """Put every price on its tick without worsening what was recommended, then check the bracket again.

    A buyer pays no more and a seller takes no less than recommended; a target is never nearer, a stop never further
    away. `on` is the trading day.
    """
    towards_less_risk = no_less_than if intent.side is Side.BUY else no_more_than
    limit = entry_limit(intent.side, intent.entry, on)
    take_profit = towards_less_risk(intent.take_profit, on)
    stop_loss = towards_less_risk(intent.stop_loss, on)
    if limit is None or take_profit is None or stop_loss is None:
        return Refusal(Reason.PRICE_NOT_POSITIVE, Reason.PRICE_NOT_POSITIVE.meaning, _shown(intent))

    order = Order(
        client_order_id(intent.recommendation, account, ENTRY),
        intent.recommendation.symbol,
        intent.side,
        intent.quantity,
        limit,
        take_profit,
        stop_loss,
    )
    return _bracket(order, intent.quote) or order


def _bracket(order: Order, quote: Quote) -> Refusal | None:
    """What rounding may have broken: order and distance of the three prices, and the stop against the market."""
    sign = 1 if order.side is Side.BUY else -1
    limit, target, stop = (price.amount for price in (order.limit, order.take_profit, order.stop_loss))
    shown = f"stop {order.stop_loss}, entry {order.limit}, target {order.take_profit}"
    if sign * (target - limit) < APART or sign * (limit - stop) < APART:
        return Refusal(Reason.BRACKET_CROSSED, Reason.BRACKET_CROSSED.meaning, shown, f"at least ${APART} apart")
    market = quote.bid if order.side is Side.BUY else quote.ask
    if sign * (market - stop) < APART:
        observed = f"{shown}, market {market}"
        return Refusal(Reason.STOP_BEYOND_MARKET, Reason.STOP_BEYOND_MARKET.meaning, observed, f"${APART} from it")
    return None


def on_tick(text: str) -> Price:
    """The price that a payload carries as text. Off its tick it is refused here like everywhere."""
    amount = Decimal(text)
    return Price(amount, step_of(abs(amount), date.max))


def _shown(intent: Intent) -> str:
    return f"stop {intent.stop_loss}, entry {intent.entry}, target {intent.take_profit}"
