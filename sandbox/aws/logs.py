"""CloudWatch Logs: events are filtered by their pattern, and metric filters count what is put."""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.aws import fits, patterns
from sandbox.aws.answers import RefusedError, Response, ok
from sandbox.aws.board import Record
from sandbox.aws.tasks import answering
from sandbox.aws.upstream import cloudwatch, cloudwatch_logs

_MOST_EVENTS = 10_000


def patches() -> Iterator[fits.Patch]:
    """Apply, one by one, what the logs need."""
    data = "(data)"
    why = "every JSON pattern matched everything"
    yield fits.function(cloudwatch_logs, "_filter_log_events", answering(_filter), takes=data, why=why)
    matches = "(pattern, message)"
    yield fits.function(cloudwatch_logs, "_subscription_pattern_matches", _matches, takes=matches, why=why)
    yield fits.function(
        cloudwatch_logs, "_put_log_events", _counting(), takes=data, why="metric filters were not counted"
    )
    put = answering(_checked(cloudwatch_logs._put_metric_filter))
    yield fits.function(cloudwatch_logs, "_put_metric_filter", put, takes=data, why="took any pattern")


def _filter(data: Record) -> Response:
    """FilterLogEvents, page by page, over the streams asked for."""
    group = _group(data)
    matches = _compiled(data.get("filterPattern") or "")
    limit = min(int(data.get("limit") or _MOST_EVENTS), _MOST_EVENTS)
    found = sorted(_events(group, data), key=_position)
    after = _token(data.get("nextToken"))
    page: list[Record] = []
    for event in found:
        if after is not None and _position(event) <= after:
            continue
        if matches(event["message"]):
            page.append(event)
            if len(page) == limit:
                break
    more = len(page) == limit and page[-1] is not found[-1]
    token = {"nextToken": "{}/{}/{}".format(*_position(page[-1]))} if more else {}
    return ok({"events": page, "searchedLogStreams": []} | token)


def _group(data: Record) -> Record:
    name = cloudwatch_logs._resolve_log_group_name(data)
    group: Record | None = cloudwatch_logs._log_groups.get(name)
    if group is None:
        words = f"The specified log group does not exist: {name}"
        raise RefusedError("ResourceNotFoundException", words)
    return group


def _events(group: Record, data: Record) -> Iterator[Record]:
    start, end = data.get("startTime"), data.get("endTime")
    with cloudwatch_logs._log_events_lock:
        kept = [(name, list(group["streams"][name]["events"])) for name in _streams(group, data)]
    for name, events in kept:
        for event in events:
            if (start is None or event["timestamp"] >= start) and (end is None or event["timestamp"] <= end):
                yield {**event, "logStreamName": name}


def _streams(group: Record, data: Record) -> list[str]:
    names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix")
    if names and prefix:
        raise RefusedError("InvalidParameterException", "logStreamNames and logStreamNamePrefix exclude each other.")
    known: Iterable[str] = group["streams"]
    if names:
        return [name for name in names if name in known]
    return [name for name in known if name.startswith(prefix or "")]


def _position(event: Record) -> tuple[int, int, str]:
    return event["timestamp"], event["ingestionTime"], event["eventId"]


def _token(text: str | None) -> tuple[int, int, str] | None:
    if not text:
        return None
    try:
        timestamp, ingested, identity = text.split("/")
        return int(timestamp), int(ingested), identity
    except ValueError as error:
        raise RefusedError("InvalidParameterException", "The specified nextToken is invalid.") from error


def _compiled(raw: str) -> patterns.Matches:
    try:
        return patterns.compiled(raw)
    except patterns.PatternError as error:
        raise RefusedError("InvalidParameterException", f"Invalid filter pattern: {error}") from error


def _matches(pattern: str, message: str) -> bool:
    try:
        return patterns.compiled(pattern or "")(message or "")
    except patterns.PatternError:
        return False


def _checked(inner: Callable[[Record], Response]) -> Callable[[Record], Response]:
    def put(data: Record) -> Response:
        _compiled(data.get("filterPattern") or "")
        return inner(data)

    return put


def _counting() -> Callable[[Record], Response]:
    inner: Callable[[Record], Response] = cloudwatch_logs._put_log_events

    def put(data: Record) -> Response:
        answer = inner(data)
        group = data.get("logGroupName")
        for (named, _), row in cloudwatch_logs._metric_filters.items():
            if named == group:
                _count(row, [event.get("message", "") for event in data.get("logEvents", ())])
        return answer

    return put


def _count(row: Record, messages: list[str]) -> None:
    """Publish what a metric filter finds in a batch; its default value when it finds nothing."""
    hits = [message for message in messages if _matches(row["filterPattern"], message)]
    for transformation in row["metricTransformations"]:
        for hit in hits:
            _publish(transformation, _value(transformation["metricValue"], hit), _dimensions(transformation, hit))
        if not hits and transformation.get("defaultValue") is not None:
            _publish(transformation, float(transformation["defaultValue"]), {})


def _value(asked: str, message: str) -> float | None:
    found: Any = patterns.field(message, asked) if asked.startswith("$") else asked
    try:
        return float(found)
    except (TypeError, ValueError):
        return None


def _dimensions(transformation: Record, message: str) -> dict[str, str] | None:
    """The dimensions a message has; None when it lacks one, because CloudWatch then counts nothing."""
    wanted = (transformation.get("dimensions") or {}).items()
    found = {name: patterns.field(message, selector) for name, selector in wanted}
    return None if None in found.values() else {name: str(value) for name, value in found.items()}


def _publish(transformation: Record, value: float | None, dimensions: dict[str, str] | None) -> None:
    if value is not None and dimensions is not None:
        name, unit = transformation["metricName"], transformation.get("unit", "None")
        cloudwatch.record_metric(transformation["metricNamespace"], name, value, unit, dimensions)
