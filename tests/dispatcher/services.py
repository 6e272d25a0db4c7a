"""A dispatcher at work on a world: as a thread of the test, or as a process of its own. What it says is heard."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event, Thread

from contract import events
from contract.events import Line, Speaker
from dispatcher.commands import trading
from dispatcher.shell import settings as reading
from dispatcher.shell.serve import serve
from tests.dispatcher.cases import NOW
from tests.dispatcher.world import World

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
"""A loaded machine may take its time; a test that waits this long has failed."""
SPEAKER = Speaker("dispatcher", "test")


@dataclass
class Log:
    """What a service said, line by line, as it comes."""

    lines: list[Line] = field(default_factory=list)
    ended: bool = False
    changed: Condition = field(default_factory=Condition)

    def hear(self, line: str) -> None:
        """Take a line in."""
        with self.changed:
            self.lines.append(events.parse(line))
            self.changed.notify_all()

    def end(self) -> None:
        """Nothing more will come."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def until(self, name: str, **fields: object) -> Line:
        """The first line of that name and with those fields, which must come."""

        def found() -> Line | None:
            return next((line for line in self.lines if _says(line, name, fields)), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, PATIENCE_SECONDS)
            line = found()
        assert line is not None, "\n".join(each.raw for each in self.lines if each.name != "heartbeat")
        return line

    def names(self) -> list[str | None]:
        """What was said, in order, but for heartbeats."""
        return [line.name for line in self.lines if line.name != "heartbeat"]


def _says(line: Line, name: str, fields: dict[str, object]) -> bool:
    return line.name == name and fields.items() <= dict(line.fields or {}).items()


@contextmanager
def serving(world: World, **changes: str) -> Iterator[Log]:
    """The service in a thread, with its real adapters, until the block ends."""
    log, stop = Log(), Event()
    settings = reading.read(world.environ(**changes))

    def say(event: events.Event) -> None:
        log.hear(events.render(event, SPEAKER, NOW))

    def run() -> None:
        try:
            with trading.commons(settings, stop) as commons:
                serve(trading.means(settings, commons, settings.accounts[0], say, lambda: None), stop)
        finally:
            log.end()

    thread = Thread(target=run, name="service")
    thread.start()
    try:
        yield log
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)


@dataclass
class Process:
    """A dispatcher as a process of its own."""

    popen: "subprocess.Popen[str]"
    log: Log

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def exit_code(self) -> int:
        """How it ended, which must be soon."""
        return self.popen.wait(PATIENCE_SECONDS)


@contextmanager
def process(environ: dict[str, str], *arguments: str, at: Path = ROOT) -> Iterator[Process]:
    """`python -m dispatcher ARGUMENTS`, killed when the block ends."""
    log = Log()
    command = [sys.executable, "-m", "dispatcher", *arguments]
    popen = subprocess.Popen(
        command, env=os.environ | environ, cwd=at, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    reader = Thread(target=_read, args=(popen, log), name="reader")
    reader.start()
    try:
        yield Process(popen, log)
    finally:
        popen.kill()
        popen.wait()
        reader.join()


def _read(popen: "subprocess.Popen[str]", log: Log) -> None:
    assert popen.stdout is not None
    take: Callable[[str], None] = log.hear
    with popen.stdout as lines:
        for line in lines:
            take(line)
    log.end()
