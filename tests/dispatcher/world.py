"""A dispatcher's world on loopback: the real exchange, the real database, the environment it is started with."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from contract import environment
from contract.limits import Limits
from sandbox.exchange import AccountConfig, Running
from sandbox.postgres import Database
from tests.dispatcher.cases import limits

MONDAY_MORNING = datetime.fromisoformat("2026-11-23T10:00:00-05:00")
ACCOUNT = AccountConfig(number="PA3LARGE", key="PKLARGE", secret="large-secret-0123456789", cash=Decimal(100_000))
QUOTES: dict[str, dict[str, str]] = {
    "AAPL": {"bid": "199.98", "ask": "200.02"},
    "MSFT": {"bid": "499.90", "ask": "500.10"},
    "ADBE": {"bid": "650.10", "ask": "650.30"},
    "SNDL": {"bid": "0.5990", "ask": "0.6012"},
}


@dataclass
class World:
    """One account's world. `recommend` writes as upstream does."""

    exchange: Running
    database: Database
    folder: Path
    limits: Limits = field(default_factory=limits)

    def environ(self, **changes: str) -> dict[str, str]:
        """What the service is started with."""
        secret = {"api_key": ACCOUNT.key, "api_secret": ACCOUNT.secret, "account_name": "large-100k"}
        return {
            environment.DATABASE_URL.name: self.database.url,
            environment.DATABASE_PASSWORD.name: self.database.password,
            environment.ALPACA_BASE_URL.name: self.exchange.url,
            environment.ALPACA_DATA_URL.name: self.exchange.url,
            environment.TRADING_ACCOUNTS.name: "large",
            environment.EXECUTION_MODE.name: "ALPACA_PAPER",
            environment.HEALTH_FILE.name: str(self.folder / "health"),
            environment.HEARTBEAT_SECONDS.name: "0.5",
            environment.account_number("large").name: ACCOUNT.number,
            environment.broker_secret("large").name: json.dumps(secret | {"base_url": self.exchange.url}),
            environment.limits_document("large").name: self.limits.document(),
        } | changes

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of the test's own: a wrong ledger cannot vouch for itself."""
        return self.database.connect()

    def recommend(self, **row: Any) -> int:
        """Insert a recommendation; its id. Without anything said it is a good one for AAPL, made just now."""
        with self.connect() as connection:
            return insert(connection, {"created_at": self.exchange.state()["now"]} | row)

    def claims(self) -> dict[int, dict[str, Any]]:
        """Every claim by its recommendation."""
        statement = "SELECT recommendation_id, to_jsonb(c) FROM dispatch_claims c"
        with self.connect() as connection:
            return dict(connection.execute(statement).fetchall())

    def executions(self) -> list[dict[str, Any]]:
        """Every execution."""
        with self.connect() as connection:
            rows = connection.execute("SELECT to_jsonb(e) FROM dispatch_executions e ORDER BY recommendation_id")
            return [row for (row,) in rows.fetchall()]

    def orders(self) -> list[dict[str, Any]]:
        """Every entry order the exchange ever took, oldest first."""
        orders: Any = self.exchange.state()["orders"]
        return [order for order in orders if order["parent"] is None]

    def posts(self) -> list[dict[str, Any]]:
        """Every order request the exchange received."""
        requests: Any = self.exchange.state()["order_requests"]
        return list(requests)


def insert(connection: "psycopg.Connection[tuple[Any, ...]]", row: dict[str, Any]) -> int:
    """Write a recommendation as upstream does; its id. What the row does not say is a good one for AAPL."""
    whole = {
        "ticker": "AAPL",
        "action": "BUY",
        "instrument_type": "STOCK",
        "strategy_type": "swing_trade",
        "confidence": 0.6,
        "reason": {"plan": {"entry": 200.0, "stop_loss": 195.0, "take_profit": 210.0}},
        "features_snapshot": {"vol_ratio": 1.0},
    } | row
    values = [json.dumps(each) if isinstance(each, dict | list) else each for each in whole.values()]
    statement = (
        f"INSERT INTO dispatch_recommendations ({', '.join(whole)})"
        f" VALUES ({', '.join(['%s'] * len(values))}) RETURNING id"
    )
    (number,) = connection.execute(statement.encode(), values).fetchall()[0]
    return int(number)
