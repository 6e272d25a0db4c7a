"""A rolling deployment under load: `python -m benchmarks.rolling`. Exit 0 when nothing was lost and the gap is small.

Recommendations are written at a steady pace. Meanwhile a second dispatcher starts, as the new task of an ECS deployment
with 100/200 does; once it stands by the first is told to end, and lets its lease go. Database, exchange and processes
are real. Arrivals are timed at the exchange, a thread of this process; whose an order is, each process's log says.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic, sleep
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bench.dispatching import ACCOUNT, Arrivals, environ_of, exchange_time, insert, lifted, trading
from benchmarks.bench.measure import percentile
from contract import events
from contract.events import Line
from dispatcher.adapters import migrations
from sandbox.exchange import Running, running
from sandbox.postgres import Database, Postgres

PER_SECOND = 10
GAP_SECONDS = 2.0
"""What is claimed: from the last order of the old to the first of the new."""
PATIENCE_SECONDS = 60.0
_SPARE = int(PER_SECOND * PATIENCE_SECONDS * 2)
"""Symbols beyond the planned ones: on a busy machine the new process takes its time, and rows go on being written."""
_WITHOUT_ENDING = """
SELECT r.id FROM dispatch_recommendations r LEFT JOIN dispatch_claims c ON c.recommendation_id = r.id
WHERE c.state IS NULL OR c.state IN ('claimed', 'intended', 'unknown')
"""


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a roll under load came to. Times in seconds."""

    recommendations: int
    orders_of_old: int
    orders_of_new: int
    gap_seconds: float
    """From the last order of the old to the first of the new, as they arrived."""
    told_to_first_order_seconds: float
    """From the old being told to end to the first order of the new."""
    row_to_order_p50_seconds: float
    row_to_order_longest_seconds: float
    """Of every row, and the longest is the one that waited for the new."""
    duplicates: int
    """Orders beyond the first of a recommendation."""
    lost: int
    """Recommendations without an ending."""
    refused: int
    """Recommendations whose ending is another than an order."""

    @property
    def holds(self) -> bool:
        """Whether it is as claimed."""
        return self.gap_seconds < GAP_SECONDS and not (self.duplicates or self.lost or self.refused)


@dataclass
class Dispatcher:
    """A dispatcher process, and what it has said."""

    process: "subprocess.Popen[str]"
    lines: list[Line] = field(default_factory=list)
    ended: bool = False
    changed: Condition = field(default_factory=Condition)

    def until(self, name: str) -> None:
        """Wait for an event of that name.

        Raises:
            TimeoutError: it did not come, or the process ended before.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.ended or self.said(name), PATIENCE_SECONDS)
        if not self.said(name):
            raise TimeoutError(f"no {name} after {[each.name for each in self.lines[-5:]]}")

    def said(self, name: str) -> bool:
        """Whether it has said an event of that name."""
        return any(each.name == name for each in self.lines)

    def orders(self) -> set[str]:
        """Our ids of the orders that it says are the broker's."""
        return {
            str(each.fields["client_order_id"]) for each in self.lines if each.fields and each.name == "order_accepted"
        }

    def hear(self) -> None:
        """Read what it says until it ends."""
        for line in self.process.stdout or ():
            with self.changed:
                self.lines.append(events.parse(line))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()


