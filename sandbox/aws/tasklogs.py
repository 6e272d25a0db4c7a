"""A container's lines into CloudWatch Logs, one event per line, at once."""
# ruff: noqa: SLF001 - it writes to private stores of one exact version of ministack, guarded by sandbox.aws.fits

import time
from collections.abc import Callable

from sandbox.aws.injection import ResourceInitializationError
from sandbox.aws.plan import LogStream
from sandbox.aws.upstream import cloudwatch_logs, responses

_FAILED = "failed to validate logger args: create stream has been retried 1 times"


def opened(stream: LogStream | None, account: str) -> Callable[[str], None]:
    """What a container's lines are told to, its stream made; lines without a stream go nowhere, as on AWS.

    Raises:
        ResourceInitializationError: the log group does not exist and may not be made.
    """
    if stream is None:
        return lambda _line: None
    with responses.request_scope(account, stream.region):
        if stream.group not in cloudwatch_logs._log_groups:
            if not stream.create_group:
                raise ResourceInitializationError(
                    f"{_FAILED}: failed to create Cloudwatch log stream: ResourceNotFoundException: "
                    f"The specified log group does not exist. ({stream.group}): exit status 1"
                )
            cloudwatch_logs._create_log_group({"logGroupName": stream.group})
        cloudwatch_logs._create_log_stream({"logGroupName": stream.group, "logStreamName": stream.name})
    return lambda line: _put(stream, account, line)


def _put(stream: LogStream, account: str, line: str) -> None:
    if not line:
        return  # CloudWatch takes no empty event; the log driver drops them
    event = {"timestamp": int(time.time() * 1000), "message": line}
    with responses.request_scope(account, stream.region):
        cloudwatch_logs._put_log_events(
            {"logGroupName": stream.group, "logStreamName": stream.name, "logEvents": [event]}
        )
