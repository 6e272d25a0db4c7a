"""What is fed to the dispatcher: recommendations as upstream writes them, each with the ending it must have.

The recommendations themselves are data, in `sandbox.recommendations`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

import psycopg
from psycopg.types.json import Jsonb

Json = Mapping[str, Any]


class End(StrEnum):
    """What becomes of a recommendation."""

    FILLED = "filled"
    """An order stands at the exchange and was filled."""
    RESTING = "resting"
    """An order stands at the exchange and waits."""
    REFUSED = "refused"
    """No order; the dispatcher says why."""
    REJECTED = "rejected"
    """No order; the dispatcher asked for it and the exchange said no. Only a broken release ends so."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A bracket as it must stand at the exchange: USD, every price on its tick. Quantity in shares; None: any."""

    limit: Decimal
    take_profit: Decimal
    stop_loss: Decimal
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Expected:
    """The ending that is expected: prices for an order, a reason for a refusal."""

    end: End
    prices: Prices | None = None
    reason: str | None = None

    def __str__(self) -> str:
        """The ending in a few words."""
        return f"{self.end}: {self.reason}" if self.reason else self.end


@dataclass(frozen=True, slots=True)
class Fed:
    """One recommendation: the columns that differ from the usual ones, what it shows, how it must end.

    Every account considers it, and it ends at each as `expected`, but at those that `otherwise` names. `age` is how
    long before now, by the exchange's clock, it was created. `requests` is how often the exchange may be asked for its
    order: more than once only where a fault makes it sure that the first did not count.
    """

    name: str
    shows: str
    expected: Expected
    ticker: str | None
    action: str | None = "BUY"
    instrument: str | None = "STOCK"
    reason: Any = None
    features: Any = None
    confidence: float | None = 0.71
    age: timedelta = timedelta(0)
    requests: int = 1
    otherwise: Mapping[str, Expected] = field(default_factory=dict)

    def at(self, account: str) -> Self:
        """The same, as it must end at one account."""
        return replace(self, expected=self.otherwise.get(account, self.expected))


@dataclass(frozen=True, slots=True)
class Scene:
    """Recommendations fed together. The next scene begins when each of these has its ending.

    `fault` is what goes wrong at the exchange meanwhile.
    """

    name: str
    feed: tuple[Fed, ...]
    fault: Json | None = None


_INSERT = """
    insert into dispatch_recommendations
        (ts, created_at, ticker, action, instrument_type, strategy_type, confidence,
         reason, features_snapshot, sentiment_snapshot, status)
    values (%(at)s, %(at)s, %(ticker)s, %(action)s, %(instrument)s, 'swing_trade', %(confidence)s,
         %(reason)s, %(features)s, %(sentiment)s, 'PENDING')
    returning id
"""
_SENTIMENT = {"v": 1, "window_hours": 0.5, "avg_score": 0.12, "news_count": 3, "direction": "bullish"}


def insert(connection: psycopg.Connection[Any], feed: tuple[Fed, ...], now: datetime) -> dict[int, Fed]:
    """Write recommendations in one transaction, as upstream does; gives them by the id they got.

    `now` is the exchange's time: upstream and broker live in the same one.
    """
    with connection.transaction():
        return {_insert(connection, each, now - each.age): each for each in feed}


def _insert(connection: psycopg.Connection[Any], fed: Fed, at: datetime) -> int:
    row = {
        "at": at,
        "ticker": fed.ticker,
        "action": fed.action,
        "instrument": fed.instrument,
        "confidence": fed.confidence,
        "reason": None if fed.reason is None else Jsonb(fed.reason),
        "features": None if fed.features is None else Jsonb(fed.features),
        "sentiment": Jsonb(_SENTIMENT),
    }
    written = connection.execute(_INSERT, row).fetchone()
    if written is None:
        raise AssertionError("insert … returning gave no row")
    return int(written[0])
