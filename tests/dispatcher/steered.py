"""A service steered from the command line: `ops` as a person types it, and the service's log as it comes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from click.testing import CliRunner

from contract.environment import CONTROL_TABLE
from ops.cli.root import ops
from tests.dispatcher.endpoint import AWS, TABLE
from tests.dispatcher.world import World

PATIENCE_SECONDS = 60


class Log:
    """The events of a running service, as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._lines = process.stdout
        self._said: list[str] = []

    def until(self, name: str, **fields: object) -> dict[str, Any]:
        """The next event of that name and with those fields."""
        for line in self._lines:
            self._said.append(line)
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name and fields.items() <= event.items():
                return event
        raise AssertionError(f"it ended without {name} {fields}; it said:\n{''.join(self._said[-30:])}")


@contextmanager
def service(world: World, endpoint: str, command: str = "run") -> Iterator[Log]:
    """A service of the image as a process, which hears the control table."""
    environ = os.environ | AWS | {"AWS_ENDPOINT_URL": endpoint} | world.environ(**{CONTROL_TABLE.name: TABLE})
    words = [sys.executable, "-m", "dispatcher", command]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as process:
        # An event that never comes must fail the test and not stop the suite.
        enough = Timer(PATIENCE_SECONDS, process.kill)
        enough.start()
        try:
            yield Log(process)
        finally:
            enough.cancel()
            process.kill()


def say(endpoint: str, *words: str, ends: int = 0) -> dict[str, Any]:
    """What `ops --json` answers, which ends as it should."""
    answer = CliRunner().invoke(ops, ["--json", "--endpoint-url", endpoint, *words], env=AWS)
    assert answer.exit_code == ends, answer.output
    told: dict[str, Any] = json.loads(answer.stdout)
    return told
