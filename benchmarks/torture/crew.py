"""Several runs side by side, because most of a run is waiting: each worker is a process with a stage of its own."""

import multiprocessing
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.torture.nursery import Life, Program
from benchmarks.torture.plan import plan
from benchmarks.torture.run import Director, Outcome, stop_all
from benchmarks.torture.stage import Premises, premises, stage
from benchmarks.torture.tripwire import Tripwire

_fork = multiprocessing.get_context("fork")


class CrewError(Exception):
    """The harness itself failed; with the worker's traceback."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told: whom to torture, under which seed, and where the logs go."""

    program: Program
    seed: int
    folder: Path
    workers: int
    """How many run side by side."""
    patience_seconds: float
    """How long a recommendation may be without an ending."""


def outcomes(orders: Orders, numbers: range) -> Iterator[Outcome]:
    """Play the runs; outcomes as they come. Interrupted or not, what was started is ended.

    Raises:
        CrewError: a worker failed.
    """
    waiting = iter(numbers)
    with _crew(orders, min(orders.workers, len(numbers))) as idle:
        busy: list[Connection[Any, Any]] = []
        for channel in idle:
            channel.send(next(waiting))
            busy.append(channel)
        while busy:
            ready = wait(busy)
            for channel in [each for each in busy if each in ready]:
                outcome = _heard(channel)
                number = next(waiting, None)
                if number is None:
                    busy.remove(channel)
                else:
                    channel.send(number)
                yield outcome


def _heard(channel: "Connection[Any, Any]") -> Outcome:
    try:
        said = channel.recv()
    except EOFError:
        raise CrewError("a worker is gone without a word") from None
    if isinstance(said, Outcome):
        return said
    raise CrewError(str(said))


@contextmanager
def _crew(orders: Orders, size: int) -> "Iterator[list[Connection[Any, Any]]]":
    given = premises()
    members: list[tuple[ForkProcess, Connection[Any, Any]]] = []
    try:
        for _ in range(size):
            ours, theirs = _fork.Pipe()
            inherited = [channel for _, channel in members]
            process = _fork.Process(target=_work, args=(orders, given, theirs, [ours, *inherited]))
            process.start()
            theirs.close()
            members.append((process, ours))
        yield [channel for _, channel in members]
    except BaseException:  # raised again: whatever ended the crew, its members must not live on
        for process, _ in members:
            process.terminate()
        raise
    else:
        for _, channel in members:
            channel.send(None)
    finally:
        for process, channel in members:
            process.join()
            channel.close()


def _work(
    orders: Orders, given: Premises, channel: "Connection[Any, Any]", inherited: "list[Connection[Any, Any]]"
) -> None:
    """A worker's life: play what it is told, until it is told None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the crew's master tells us when to stop
    signal.signal(signal.SIGTERM, _leave)
    for other in inherited:
        other.close()
    lives: list[Life] = []
    tripwire = Tripwire(lambda: stop_all(lives))
    try:
        with stage(orders.program, orders.folder, given, tripwire.observe) as place:
            while (number := channel.recv()) is not None:
                todo = plan(orders.seed, number)
                channel.send(Director(place, todo, tripwire, lives, orders.patience_seconds).play())
    except Exception:  # noqa: BLE001  the outermost frame of a process; told to its master
        channel.send(traceback.format_exc())


def _leave(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what follows is cleaning up
    raise SystemExit(0)
