"""What the broker's answer to an order can be (docs/broker-rules.md, "Answers"). Unknown is a word of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker tells it. Only the two ids and the status are sure to be there.

    `status` is the broker's own word, known to us or not. Quantities in shares, prices in USD.
    """

    id: str
    client_order_id: str
    status: str
    symbol: str | None = None
    side: str | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_average_price: Decimal | None = None
    submitted_at: datetime | None = None
    replaced_by: str | None = None
    """The broker's id of the order that took this one's place."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker answered with an order id; whatever else was unreadable, the order exists."""

    order: BrokerOrder


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Our order id exists already: sent before, to be looked up. Not a failure."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker said no. Final; kept whole. `extra` are the keys beyond code and message."""

    http_status: int
    code: int | None
    message: str
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Throttled:
    """Surely not placed: the rate limit. The same id may be sent again after `retry_seconds`."""

    retry_seconds: float


@dataclass(frozen=True, slots=True)
class NotSent:
    """Surely not placed: no byte reached the broker."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The order may or may not exist: a timeout, a reset, a 5xx, an unreadable answer."""

    why: str


Outcome = Accepted | Duplicate | Rejected | Throttled | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Absent:
    """The broker knows no order of that id, at the moment of asking."""


Found = BrokerOrder | Absent | Unknown
"""The answer to a look-up by our own order id."""
