"""A thousand accounts over four processes: how late an order is, how even the shares, how soon a dead one's are held.

The exchange is a thread of this process, so that "committed" and "received" are read from one clock. One row is
written, and every account considers it: a thousand claims, intents and orders. Then a process is killed.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from benchmarks.bench.dispatching import NOW, QUOTE, Arrivals, exchange_time, insert, lifted
from benchmarks.bench.measure import Measure, percentile
from contract import environment
from dispatcher.adapters import migrations
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database, Postgres

ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "1000"))
PROCESSES = 4
TAKEN_OVER_SECONDS = 5.0
SETTLE_SECONDS = 180.0
STACK_BYTES = 24 * 2**20
SYMBOL = "B0001"
HELD = """
SELECT holder, count(*) FROM dispatch_accounts WHERE expires_at > clock_timestamp() GROUP BY holder
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account by its name in the inventory."""

    name: str
    config: AccountConfig


def measures() -> Iterator[Measure]:
    """Latency over all accounts, fairness, takeover."""
    accounts = [_account(number) for number in range(ACCOUNTS)]
    config = Config(
        seed=7,
        now=nanoseconds(NOW),
        accounts=tuple(each.config for each in accounts),
        settings=Settings(rate_limit=0),
        quotes={SYMBOL: QUOTE},
        assets={SYMBOL: {}},
    )
    began = monotonic()
    with running(config) as exchange, Postgres.temporary() as server, ExitStack() as stack:
        migrations.upgrade(server.database.url, server.database.password)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = _environ(exchange, server.database, folder, accounts)
        processes = [stack.enter_context(_process(environ)) for _ in range(PROCESSES)]
        shares = _settled(server.database, PROCESSES)
        delays = _one_row(exchange, server.database, SYMBOL, began)
        processes[0].send_signal(signal.SIGKILL)
        killed = monotonic()
        _settled(server.database, PROCESSES - 1)
        taken_over = monotonic() - killed
    fair = -(-ACCOUNTS // PROCESSES)
    first = min(delays)
    yield Measure("accounts_held_at_most", max(shares.values()), fair, "accounts", "an equal share")
    yield Measure("account_order_p50_ms", percentile(delays, 50), first, "ms", "the first account's order")
    yield Measure("account_order_p99_ms", percentile(delays, 99), first, "ms", "the first account's order")
    yield Measure("taken_over_seconds", taken_over, TAKEN_OVER_SECONDS, "s", "the bound that is claimed")


def _account(number: int) -> Account:
    name = f"a{number:04d}"
    key, secret = f"PK{number:04d}BENCH", f"bench-secret-{number:04d}"
    return Account(name, AccountConfig(number=f"PA3{number:04d}", key=key, secret=secret, cash=Decimal(10**6)))


def _one_row(exchange: Running, database: Database, symbol: str, began: float) -> list[float]:
    """Milliseconds from the writing of one row to each account's order."""
    arrivals = Arrivals(ACCOUNTS)
    exchange.on_order_request(arrivals)
    with database.connect() as connection:
        written = monotonic()  # before the commit: the first order may be there before we hear of it
        insert(connection, exchange_time(began), symbol)
    arrivals.wait()
    return [(moment - written) * 1000 for moment in arrivals.at.values()]


def _settled(database: Database, processes: int) -> Counter[str]:
    """Who holds how many, once all are held by so many processes, evenly."""
    until = monotonic() + SETTLE_SECONDS
    most, held = -(-ACCOUNTS // processes), Counter[str]()
    with database.connect() as connection:
        while monotonic() < until:
            held = Counter(dict(connection.execute(HELD).fetchall()))  # type: ignore[arg-type]  # two columns
            if held.total() == ACCOUNTS and len(held) <= processes and max(held.values()) <= most:
                return held
            sleep(0.05)
    raise TimeoutError(f"{held.total()} of {ACCOUNTS} accounts are held: {dict(held)}")


def _make_room() -> None:
    """A thousand accounts are more environment than a program may be given by default: a quarter of its stack."""
    resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, STACK_BYTES))


@contextmanager
def _process(environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "dispatcher", "run"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, preexec_fn=_make_room) as process:  # noqa: PLW1509  the child has one thread
        assert process.stdout is not None
        reading = Thread(target=process.stdout.read, daemon=True)  # or it would wait for us
        reading.start()
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def _environ(exchange: Running, database: Database, folder: Path, accounts: list[Account]) -> dict[str, str]:
    limits = lifted(max_standing_age_seconds=60).document()
    found = dict(os.environ) | {
        environment.DATABASE_URL.name: database.url,
        environment.DATABASE_PASSWORD.name: database.password,
        environment.ALPACA_BASE_URL.name: exchange.url,
        environment.ALPACA_DATA_URL.name: exchange.url,
        environment.TRADING_ACCOUNTS.name: ",".join(each.name for each in accounts),
        environment.EXECUTION_MODE.name: "ALPACA_PAPER",
        environment.HEALTH_FILE.name: str(folder / "health"),
        environment.HEARTBEAT_SECONDS.name: "3600",
    }
    for each in accounts:
        secret = {"api_key": each.config.key, "api_secret": each.config.secret, "base_url": exchange.url}
        found |= {
            environment.account_number(each.name).name: each.config.number,
            environment.broker_secret(each.name).name: json.dumps(secret),
            environment.limits_document(each.name).name: limits,
        }
    return found
