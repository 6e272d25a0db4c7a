"""CloudWatch Logs: the lines of exactly the given streams."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from ops.aws.session import Aws, AwsError, Call
from ops.ports import LogLine, Stream

STREAMS = 100
"""How many streams one request may name."""

_NOT_THERE = "ResourceNotFoundException"


def filter_call(group: str, names: Sequence[str], *, since: int, until: int | None) -> Call:
    """Asks for the lines of streams; times in milliseconds since 1970. CloudWatch includes the end, we do not."""
    request: dict[str, Any] = {"logGroupName": group, "logStreamNames": list(names), "startTime": since}
    if until is not None:
        request["endTime"] = until - 1
    return Call("logs", "FilterLogEvents", request)


def last_call(stream: Stream, count: int) -> Call:
    """Asks for the end of a stream."""
    request = {"logGroupName": stream.group, "logStreamName": stream.name, "limit": count, "startFromHead": False}
    return Call("logs", "GetLogEvents", request)


class CloudWatchLogs:
    """Reads streams. The `ops.ports.LogReader`, and the release engine's `ops.world.Logs`."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, streams: Sequence[Stream], *, since: int, until: int | None = None) -> Sequence[LogLine]:
        """Every line said from `since` on, and before `until`, in order; both in milliseconds since 1970.

        A stream that does not exist yet has no lines.

        Raises:
            OpsError: the logs could not be read.
        """
        found: list[LogLine] = []
        for group, members in groupby(sorted(set(streams)), attrgetter("group")):
            names = [each.name for each in members]
            for start in range(0, len(names), STREAMS):
                found += self._read(group, names[start : start + STREAMS], since, until)
        return sorted(found)

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        """The last lines of a stream, oldest first; empty when there is no such stream.

        Raises:
            OpsError: the log could not be read.
        """
        texts: list[str] = []
        try:
            for page in self._backwards(last_call(Stream(group, stream), count)):
                texts = [_text(event) for event in page["events"]] + texts
                if len(texts) >= count:
                    break
        except AwsError as error:
            if error.code != _NOT_THERE:
                raise
        return tuple(texts[-count:])

    def _read(self, group: str, names: Sequence[str], since: int, until: int | None) -> list[LogLine]:
        """The lines of the streams that exist: CloudWatch refuses a request that names one which does not."""
        try:
            pages = list(self._aws.pages(filter_call(group, names, since=since, until=until)))
        except AwsError as error:
            if error.code != _NOT_THERE:
                raise
            return (
                [] if len(names) == 1 else [line for name in names for line in self._read(group, [name], since, until)]
            )
        return [_line(group, event) for page in pages for event in page["events"]]

    def _backwards(self, call: Call) -> Iterator[dict[str, Any]]:
        """Pages from the end to the beginning. The last one repeats the token that led to it."""
        token = None
        while True:
            request = {**call.request, **({"nextToken": token} if token else {})}
            page = self._aws.ask(Call(call.service, call.operation, request))
            yield page
            if page.get("nextBackwardToken") in {None, token}:
                return
            token = page["nextBackwardToken"]


def _line(group: str, event: dict[str, Any]) -> LogLine:
    return LogLine(
        at=event["timestamp"],
        ingested=event["ingestionTime"],
        id=event["eventId"],
        stream=Stream(group, event["logStreamName"]),
        text=_text(event),
    )


def _text(event: dict[str, Any]) -> str:
    return str(event["message"]).rstrip("\r\n")
