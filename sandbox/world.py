"""The local world: parts started as programs, written down as they start, and surely stopped.

Everything lies in `.sandbox/` of the checkout. `world.json` names every process of the run that is under way by its id
and start time, so that a run after an interruption stops exactly what the interrupted one left, and nothing else.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

import psutil

from sandbox import parts
from sandbox.parts import Finished, Output, Part
from sandbox.postgres import Postgres, PostgresError

FOLDER = ".sandbox"
_SAME_START = 1.0
"""Seconds within which two start times are one: the system's clock may have been set a little in between."""
_PATIENCE = 45
"""Seconds for a part to end: an endpoint lets its tasks finish what is in hand, 30 s at most."""


class WorldBusyError(RuntimeError):
    """Another run is under way in this checkout."""


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM came; everything is being stopped."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A process as it is written down: id and start time are its identity."""

    name: str
    pid: int
    started: float

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        """Write down a living process."""
        return cls(name, pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, if it is still this one."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.started) < _SAME_START and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


class World:
    """One run's parts. Made by `World.opened`, which stops them all at the end."""

    def __init__(self, checkout: Path, run: str) -> None:
        self.checkout = checkout
        self.folder = checkout / FOLDER / run
        self.evidence = self.folder / "evidence"
        self.cleared: tuple[str, ...] = ()
        self._signals = _Signals()
        self._parts: list[Part] = []
        self._postgres: list[Postgres] = []
        self._servers: list[Path] = []

    @classmethod
    @contextmanager
    def opened(cls, checkout: Path) -> Iterator[Self]:
        """A world for the length of a `with` block. SIGINT and SIGTERM end the block with `Interrupted`.

        Raises:
            WorldBusyError: another run is under way in this checkout.
        """
        base = checkout / FOLDER
        base.mkdir(mode=0o700, exist_ok=True)
        with _locked(base / "world.lock"):
            world = cls(checkout, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}")
            with world._signals.caught():
                world.cleared = clear(base)
                world.evidence.mkdir(mode=0o700, parents=True)
                world.folder.chmod(0o700)
                try:
                    yield world
                finally:
                    with world._signals.held():
                        world._stop_all()

    def start_postgres(self) -> Postgres:
        """A PostgreSQL of this run's own, its data removed at the end."""
        # Root's PostgreSQL runs as another user, to whom the checkout may be closed.
        place = None if os.geteuid() == 0 else self.folder
        with self._signals.held():
            data = Path(tempfile.mkdtemp(prefix="ops-pipeline-postgres-", dir=place))
            self._servers.append(data)
            self._write()
            server = Postgres.start(data)
            self._postgres.append(server)
        return server

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None
    ) -> Part:
        """Start a part of the world in a folder, the checkout if none is given.

        Its output is in `<run>/<name>.log` and `<run>/<name>.err`.
        """
        with self._signals.held():
            part = parts.start(name, command, environment, self._output(name), folder or self.checkout)
            self._parts.append(part)
            self._write()
        return part

    def run(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        seconds: float,
        folder: Path | None = None,
    ) -> Finished:
        """Run a program to its end.

        Raises:
            PartError: it did not end in time.
        """
        return parts.finish(self.start(name, command, environment, folder=folder), seconds=seconds)

    def private(self, name: str, text: str) -> Path:
        """A file of this run that nobody else may read."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        return file

    def _output(self, name: str) -> Output:
        return Output(self.private(f"{name}.log", ""), self.private(f"{name}.err", ""))

    def _write(self) -> None:
        alive = [each for each in self._parts if each.process.poll() is None]
        traces = [asdict(Trace.of(each.name, each.pid)) for each in alive]
        written = {"run": self.folder.name, "parts": traces, "postgres": [str(each) for each in self._servers]}
        _replace(self.checkout / FOLDER / "world.json", json.dumps(written, indent=1))

    def _stop_all(self) -> None:
        """Stop in the reverse order of starting; one that will not end is killed."""
        for part in reversed(self._parts):
            with suppress(parts.PartError):
                part.stop(seconds=_PATIENCE)
        for server in self._postgres:
            with suppress(PostgresError):
                server.stop()
        clear(self.checkout / FOLDER)


def clear(base: Path) -> tuple[str, ...]:
    """Stop what `world.json` still names and is still running, and remove its data. Tells what was stopped."""
    file = base / "world.json"
    if not file.exists():
        return ()
    written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    left = [Trace(**each) for each in written["parts"]]
    folders = [Path(each) for each in written["postgres"]]
    left += [trace for folder in folders for trace in _server(folder)]

    stopped = tuple(trace.name for trace in left if _stop(trace))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    file.unlink()
    return stopped


def _server(folder: Path) -> Iterator[Trace]:
    """A PostgreSQL that runs on the folder: it may have come up after we were interrupted."""
    for process in psutil.process_iter(["cmdline"]):
        if str(folder / "data") in (process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                yield Trace.of("postgres", process.pid)


def _stop(trace: Trace) -> bool:
    process = trace.process()
    if process is None:
        return False
    # PostgreSQL takes SIGTERM as "wait for everyone to leave", SIGINT as "stop now, cleanly".
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGINT if trace.name == "postgres" else signal.SIGTERM)
    try:
        process.wait(timeout=_PATIENCE)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=_PATIENCE)
    return True


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock. The system lets go of it when we end, however we end."""
    file.touch(mode=0o600)
    with file.open("r+", encoding="utf-8") as lock:
        _take(lock)
        lock.truncate(0)
        lock.write(json.dumps(asdict(Trace.of("rehearse", os.getpid()))))
        lock.flush()
        yield


def _take(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WorldBusyError(f"another run is under way in this checkout: {_holder(lock.read())}") from None


def _holder(written: str) -> str:
    try:
        holder = json.loads(written)
        return (
            f"process {holder['pid']}, started {datetime.fromtimestamp(holder['started'], UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
    except (ValueError, KeyError):
        return "it has just begun"


def _replace(file: Path, text: str) -> None:
    """Write whole or not at all."""
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


class _Signals:
    """SIGINT and SIGTERM end the run once, and never between starting a process and writing it down."""

    def __init__(self) -> None:
        self._holding = 0
        self._asked: signal.Signals | None = None
        self._told = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
        self._raise_if_asked()

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if self._asked is not None:
            sys.stderr.write("already stopping what was started\n")
            return
        self._asked = signal.Signals(number)
        self._raise_if_asked()

    def _raise_if_asked(self) -> None:
        if self._asked is not None and self._holding == 0 and not self._told:
            self._told = True
            raise Interrupted(self._asked.name)
