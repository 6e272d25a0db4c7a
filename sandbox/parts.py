"""A part of the world: a program beside us, in a process group of its own, its output kept line by line in files."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO

_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT")
"""All that a part gets from our own environment; the rest is what it is given."""

_TAIL = 15


class PartError(RuntimeError):
    """A part did not do what it should. `tail` holds the last lines it said."""

    def __init__(self, message: str, tail: str) -> None:
        super().__init__(message)
        self.tail = tail


@dataclass(frozen=True, slots=True)
class Output:
    """Where a program's words are kept."""

    stdout: Path
    stderr: Path

    def tail(self) -> str:
        """The last lines of both, the errors last."""
        return "\n".join(line for file in (self.stdout, self.stderr) for line in _lines(file)[-_TAIL:])


@dataclass(frozen=True, slots=True)
class Part:
    """A started program. `said` gives its lines of standard output as they come, and None at their end."""

    name: str
    process: "subprocess.Popen[str]"
    output: Output
    said: "Queue[str | None]"
    reader: Thread = field(repr=False)

    @property
    def pid(self) -> int:
        """Its process id, which is its group's as well."""
        return self.process.pid

    def wait_for(self, wanted: Callable[[str], bool], *, what: str, seconds: float = 30) -> str:
        """The first line that is `wanted`, by reading until it is said.

        Raises:
            PartError: the program ended, or `seconds` went by.
        """
        until = monotonic() + seconds
        while True:
            try:
                line = self.said.get(timeout=max(0.0, until - monotonic()))
            except Empty:
                raise PartError(f"{self.name} did not say {what} within {seconds:g} s", self.output.tail()) from None
            if line is None:
                code = self.process.wait()
                raise PartError(f"{self.name} ended with exit code {code} before {what}", self.output.tail())
            if wanted(line):
                return line

    def fresh(self) -> Iterator[str]:
        """Every line that was said and not given yet."""
        with suppress(Empty):
            while (line := self.said.get_nowait()) is not None:
                yield line

    def stop(self, *, seconds: float = 15) -> int:
        """Ask it to end (SIGTERM), wait, and tell its exit code.

        Raises:
            PartError: it did not end in time; it is killed then.
        """
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGTERM)
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PartError(f"{self.name} did not end within {seconds:g} s of SIGTERM", self.output.tail()) from None
        self.reader.join()
        return code

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join()


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ran to its end."""

    code: int
    stdout: str
    output: Output


def start(name: str, command: Sequence[str], environment: Mapping[str, str], output: Output, folder: Path) -> Part:
    """Start a program in `folder`. Secrets belong in `environment`, never in `command`."""
    with output.stderr.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own programs, never a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            bufsize=1,
            env=_environment(environment),
            cwd=folder,
            start_new_session=True,
        )
    said: Queue[str | None] = Queue()
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    reader = Thread(target=_keep, args=(process.stdout, output.stdout, said), name=f"{name} output", daemon=True)
    reader.start()
    return Part(name, process, output, said, reader)


def finish(part: Part, *, seconds: float) -> Finished:
    """Wait for the end of a program that ends by itself.

    Raises:
        PartError: it did not end in time.
    """
    with suppress(PartError):
        part.wait_for(lambda _: False, what="its end", seconds=seconds)
    code = part.stop(seconds=1)
    return Finished(code, part.output.stdout.read_text(encoding="utf-8"), part.output)


def _keep(source: IO[str], file: Path, said: "Queue[str | None]") -> None:
    """Copy each line to the file, then tell it."""
    with source, file.open("w", encoding="utf-8") as kept:
        for line in source:
            kept.write(line)
            kept.flush()
            said.put(line.rstrip("\n"))
    said.put(None)


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"} | dict(given)


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
