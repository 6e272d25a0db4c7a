"""How soon a halt is in force: from the committed row of the control table to the last order sent, to the cancellation.

Database, exchange, the endpoint with the control table and the dispatcher are real, and each but the exchange a process
of its own. Recommendations are written all the while, one every 20 ms: the last order that is sent after the row was
committed says when nothing more was opened.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from time import monotonic, sleep
from typing import Any

from botocore.session import Session
from psycopg import Connection

from benchmarks.bench.dispatching import ACCOUNT, dispatcher, exchange_time, insert, lifted, trading
from benchmarks.bench.measure import Measure, percentile
from contract import environment
from contract.control import TradingOrder
from contract.limits import TradingState
from contract.names import PARTITION_KEY, SORT_KEY, Names
from dispatcher.adapters.control import DynamoControl
from sandbox.exchange import Running, running
from sandbox.postgres import Postgres

HALTS = 25
PACE_SECONDS = 0.02
WATCHED_SECONDS = 1.5
PATIENCE_SECONDS = 30.0
BOUND_MS = 1000.0
TABLE = Names("sandbox").control_table
REGION = "us-west-2"
RESTS = {"plan": {"entry": 90.0, "stop_loss": 85.0, "take_profit": 110.0, "quantity": 1}}


@dataclass
class Sent:
    """When order requests reach the exchange."""

    at: list[float] = field(default_factory=list)

    def __call__(self, moment: str, client_order_id: str | None) -> None:
        """Hear the exchange."""
        if moment == "received" and client_order_id is not None:
            self.at.append(monotonic())


@dataclass(frozen=True, slots=True)
class Drill:
    """One dispatcher at work, and who halts it."""

    exchange: Running
    connection: Connection[Any]
    control: DynamoControl
    sent: Sent
    began: float
    symbols: Iterator[str]

    def halt(self, after_seconds: float) -> tuple[float, float]:
        """Milliseconds from the committed row to the last order, and to the cancellation of what rested."""
        self._say(TradingState.ACTIVE)
        symbol = self._resting()
        sleep(after_seconds)
        self._say(TradingState.HALTED)
        committed, cancelled = monotonic(), 0.0
        while (now := monotonic()) < committed + WATCHED_SECONDS or not cancelled:
            self._recommend()
            sleep(PACE_SECONDS)
            if not cancelled and self._status(symbol) == "canceled":
                cancelled = monotonic()
            if now > committed + PATIENCE_SECONDS:
                raise TimeoutError(f"what rested is not cancelled {PATIENCE_SECONDS:.0f} s after the halt")
        last = max((at for at in self.sent.at if at > committed), default=committed)
        return (last - committed) * 1000, (cancelled - committed) * 1000

    def _say(self, state: TradingState) -> None:
        self.control.write(TradingOrder(state, "bench", datetime.now(UTC), "a drill"))

    def _recommend(self) -> str:
        symbol = next(self.symbols)
        insert(self.connection, exchange_time(self.began), symbol, reason=RESTS)
        return symbol

    def _status(self, symbol: str) -> str | None:
        orders: Any = self.exchange.state()["orders"]
        return next((each["status"] for each in orders if each["symbol"] == symbol and each["parent"] is None), None)

    def _resting(self) -> str:
        """A symbol in which an order rests: of the first recommendation after the resume was heard."""
        until, tried = monotonic() + PATIENCE_SECONDS, list[str]()
        while monotonic() < until:
            tried.append(self._recommend())
            sleep(PACE_SECONDS)
            there = next((symbol for symbol in tried if self._status(symbol) == "new"), None)
            if there is not None:
                return there
        raise TimeoutError(f"{PATIENCE_SECONDS:.0f} s after the resume no order rests")


def measures() -> Iterator[Measure]:
    """The slowest of all halts: each came at another moment between two looks at the table."""
    dice = Random("halting")  # noqa: S311  moments that can be repeated, no secret
    names = [f"B{number:05d}" for number in range(HALTS * 200)]
    began = monotonic()
    with (
        _control_table(),
        running(trading(names)) as exchange,
        Postgres.temporary() as server,
        dispatcher(exchange, server.database, ACCOUNT, lifted(max_recommendation_age_seconds=5)),
        server.database.connect() as connection,
    ):
        sent = Sent()
        exchange.on_order_request(sent)
        drill = Drill(exchange, connection, DynamoControl(TABLE, "large"), sent, began, iter(names))
        found = [drill.halt(dice.uniform(0, 0.5)) for _ in range(HALTS)]
    for name, milliseconds in zip(("last_order", "cancelled"), zip(*found, strict=True), strict=True):
        yield Measure(f"halt_to_{name}_p50_ms", percentile(milliseconds, 50), BOUND_MS, "ms", "the bound claimed")
        yield Measure(f"halt_to_{name}_most_ms", max(milliseconds), BOUND_MS, "ms", "the bound claimed")


@contextmanager
def _control_table() -> Iterator[None]:
    """An endpoint with the table in it, known to this process and to those it starts."""
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if line.startswith("aws ready on "))
        changed = {
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": url,
            environment.CONTROL_TABLE.name: TABLE,
        }
        before = dict(os.environ)
        os.environ.update(changed)
        try:
            _create_table()
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            process.terminate()


def _create_table() -> None:
    keys = (PARTITION_KEY, SORT_KEY)
    Session().create_client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
