"""A service steered from the command line: a real control table, `ops` as a person types it, the log as it comes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from botocore.session import Session
from click.testing import CliRunner

from contract.environment import CONTROL_TABLE
from contract.names import PARTITION_KEY, SORT_KEY, Names
from ops.cli.root import ops
from tests.dispatcher.world import World

TABLE = Names("sandbox").control_table
REGION = "us-west-2"
PATIENCE_SECONDS = 60
AWS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def endpoint() -> Iterator[str]:
    """An AWS endpoint with the control table in it."""
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if line.startswith("aws ready on "))
        _create_table(url)
        yield url
        process.terminate()


def _create_table(url: str) -> None:
    client = Session().create_client(
        "dynamodb", region_name=REGION, endpoint_url=url, aws_access_key_id="sandbox", aws_secret_access_key="sandbox"
    )
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (PARTITION_KEY, SORT_KEY)],
        KeySchema=[
            {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


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
