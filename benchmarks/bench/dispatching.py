"""From a committed row to the order's bytes at the exchange, beside a bare alpaca-py loop on the same exchange.

The exchange is a thread of this process, so that "committed" and "received" are read from one clock; the dispatcher is
a process of its own, as deployed. Limits that would end a bench early are lifted by declared settings only.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, StopLossRequest, TakeProfitRequest
from psycopg import Connection

from benchmarks.bench.bare import bare
from benchmarks.bench.measure import Measure, percentile
from contract import environment
from contract.inventory import FILE_NAME, load
from contract.limits import Limits
from contract.strict import build
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database, Postgres

ROWS = 300
PATIENCE_SECONDS = 120.0
PER_SECOND = 20
WARM_UP = PER_SECOND
"""The rows of the first second are not counted: the list of assets is read meanwhile."""
QUOTE = {"bid": "99.98", "ask": "100.02"}
BACKLOGS = 5
DECISION_SECONDS = 0.0015
"""Between a quote and its order, as long as the decision and the commit of its intent take."""
GOALS_MS = {50: 3.0, 99: 10.0}
PLAN = {"plan": {"entry": 100.02, "stop_loss": 95.0, "take_profit": 110.0, "quantity": 1}}
ACCOUNT = AccountConfig(number="PA3BENCH", key="PKBENCH", secret="bench-secret", cash=Decimal(10**9))  # noqa: S106
BARE = AccountConfig(number="PA3BARE", key="PKBARE", secret="bare-secret", cash=Decimal(10**9))  # noqa: S106
"""The bare loop's own: what it has open is nothing that the dispatcher has to read."""
NOW = datetime.fromisoformat("2026-11-23T10:00:00-05:00")


@dataclass
class Arrivals:
    """When each order request reached the exchange, by its client's id; `all_there` after `expected` of them."""

    expected: int
    at: dict[str, float] = field(default_factory=dict)
    all_there: Event = field(default_factory=Event)

    def __call__(self, moment: str, client_order_id: str | None) -> None:
        """Hear the exchange."""
        if moment == "received" and client_order_id is not None:
            self.at.setdefault(client_order_id, monotonic())
            if len(self.at) == self.expected:
                self.all_there.set()

    def wait(self) -> None:
        """Until they are all there.

        Raises:
            TimeoutError: they are not.
        """
        if not self.all_there.wait(PATIENCE_SECONDS):
            raise TimeoutError(f"{len(self.at)} of {self.expected} orders arrived")


def measures() -> Iterator[Measure]:
    """Latency at a steady pace, and throughput of a backlog."""
    parts = 3 + 2 * BACKLOGS
    symbols = [f"B{number:04d}" for number in range(parts * ROWS)]
    alone, paced_bare, paced_ours, *rest = (symbols[part::parts] for part in range(parts))
    began = monotonic()
    theirs, ours = [], []
    with running(trading(symbols)) as exchange, Postgres.temporary() as server:
        exchanges_own = _exchange_alone(exchange, alone) * 1000
        paced = _bare_loop(exchange, paced_bare, 1 / PER_SECOND)
        with dispatcher(exchange, server.database, ACCOUNT, lifted()):
            latencies = _paced(exchange, server.database, paced_ours, began)
            for loop, backlog in zip(rest[::2], rest[1::2], strict=True):
                theirs.append(ROWS / sum(_bare_loop(exchange, loop)))
                ours.append(ROWS / _backlog(exchange, server.database, backlog, began))
    milliseconds = [each * 1000 for each in paced]
    submit = "alpaca-py submit_order, call to answer, at the same pace"
    yield Measure("row_to_order_p50_ms", percentile(latencies, 50), percentile(milliseconds, 50), "ms", submit)
    yield Measure("row_to_order_p99_ms", percentile(latencies, 99), percentile(milliseconds, 99), "ms", submit)
    for percent, goal in GOALS_MS.items():
        above = percentile(latencies, percent) - exchanges_own
        taken_off = f"the goal; {exchanges_own:.2f} ms are taken off, a bare quote's and order's at the exchange"
        yield Measure(f"row_to_order_above_exchange_p{percent}_ms", above, goal, "ms", taken_off)
    yield Measure("orders_per_second", median(ours), median(theirs), "orders/s", f"a bare loop, medians of {BACKLOGS}")


def trading(symbols: list[str]) -> Config:
    """An exchange at NOW in which the account may trade each of the symbols at the same quote."""
    return Config(
        seed=7,
        now=nanoseconds(NOW),
        accounts=(ACCOUNT, BARE),
        settings=Settings(rate_limit=0),
        quotes=dict.fromkeys(symbols, QUOTE),
        assets={symbol: {} for symbol in symbols},
    )


def _exchange_alone(exchange: Running, symbols: list[str]) -> float:
    """Seconds, median: a quote asked for and answered, and an order until it has arrived, at the same pace."""
    arrivals = Arrivals(len(symbols))
    exchange.on_order_request(arrivals)
    quotes, sent = [], []
    with bare(exchange, BARE) as connection:
        for symbol in symbols:
            sleep(1 / PER_SECOND)
            quotes.append(connection.get(f"/v2/stocks/quotes/latest?symbols={symbol}"))
            order = _order(symbol).to_request_fields() | {"client_order_id": symbol}
            sleep(DECISION_SECONDS)
            sent.append(connection.post("/v2/orders", order))
    orders = [arrivals.at[symbol] - moment for symbol, moment in zip(symbols, sent, strict=True)]
    return percentile(quotes, 50) + percentile(orders, 50)