@dataclass
class Load:
    """Recommendations at a steady pace until told to stop; each with a symbol of its own."""

    database: Database
    symbols: list[str]
    began: float
    """When the exchange's clock began, monotonic."""
    arrivals: Arrivals = field(default_factory=lambda: Arrivals(expected=0))
    """Of the orders at the exchange."""
    committed: dict[int, float] = field(default_factory=dict)
    """When each was, monotonic, by its id."""
    stop: Event = field(default_factory=Event)
    changed: Condition = field(default_factory=Condition)

    def write(self) -> None:
        """Write them."""
        start = monotonic()
        with self.database.connect() as connection:
            for turn, symbol in enumerate(self.symbols):
                if self.stop.wait(max(0.0, start + turn / PER_SECOND - monotonic())):
                    return
                number = insert(connection, exchange_time(self.began), symbol)
                with self.changed:
                    self.committed[number] = monotonic()
                    self.changed.notify_all()

    def until(self, count: int) -> None:
        """Wait until so many are written.

        Raises:
            TimeoutError: they are not.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.committed) >= count, count / PER_SECOND + PATIENCE_SECONDS):
                raise TimeoutError(f"{len(self.committed)} of {count} recommendations were written")


def roll(seconds: float) -> Rolled:
    """Roll once, in the middle of about so many seconds of load.

    Raises:
        TimeoutError: a step did not come within its patience.
    """
    planned = int(seconds * PER_SECOND)
    symbols = [f"R{number:05d}" for number in range(planned + _SPARE)]
    began = monotonic()
    with running(trading(symbols)) as exchange, Postgres.temporary() as server:
        migrations.upgrade(server.database.url, server.database.password)
        load = Load(server.database, symbols, began)
        exchange.on_order_request(load.arrivals)
        with ExitStack() as lives:
            old = lives.enter_context(_dispatcher(exchange, server.database))
            old.until("reconcile_completed")
            with _writing(load):
                load.until(planned // 3)
                new = lives.enter_context(_dispatcher(exchange, server.database))
                new.until("standby")
                load.until(max(planned // 2, len(load.committed) + PER_SECOND))
                told = monotonic()
                old.process.terminate()
                new.until("order_accepted")
                load.until(max(planned, len(load.committed) + PER_SECOND))
            lost = _lost(server.database)
        return _rolled(exchange, load, (old, new), told, lost)


@contextmanager
def _writing(load: Load) -> Iterator[None]:
    thread = Thread(target=load.write, name="upstream")
    thread.start()
    try:
        yield
    finally:
        load.stop.set()
        thread.join()


@contextmanager
def _dispatcher(exchange: Running, database: Database) -> Iterator[Dispatcher]:
    """A dispatcher until the end of the block; asked to end there, if it has not."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, **environ_of(exchange, database, Path(folder), ACCOUNT, lifted())}
        command = [sys.executable, "-m", "dispatcher", "run"]
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
            made = Dispatcher(process)
            reader = Thread(target=made.hear, name="reader")
            reader.start()
            try:
                yield made
            finally:
                process.terminate()
                reader.join()


def _lost(database: Database) -> int:
    """How many have no ending once nothing changes any more, or when patience is over."""
    until = monotonic() + PATIENCE_SECONDS
    with database.connect() as connection:
        while (left := len(connection.execute(_WITHOUT_ENDING).fetchall())) and monotonic() < until:
            sleep(0.1)
    return left


def _rolled(exchange: Running, load: Load, lives: tuple[Dispatcher, Dispatcher], told: float, lost: int) -> Rolled:
    """Count at the exchange, time by arrival, and tell by the logs whose order it was."""
    state: Any = exchange.state()
    orders = Counter(each["symbol"] for each in state["orders"] if each["parent"] is None)
    at = {int(identity.split("-")[1]): moment for identity, moment in load.arrivals.at.items()}
    waits = [at[number] - moment for number, moment in load.committed.items() if number in at]
    of_old, of_new = (sorted(load.arrivals.at[each] for each in life.orders()) for life in lives)
    return Rolled(
        recommendations=len(load.committed),
        orders_of_old=len(of_old),
        orders_of_new=len(of_new),
        gap_seconds=round(of_new[0] - of_old[-1], 3),
        told_to_first_order_seconds=round(of_new[0] - told, 3),
        row_to_order_p50_seconds=round(percentile(waits, 50), 4),
        row_to_order_longest_seconds=round(max(waits), 3),
        duplicates=orders.total() - len(orders),
        lost=lost,
        refused=len(load.committed) - len(orders) - lost,
    )


def main(arguments: list[str] | None = None) -> int:
    """Roll under load, print a table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rolling", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of load, at least (30)")
    options = parser.parse_args(arguments)
    rolled = roll(options.seconds)
    table = Table(title=f"a roll at {PER_SECOND} rows/s", title_justify="left", box=None)
    for name in ("", "measured"):
        table.add_column(name, justify="right" if name else "left")
    for name, value in asdict(rolled).items():
        table.add_row(name.replace("_", " "), str(value))
    Console(width=100).print(table)
    print(json.dumps(asdict(rolled) | {"holds": rolled.holds}))
    return 0 if rolled.holds else 1


if __name__ == "__main__":
    sys.exit(main())
