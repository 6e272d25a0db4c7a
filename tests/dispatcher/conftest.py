"""A dispatcher's world on loopback: the real exchange, the real database, the environment it is started with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contract import environment
from contract.limits import Action, Limits, Sizing, TradingState
from dispatcher.adapters import migrations
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database, Postgres

MONDAY_MORNING = datetime.fromisoformat("2026-11-23T10:00:00-05:00")
ACCOUNT = AccountConfig(number="PA3LARGE", key="PKLARGE", secret="large-secret-0123456789", cash=Decimal(100_000))
QUOTES: dict[str, dict[str, str]] = {
    "AAPL": {"bid": "199.98", "ask": "200.02"},
    "MSFT": {"bid": "499.90", "ask": "500.10"},
    "ADBE": {"bid": "650.10", "ask": "650.30"},
    "SNDL": {"bid": "0.5990", "ask": "0.6012"},
}


def limits(**changes: Any) -> Limits:
    """Limits of a test account, changed where a test needs it."""
    sizing = Sizing(
        risk_fraction=Decimal("0.01"),
        stop_volatility_multiple=Decimal(2),
        daily_volatility=Decimal("0.015"),
        target_risk_multiple=Decimal(2),
        max_equity_fraction=Decimal("0.20"),
    )
    declared: dict[str, Any] = {
        "trading_state": TradingState.ACTIVE,
        "allowed_actions": (Action.BUY_STOCK, Action.SELL_STOCK),
        "allow_shorting": True,
        "max_notional_per_order": Decimal(25_000),
        "max_contracts_per_order": 10,
        "max_open_positions": 30,
        "max_exposure": Decimal(300_000),
        "max_daily_loss": Decimal(2_000),
        "max_orders_per_symbol_per_day": 4,
        "symbol_cooldown_minutes": 15,
        "min_confidence_stock": Decimal("0.35"),
        "min_confidence_option": Decimal("0.55"),
        "max_recommendation_age_seconds": 300,
        "max_standing_age_seconds": 5,
        "entry_after_open_minutes": 5,
        "entry_before_close_minutes": 30,
        "entry_life_seconds": 3600,
        "absence_grace_seconds": 1,
        "sizing": sizing,
    }
    return Limits(**declared | changes)


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
        defaults = {
            "created_at": self.exchange.state()["now"],
            "ticker": "AAPL",
            "action": "BUY",
            "instrument_type": "STOCK",
            "strategy_type": "swing_trade",
            "confidence": 0.6,
            "reason": {"plan": {"entry": 200.0, "stop_loss": 195.0, "take_profit": 210.0}},
            "features_snapshot": {"vol_ratio": 1.0},
        } | row
        values = [json.dumps(each) if isinstance(each, dict | list) else each for each in defaults.values()]
        statement = (
            f"INSERT INTO dispatch_recommendations ({', '.join(defaults)})"
            f" VALUES ({', '.join(['%s'] * len(values))}) RETURNING id"
        )
        with self.connect() as connection:
            (number,) = connection.execute(statement.encode(), values).fetchall()[0]
            return int(number)

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


@pytest.fixture
def exchange() -> Iterator[Running]:
    """An exchange whose clock stands at a Monday morning and moves only when told."""
    config = Config(
        seed=7,
        now=nanoseconds(MONDAY_MORNING),
        accounts=(ACCOUNT,),
        quotes=QUOTES,
        settings=Settings(rate_limit=0),
    )
    with running(config) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a database that has the schema, to copy from."""
    database = postgres.create_database("migrated")
    migrations.upgrade(database.url, database.password)
    return "migrated"


@pytest.fixture
def world(exchange: Running, postgres: Postgres, migrated: str, tmp_path: Path) -> Iterator[World]:
    """The world of one test, with the schema in place."""
    name = f"world_{tmp_path.name.replace('-', '_').lower()[:40]}_{abs(hash(tmp_path)) % 10_000}"
    yield World(exchange, postgres.create_database(name, template=migrated), tmp_path)
    postgres.drop_database(name)
