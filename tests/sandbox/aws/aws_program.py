"""The endpoint as a program of its own, as `ops` and the sandbox start it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.aws import Aws
from sandbox.aws.settings import Settings

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@dataclass
class Program:
    process: "subprocess.Popen[str]"
    ready: str
    stderr: Path

    @property
    def aws(self) -> Aws:
        return Aws(Settings(port=int(self.ready.rsplit(":", 1)[-1]), folder=self.stderr.parent), ())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def program(folder: Path, *arguments: str, **environment: str) -> Iterator[Program]:
    errors = folder / "aws.stderr"
    with errors.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.aws", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=dict(os.environ) | environment,
        )
    try:
        assert process.stdout is not None
        with process.stdout as said:
            yield Program(process, said.readline().strip(), errors)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)
