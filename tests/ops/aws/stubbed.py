"""AWS with answers written by hand: each request is checked against botocore's model of the service, and compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.stub import Stubber

from ops.aws.session import Aws

NOWHERE = "http://127.0.0.1:9"
"""Discard: should a request slip past the stub, nothing answers it."""


@cache
def _aws() -> Aws:
    """One for all tests: the first client of each service is the slow one."""
    return Aws(endpoint_url=NOWHERE, region="us-west-2")


@contextmanager
def stubbed(service: str) -> Iterator[tuple[Aws, Stubber]]:
    """AWS whose client of one service is answered from a list; every answer has to be used."""
    aws = _aws()
    with Stubber(aws.client(service)) as stub:
        yield aws, stub
        stub.assert_no_pending_responses()


def refuse(stub: Stubber, operation: str, code: str, *, status: int = 400, asked: dict[str, Any] | None = None) -> None:
    """The next answer is no."""
    stub.add_client_error(operation, code, "the words of AWS", status, expected_params=asked)
