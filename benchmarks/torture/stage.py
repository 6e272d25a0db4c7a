"""What a run stands on: a database, an exchange, a nursery. Made once for a worker, wiped between its runs."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.torture.cable import Cable, cable
from benchmarks.torture.holds import TRIGGERS, Holds
from benchmarks.torture.nursery import Life, Nursery, Program, nursery
from benchmarks.torture.plan import Fault, Plan
from benchmarks.torture.rows import CENT, MARKET, Row
from benchmarks.torture.verdict import FIRST, Claim, Evidence, Execution, Mark, Order, Post
from contract import environment, inventory
from contract.limits import Limits
from dispatcher.adapters import migrations
from sandbox.exchange import AccountConfig, Config, Running, Settings, running, sessions
from sandbox.exchange.text import SECOND
from sandbox.postgres import Database, Postgres

NAME, OTHER = FIRST, "tiny"
OPEN = AccountConfig(number="PA3TORTURE", key="PKTORTURE", secret="torture-secret")  # noqa: S106  made up, opens nothing
OTHERS = AccountConfig(number="PA3SECOND", key="PKSECOND", secret="second-secret")  # noqa: S106  made up, opens nothing
CLOSING = AccountConfig(number="PA3CLOSING", key="PKCLOSING", secret="closing-secret", closing_only=True)  # noqa: S106  made up, opens nothing
POSTS, LOOK_UPS = "POST /v2/orders", "GET /v2/orders:by_client_order_id"
SHORT_LIFE_SECONDS = 3
INTO_THE_SESSION = 45 * 60 * SECOND
DECLARED = Path(__file__).parents[2] / inventory.FILE_NAME
_ROWS = (
    "dispatch_recommendations",
    "dispatch_claims",
    "dispatch_executions",
    "dispatch_accounts",
    "request_budgets",
)
_RECOMMEND = """
INSERT INTO dispatch_recommendations (created_at, ticker, action, instrument_type, confidence, reason)
SELECT %(now)s::timestamptz - age * interval '1 second', ticker, action, 'STOCK', confidence, reason
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS given (age int, ticker text, action text, confidence double precision, reason jsonb)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """One worker's world."""

    postgres: Postgres
    database: Database
    exchange: Running
    nursery: Nursery
    holds: Holds
    cable: Cable
    folder: Path
    limits: Limits

    def prepare(self, plan: Plan) -> None:
        """Wipe what the run before left, and set the exchange as the plan says."""
        for table in _ROWS:
            self.holds.rows(f"DELETE FROM {table}")  # noqa: S608  names from above
        self.holds.accounts = (NAME, OTHER) if plan.both else (NAME,)
        self.holds.rows("SELECT setval('dispatch_recommendations_id_seq', 1, false)")
        self.exchange.reset()
        self.exchange.settings(unique_client_order_ids=plan.unique_ids)
        if plan.fault is not None:
            self.exchange.fault(**_fault(plan.fault))
        if plan.look_up_delay_ms:
            self.exchange.fault(route=LOOK_UPS, kind="delay", times=3, delay_ms=plan.look_up_delay_ms)

    def start(self, plan: Plan, *, by_cable: bool = False) -> Life:
        """Start a dispatcher; the lives of one run share a log. `by_cable`: its way to the database can be cut."""
        direct, port = self.database.url, f":{self.postgres.port}/"
        address = direct.replace(port, f":{self.cable.port}/") if by_cable else direct
        return self.nursery.start(self._environ(plan, address), self.log(plan))

    def log(self, plan: Plan) -> Path:
        """Where the dispatchers of a run speak."""
        return self.folder / f"run-{plan.number}.log"

    def recommend(self, *rows: Row) -> dict[int, Mark | None]:
        """Write recommendations as upstream does, in one transaction; what to know their orders by."""
        now = self.exchange.state()["now"]
        ids = self.holds.rows(_RECOMMEND, now=now, rows=json.dumps([_document(row) for row in rows]))
        return {number: _mark(row) for (number,), row in zip(ids, rows, strict=True)}

    def look_ups(self) -> int:
        """How many look-ups the exchange is answering slowly, or has."""
        served: Any = self.exchange.state()["faults_served"]
        return sum(each.startswith(LOOK_UPS) for each in served)

    def crash_database(self) -> None:
        """End the server as a crash does, and start it again."""
        self.postgres.kill()
        self.postgres.restart()
        self.holds.forget()

    def evidence(self, recommendations: dict[int, Mark | None], plan: Plan) -> Evidence:
        """Both sides, as they are now."""
        state: Any = self.exchange.state()
        targets = {each["parent"]: each["limit_price"] for each in state["orders"] if each["role"] == "take_profit"}
        return Evidence(
            recommendations=recommendations,
            unique_ids=plan.unique_ids,
            orders=tuple(
                Order(
                    each["id"],
                    each["client_order_id"],
                    (each["symbol"], _price(targets.get(each["id"]))),
                    OTHER if each["account"] == OTHERS.number else NAME,
                )
                for each in state["orders"]
                if each["parent"] is None
            ),
            posts=tuple(Post(str(each["client_order_id"]), each["applied"]) for each in state["order_requests"]),
            claims=tuple(
                Claim(*row)
                for row in self.holds.rows(
                    "SELECT recommendation_id, state, broker_order_id, account FROM dispatch_claims"
                )
            ),
            executions=tuple(
                Execution(*row)
                for row in self.holds.rows(
                    "SELECT recommendation_id, broker_order_id, account_name FROM dispatch_executions"
                )
            ),
            accounts=self.holds.accounts,
        )

    def _environ(self, plan: Plan, database_url: str) -> dict[str, str]:
        served = {NAME: CLOSING if plan.closing_only else OPEN} | ({OTHER: OTHERS} if plan.both else {})
        environ = {
            environment.DATABASE_URL.name: database_url,
            environment.DATABASE_PASSWORD.name: self.database.password,
            environment.ALPACA_BASE_URL.name: self.exchange.url,
            environment.ALPACA_DATA_URL.name: self.exchange.url,
            environment.TRADING_ACCOUNTS.name: ",".join(served),
            environment.EXECUTION_MODE.name: environment.ExecutionMode.ALPACA_PAPER,
            environment.HEALTH_FILE.name: str(self.folder / "health"),
            environment.HEARTBEAT_SECONDS.name: "30",
        }
        for name, account in served.items():
            environ |= self._environ_of(name, account, plan)
        return environ

    def _environ_of(self, name: str, account: AccountConfig, plan: Plan) -> dict[str, str]:
        limits = (
            replace(self.limits, max_recommendation_age_seconds=SHORT_LIFE_SECONDS) if plan.short_life else self.limits
        )
        secret = {"api_key": account.key, "api_secret": account.secret, "base_url": self.exchange.url}
        return {
            environment.account_number(name).name: account.number,
            environment.broker_secret(name).name: json.dumps(secret),
            environment.limits_document(name).name: limits.document(),
        }


