"""A fork server: one process that has imported the dispatcher (1 to 2 s of CPU) and forks a child for each start."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

Program = Callable[[list[str], Mapping[str, str]], int]
"""What a child runs: arguments and environment in, exit code out."""
SURPRISE = 70
"""Exit code of a child that ended with a traceback."""
DEATH_SECONDS = 60.0
TO_STOP = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Life:
    """A process of ours. `dead` is set once it was reaped; `killed` tells that it was us."""

    pid: int
    log: Path
    dead: Event = field(default_factory=Event)
    killed: bool = False
    exit_code: int | None = None
    """As `os.waitstatus_to_exitcode` tells it: negative for a signal."""

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.killed = True
        self.signal(signal.SIGKILL)
        self.await_death()

    def await_death(self) -> None:
        """Wait until it is gone; raises TimeoutError."""
        if not self.dead.wait(DEATH_SECONDS):
            raise TimeoutError(f"process {self.pid} does not end; its log: {self.log}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; one to the dead is lost."""
        if not self.dead.is_set():
            os.kill(self.pid, number)


class Nursery:
    """Starts processes and hears of their deaths."""

    def __init__(self, channel: "Connection[Any, Any]") -> None:
        self._channel = channel
        self._born: SimpleQueue[int] = SimpleQueue()
        self._lives: dict[int, Life] = {}
        self._deaths: dict[int, int] = {}
        Thread(target=self._listen, name="nursery", daemon=True).start()

    def start(self, environ: Mapping[str, str], log: Path) -> Life:
        """Fork a child that runs the program in the environment; its output is added to the log."""
        self._channel.send((dict(environ), str(log)))
        life = Life(self._born.get(timeout=DEATH_SECONDS), log)
        self._lives[life.pid] = life
        if life.pid in self._deaths:  # it died before we could write its name down
            self._bury(life.pid)
        return life

    def _listen(self) -> None:
        while True:
            try:
                word, pid, code = self._channel.recv()
            except (EOFError, OSError):
                return
            if word == "born":
                self._deaths.pop(pid, None)
                self._lives.pop(pid, None)
                self._born.put(pid)
            else:
                self._deaths[pid] = code
                self._bury(pid)

    def _bury(self, pid: int) -> None:
        life = self._lives.get(pid)
        if life is not None:
            life.exit_code = self._deaths[pid]
            life.dead.set()


@contextmanager
def nursery(program: Program) -> Iterator[Nursery]:
    """A nursery for the length of a `with` block. To be opened before there is any thread or connection."""
    ours, theirs = Pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(theirs, program)
    theirs.close()
    try:
        yield Nursery(ours)
    finally:
        ours.send(None)  # closing would not be heard: a thread of ours is reading there
        os.waitpid(pid, 0)
        ours.close()


def _serve(channel: "Connection[Any, Any]", program: Program) -> None:
    """The nursery's own life: never returns."""
    for number in TO_STOP:
        signal.signal(number, signal.SIG_IGN)  # it ends with its parent, and so after it
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    children: set[int] = set()
    try:
        _attend(channel, woken, children, program)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        os._exit(0)


def _attend(channel: "Connection[Any, Any]", woken: int, children: set[int], program: Program) -> None:
    """Fork what is asked for and reap what has died, until the parent is gone."""
    while True:
        ready = wait([channel, woken])
        if woken in ready:
            os.read(woken, 512)
            _reap(channel, children)
        if channel in ready:
            asked = _asked(channel)
            if asked is None:
                return
            children.add(_fork(channel, *asked, program))


def _asked(channel: "Connection[Any, Any]") -> tuple[dict[str, str], str] | None:
    """Environment and log of the next child; None when there will be no more."""
    try:
        asked: tuple[dict[str, str], str] | None = channel.recv()
    except EOFError:
        return None
    return asked


def _fork(channel: "Connection[Any, Any]", environ: dict[str, str], log: str, program: Program) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, TO_STOP)  # until the child no longer ignores them as we do
    pid = os.fork()
    if pid == 0:
        channel.close()
        _live(environ, log, program)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_STOP)
    channel.send(("born", pid, 0))
    return pid


def _reap(channel: "Connection[Any, Any]", children: set[int]) -> None:
    for child in tuple(children):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            children.remove(pid)
            channel.send(("dead", pid, os.waitstatus_to_exitcode(status)))


def _live(environ: dict[str, str], log: str, program: Program) -> None:
    """A child's whole life, as if it had been started as a program: never returns."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, *TO_STOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_STOP)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.clear()
    os.environ.update(environ)
    code = SURPRISE
    try:
        code = program([], environ)
    except Exception:  # noqa: BLE001  the outermost frame of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
