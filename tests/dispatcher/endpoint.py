"""An AWS endpoint on loopback with the control table in it, as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.session import Session

from contract.names import PARTITION_KEY, SORT_KEY, Names

TABLE = Names("sandbox").control_table
REGION = "us-west-2"
AWS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def answering() -> Iterator[str]:
    """The endpoint's address, for the length of a block."""
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if line.startswith("aws ready on "))
        _create_table(url)
        try:
            yield url
        finally:
            process.terminate()


def client(url: str, service: str) -> Any:
    """A client of the test's own."""
    return Session().create_client(
        service, region_name=REGION, endpoint_url=url, aws_access_key_id="sandbox", aws_secret_access_key="sandbox"
    )


def _create_table(url: str) -> None:
    client(url, "dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (PARTITION_KEY, SORT_KEY)],
        KeySchema=[
            {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