@dataclass(frozen=True, slots=True)
class Premises:
    """What is the same on every stage: when each run begins (ns UTC, inside a session), the account's limits."""

    begins: int
    limits: Limits


def premises() -> Premises:
    """The next session of the real calendar, and the declared limits with the times that a run can wait for.

    What is read here is known to every process that is forked later: calendar, schema of the limits, revisions.
    """
    migrations.head()
    declared = inventory.load(DECLARED).accounts[NAME]
    limits = replace(declared, absence_grace_seconds=1, max_standing_age_seconds=5, requests_per_minute=10**6)
    return Premises(sessions.next_open(time.time_ns()) + INTO_THE_SESSION, limits)


@contextmanager
def stage(
    program: Program, folder: Path, given: Premises, observe: Callable[[str, str | None], None]
) -> Iterator[Stage]:
    """A stage for the length of a `with` block. To be opened in a process without threads: it forks a nursery first."""
    quotes = {symbol: {"bid": str(price - 2 * CENT), "ask": str(price + 2 * CENT)} for symbol, price in MARKET.items()}
    config = Config(
        seed=7,
        now=given.begins,
        accounts=(OPEN, OTHERS, CLOSING),
        quotes=quotes,
        settings=Settings(rate_limit=0, volatility=Decimal(0)),
    )
    with (
        nursery(program) as forks,
        Postgres.temporary(durable=False) as postgres,
        cable(postgres.port) as laid,
        running(config) as exchange,
    ):
        database = postgres.database
        migrations.upgrade(database.url, database.password)
        holds = Holds(database)
        holds.rows(TRIGGERS)
        exchange.on_order_request(observe)
        logging.getLogger("sandbox.exchange").addFilter(_surprising)
        try:
            yield Stage(postgres, database, exchange, forks, holds, laid, folder, given.limits)
        finally:
            holds.close()


def _surprising(record: logging.LogRecord) -> bool:
    """An answer that finds its client dead is what a torture is about, and not worth a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionResetError))


def _fault(fault: Fault) -> dict[str, object]:
    return {
        "route": POSTS,
        "kind": fault.kind,
        "nth": fault.nth,
        "times": fault.times,
        "applied": fault.applied,
        "delay_ms": fault.delay_ms,
    }


def _document(row: Row) -> dict[str, object]:
    return {
        "age": row.age_seconds,
        "ticker": row.ticker,
        "action": row.action,
        "confidence": row.confidence,
        "reason": row.reason(),
    }


def _mark(row: Row) -> Mark | None:
    return None if row.ticker is None else (row.ticker, _price(row.target))


def _price(amount: object) -> str:
    return "none" if amount is None else f"{Decimal(str(amount)):.2f}"