def _bare_loop(exchange: Running, symbols: list[str], pause: float = 0.0) -> list[float]:
    """Seconds of each order of a loop that does nothing but submit what we would, with a pause before each."""
    client = TradingClient(BARE.key, BARE.secret, url_override=exchange.url)
    seconds = []
    for symbol in symbols:
        request = _order(symbol)
        sleep(pause)
        began = monotonic()
        client.submit_order(request)
        seconds.append(monotonic() - began)
    return seconds


def _order(symbol: str) -> LimitOrderRequest:
    """What PLAN comes to, as the SDK has it."""
    return LimitOrderRequest(
        symbol=symbol,
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.GTC,
        order_class=OrderClass.BRACKET,
        limit_price=100.02,
        take_profit=TakeProfitRequest(limit_price=110.0),
        stop_loss=StopLossRequest(stop_price=95.0),
    )


def _paced(exchange: Running, database: Database, symbols: list[str], began: float) -> list[float]:
    """Milliseconds from commit to arrival, at PER_SECOND rows a second, but for the first of them."""
    arrivals = Arrivals(len(symbols))
    exchange.on_order_request(arrivals)
    committed: dict[int, float] = {}
    with database.connect() as connection:
        start = monotonic()
        for turn, symbol in enumerate(symbols):
            sleep(max(0.0, start + turn / PER_SECOND - monotonic()))
            number = insert(connection, exchange_time(began), symbol)
            committed[number] = monotonic()
    arrivals.wait()
    at = {int(client_order_id.split("-")[1]): moment for client_order_id, moment in arrivals.at.items()}
    return [(at[number] - moment) * 1000 for number, moment in committed.items()][WARM_UP:]


def _backlog(exchange: Running, database: Database, symbols: list[str], began: float) -> float:
    """Seconds until a backlog written in one transaction is at the exchange."""
    arrivals = Arrivals(len(symbols))
    exchange.on_order_request(arrivals)
    with database.connect() as connection:
        with connection.transaction():
            for symbol in symbols:
                insert(connection, exchange_time(began), symbol)
        committed = monotonic()
    arrivals.wait()
    return monotonic() - committed


def exchange_time(began: float) -> datetime:
    """What the exchange's clock says; upstream writes in its time."""
    return NOW + timedelta(seconds=monotonic() - began)


def insert(
    connection: Connection[Any], created_at: datetime, symbol: str, word: str = "BUY_STOCK", reason: object = PLAN
) -> int:
    """Write a recommendation as upstream does; its id. `word` is its action and its instrument."""
    statement = """
    INSERT INTO dispatch_recommendations (created_at, ticker, action, instrument_type, confidence, reason)
    VALUES (%s, %s, %s, %s, 0.9, %s) RETURNING id
    """
    row = (created_at, symbol, *word.split("_"), json.dumps(reason))
    ((number,),) = connection.execute(statement, row).fetchall()
    return int(number)


def lifted(**changes: Any) -> Limits:
    """The declared limits, without those that would end a bench early."""
    declared = load(Path(FILE_NAME)).accounts["large"]
    document = json.loads(declared.document(), parse_float=Decimal)
    lifts = {"max_open_positions": 10**6, "max_exposure": 10**9, "requests_per_minute": 10**6, "above_ceilings": True}
    return build(Limits, document | lifts | changes, name="bench limits")


@contextmanager
def dispatcher(exchange: Running, database: Database, account: AccountConfig, limits: Limits) -> Iterator[None]:
    """The dispatcher as a process, trading."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, **environ_of(exchange, database, Path(folder), account, limits)}
        subprocess.run([sys.executable, "-m", "dispatcher", "migrate"], check=True, env=environ, capture_output=True)
        command = [sys.executable, "-m", "dispatcher", "run"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "reconcile_completed" in line:
                    break
            # Its lines must go on being read, or it would wait for us.
            rest = Thread(target=process.stdout.read, daemon=True)
            rest.start()
            try:
                yield
            finally:
                process.terminate()
                rest.join()


def environ_of(
    exchange: Running, database: Database, folder: Path, account: AccountConfig, limits: Limits
) -> dict[str, str]:
    """What a dispatcher for the account is started with, beside this process's own environment."""
    secret = {"api_key": account.key, "api_secret": account.secret, "account_name": "bench", "base_url": exchange.url}
    return {
        environment.DATABASE_URL.name: database.url,
        environment.DATABASE_PASSWORD.name: database.password,
        environment.ALPACA_BASE_URL.name: exchange.url,
        environment.ALPACA_DATA_URL.name: exchange.url,
        environment.TRADING_ACCOUNTS.name: "large",
        environment.EXECUTION_MODE.name: "ALPACA_PAPER",
        environment.HEALTH_FILE.name: str(folder / "health"),
        environment.HEARTBEAT_SECONDS.name: "3600",
        environment.account_number("large").name: account.number,
        environment.broker_secret("large").name: json.dumps(secret),
        environment.limits_document("large").name: limits.document(),
    }
