"""A rolling deployment under load: `python -m benchmarks.rolling`. Exit 0 when nothing was lost and the gap is small.

Recommendations are written at a steady pace to a dispatcher that is a service of the local AWS endpoint. UpdateService
asks ECS for a new revision: the new task starts beside the old one and stands by, and once it is healthy ECS stops the
old one, which lets its lease go. Database, exchange, image and tasks are real; tasks run as processes. Arrivals are
timed at the exchange, a thread of this process; whose an order is, each task's log says.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bench.dispatching import ACCOUNT, Arrivals, environ_of, exchange_time, insert, lifted, trading
from benchmarks.bench.measure import percentile
from benchmarks.deployed import PATIENCE_SECONDS, Deployed
from contract import environment
from contract.events import Line
from dispatcher.adapters import migrations
from sandbox.aws import Tasks
from sandbox.aws import running as aws_running
from sandbox.exchange import Running, running
from sandbox.postgres import Database, Postgres

PER_SECOND = 10
GAP_SECONDS = 2.0
"""What is claimed: from the last order of the old to the first of the new."""
_LIVES = 2
"""The old task and the new."""
_SPARE = int(PER_SECOND * PATIENCE_SECONDS * 2)
"""Symbols beyond the planned ones: on a busy machine the new task takes its time, and rows go on being written."""
_SECRETS = frozenset({environment.DATABASE_PASSWORD.name, environment.broker_secret("large").name})
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
    stop_to_first_order_seconds: float
    """From ECS stopping the old to the first order of the new."""
    roll_seconds: float
    """From UpdateService until ECS says COMPLETED."""
    row_to_order_p50_seconds: float
    row_to_order_longest_seconds: float
    """Of every row, and the longest is the one that waited for the new."""
    duplicates: int
    """Orders beyond the first of a recommendation."""
    lost: int
    """Recommendations without an ending."""
    refused: int
    """Recommendations whose ending is another than an order."""
    stood_by: bool
    """Whether the new said that it stands by before its first order."""

    @property
    def holds(self) -> bool:
        """Whether it is as claimed."""
        nothing_wrong = not (self.duplicates or self.lost or self.refused)
        return self.gap_seconds < GAP_SECONDS and self.stood_by and nothing_wrong


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
        start = time.monotonic()
        with self.database.connect() as connection:
            for turn, symbol in enumerate(self.symbols):
                if self.stop.wait(max(0.0, start + turn / PER_SECOND - time.monotonic())):
                    return
                number = insert(connection, exchange_time(self.began), symbol)
                with self.changed:
                    self.committed[number] = time.monotonic()
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
        RuntimeError: other tasks ran than the old and the new.
    """
    planned = int(seconds * PER_SECOND)
    symbols = [f"R{number:05d}" for number in range(planned + _SPARE)]
    began = time.monotonic()
    with (
        running(trading(symbols)) as exchange,
        Postgres.temporary() as server,
        aws_running(tasks=Tasks.PROCESSES) as aws,
    ):
        migrations.upgrade(server.database.url, server.database.password)
        load = Load(server.database, symbols, began)
        exchange.on_order_request(load.arrivals)
        service = Deployed.on(aws, _environ(exchange, server.database), _SECRETS)
        with _writing(load):
            load.until(planned // 2)
            asked = time.monotonic()
            service.roll()
            rolled = time.monotonic() - asked
            load.until(max(planned, len(load.committed) + PER_SECOND))
        lost = _lost(server.database)
        return _rolled(exchange, load, service, rolled, lost)


def _environ(exchange: Running, database: Database) -> dict[str, str]:
    given = environ_of(exchange, database, Path(), ACCOUNT, lifted())
    return given | {environment.HEARTBEAT_SECONDS.name: "1"}


@contextmanager
def _writing(load: Load) -> Iterator[None]:
    thread = Thread(target=load.write, name="upstream")
    thread.start()
    try:
        yield
    finally:
        load.stop.set()
        thread.join()


def _lost(database: Database) -> int:
    """How many have no ending once nothing changes any more, or when patience is over."""
    until = time.monotonic() + PATIENCE_SECONDS
    with database.connect() as connection:
        while (left := len(connection.execute(_WITHOUT_ENDING).fetchall())) and time.monotonic() < until:
            time.sleep(0.1)
    return left


def _rolled(exchange: Running, load: Load, service: Deployed, seconds: float, lost: int) -> Rolled:
    """Count at the exchange, time by arrival, and tell by the logs whose order it was."""
    state: Any = exchange.state()
    counted = Counter(each["symbol"] for each in state["orders"] if each["parent"] is None)
    at = {int(identity.split("-")[1]): moment for identity, moment in load.arrivals.at.items()}
    waits = [at[number] - moment for number, moment in load.committed.items() if number in at]
    said = service.said()
    if len(said) != _LIVES:
        raise RuntimeError(f"{len(said)} tasks ran, not the old and the new alone: {', '.join(said)}")
    of_old, of_new = (sorted(load.arrivals.at[each] for each in _orders(lines)) for lines in said.values())
    old, new = said
    return Rolled(
        recommendations=len(load.committed),
        orders_of_old=len(of_old),
        orders_of_new=len(of_new),
        gap_seconds=round(of_new[0] - of_old[-1], 3),
        stop_to_first_order_seconds=round(of_new[0] - _monotonic(service.stopped_at(old)), 3),
        roll_seconds=round(seconds, 1),
        row_to_order_p50_seconds=round(percentile(waits, 50), 4),
        row_to_order_longest_seconds=round(max(waits), 3),
        duplicates=counted.total() - len(counted),
        lost=lost,
        refused=len(load.committed) - len(counted) - lost,
        stood_by=_stood_by(said[new]),
    )


def _orders(lines: Sequence[Line]) -> set[str]:
    """Our ids of the orders that a task says are the broker's."""
    return {str(each.fields["client_order_id"]) for each in lines if each.fields and each.name == "order_accepted"}


def _stood_by(lines: Sequence[Line]) -> bool:
    names = [each.name for each in lines]
    return "standby" in names[: names.index("order_accepted")]


def _monotonic(epoch: float) -> float:
    """A moment of this machine's clock on the clock of the arrivals."""
    return time.monotonic() - (time.time() - epoch)


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
