"""Logs that are filtered, counted and watched, through the API."""

import json
import time
from contextlib import closing
from itertools import islice
from typing import Any

import boto3  # type: ignore[import-untyped] # it ships no types
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.judgement import Rule, judge
from tests.sandbox.aws.aws_world import KEYS, REGION, World, eventually

_REJECTED = '{ $.event = "order_rejected" && $.status = 422 }'


def _put(world: World, *messages: str, stream: str = "a") -> None:
    logs = world.client("logs")
    if "/app" not in [row["logGroupName"] for row in logs.describe_log_groups()["logGroups"]]:
        logs.create_log_group(logGroupName="/app")
    streams = [row["logStreamName"] for row in logs.describe_log_streams(logGroupName="/app")["logStreams"]]
    if stream not in streams:
        logs.create_log_stream(logGroupName="/app", logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": message} for index, message in enumerate(messages)]
    logs.put_log_events(logGroupName="/app", logStreamName=stream, logEvents=events)


def _event(**fields: Any) -> str:
    return json.dumps(fields)


def _found(world: World, pattern: str = "", **more: Any) -> list[str]:
    answer = world.client("logs").filter_log_events(logGroupName="/app", filterPattern=pattern, **more)
    return [row["message"] for row in answer["events"]]


def test_a_json_pattern_finds_its_events_and_no_other(world: World) -> None:
    wanted = _event(event="order_rejected", status=422)
    _put(world, wanted, _event(event="order_rejected", status=403), _event(event="order_accepted"), "plain")

    assert _found(world, _REJECTED) == [wanted]
    assert _found(world, "?plain ?403") == [_event(event="order_rejected", status=403), "plain"]
    assert _found(world, '-"order_rejected" -plain') == [_event(event="order_accepted")]


def test_streams_are_chosen_by_name_or_prefix(world: World) -> None:
    _put(world, "one", stream="p/main/1")
    _put(world, "two", stream="p/main/2")
    _put(world, "three", stream="q/main/3")

    assert _found(world, logStreamNamePrefix="p/") == ["one", "two"]
    assert _found(world, logStreamNames=["q/main/3", "gone"]) == ["three"]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        _found(world, logStreamNames=["p/main/1"], logStreamNamePrefix="p/")


def test_a_live_tail_has_the_lines_of_its_pattern_and_no_other(world: World) -> None:
    _put(world, "before")
    settings = Config(inject_host_prefix=False, read_timeout=20)  # the SDK would ask stream-logs.127.0.0.1
    logs = boto3.client("logs", endpoint_url=world.aws.url, region_name=REGION, config=settings, **KEYS)
    group = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    tail = logs.start_live_tail(logGroupIdentifiers=[group], logEventFilterPattern="{ $.status > 404 }")
    wanted = _event(event="order_rejected", status=422)
    with closing(logs), closing(tail["responseStream"]) as stream:
        lines = islice(stream, 20)  # it goes on for ever, a line or none each second
        assert "sessionStart" in next(lines)

        _put(world, _event(event="order_rejected", status=403), wanted)
        seen = (each for update in lines for each in update["sessionUpdate"]["sessionResults"])

        assert next((each["message"] for each in seen), None) == wanted


def test_pages_miss_nothing_and_repeat_nothing(world: World) -> None:
    _put(world, *(f"line {number}" for number in range(25)))

    pages = (
        world.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName="/app", PaginationConfig={"PageSize": 10})
    )

    assert [row["message"] for page in pages for row in page["events"]] == [f"line {number}" for number in range(25)]


def test_a_time_range_bounds_what_is_found(world: World) -> None:
    _put(world, "early")
    events = world.client("logs").filter_log_events(logGroupName="/app")["events"]

    assert _found(world, startTime=events[0]["timestamp"]) == ["early"]
    assert _found(world, startTime=events[0]["timestamp"] + 1) == []
    assert _found(world, endTime=events[0]["timestamp"] - 1) == []


def test_a_pattern_that_cannot_be_read_is_refused(world: World) -> None:
    _put(world, "x")

    with pytest.raises(ClientError, match="Invalid filter pattern"):
        _found(world, "{ $.event = }")
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        _metric_filter(world, pattern="{ broken")


def _metric_filter(world: World, pattern: str = _REJECTED, **transformation: Any) -> None:
    row = {"metricName": "Rejected", "metricNamespace": "App", "metricValue": "1"} | transformation
    world.client("logs").put_metric_filter(
        logGroupName="/app", filterName="rejected", filterPattern=pattern, metricTransformations=[row]
    )


def _sum(world: World, dimensions: list[dict[str, str]] | None = None) -> float:
    now = time.time()
    answer = world.client("cloudwatch").get_metric_statistics(
        Namespace="App",
        MetricName="Rejected",
        Dimensions=dimensions or [],
        StartTime=now - 60,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(row["Sum"] for row in answer["Datapoints"]))


def test_a_metric_filter_counts_what_it_matches(world: World) -> None:
    _put(world, "before the filter")
    _metric_filter(world)

    _put(world, _event(event="order_rejected", status=422), _event(event="order_rejected", status=403), "plain")
    _put(world, _event(event="order_rejected", status=422))

    assert _sum(world) == 2


def test_a_metric_filter_takes_its_value_and_dimensions_from_the_event(world: World) -> None:
    _put(world, "before the filter")
    _metric_filter(world, "{ $.lag = * }", metricValue="$.lag", dimensions={"Account": "$.account"})
    _metric_filter(world, "{ $.lag > 0 }", metricValue="$.lag", dimensions={"Account": "$.account"})

    _put(world, _event(lag=1.5, account="tiny"), _event(lag=2, account="large"), _event(lag=3))

    assert _sum(world, [{"Name": "Account", "Value": "tiny"}]) == 1.5
    assert _sum(world, [{"Name": "Account", "Value": "large"}]) == 2


def test_the_lines_of_a_task_are_counted_too(world: World) -> None:
    world.cluster()
    _metric_filter(world, "ERROR")
    world.stopped(world.run(world.definition(world.pushed("print('ERROR one'); print('fine'); print('ERROR two')"))))

    assert _sum(world) == 2


def _alarm(world: World, **more: Any) -> None:
    world.client("cloudwatch").put_metric_alarm(
        **{
            "AlarmName": "rejected",
            "Namespace": "App",
            "MetricName": "Rejected",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        }
        | more
    )


def _state(world: World) -> str:
    return str(world.client("cloudwatch").describe_alarms(AlarmNames=["rejected"])["MetricAlarms"][0]["StateValue"])


def test_an_alarm_on_a_metric_filter_fires_and_recovers(world: World) -> None:
    _put(world, "before the filter")
    _metric_filter(world)
    _alarm(world)
    eventually(lambda: _state(world) == "OK")

    _put(world, _event(event="order_rejected", status=422))

    eventually(lambda: _state(world) == "ALARM")
    eventually(lambda: _state(world) == "OK")  # a period of a minute lasts a second in these tests


def test_a_state_set_by_hand_stands_for_a_while_against_what_the_data_say(world: World) -> None:
    _alarm(world)
    eventually(lambda: _state(world) == "OK")

    began = time.monotonic()
    world.client("cloudwatch").set_alarm_state(AlarmName="rejected", StateValue="ALARM", StateReason="a drill")
    assert _state(world) == "ALARM"
    eventually(lambda: _state(world) == "OK")

    assert time.monotonic() - began >= 1 / 6, "ten seconds, where a minute lasts one"


def test_an_alarm_looks_only_at_its_own_dimensions(world: World) -> None:
    _alarm(world, Dimensions=[{"Name": "Account", "Value": "tiny"}])
    cloudwatch = world.client("cloudwatch")
    other = {"MetricName": "Rejected", "Value": 9, "Dimensions": [{"Name": "Account", "Value": "large"}]}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[other])
    eventually(lambda: _state(world) == "OK")

    history = cloudwatch.describe_alarm_history(AlarmName="rejected", HistoryItemType="StateUpdate")
    assert [row["HistorySummary"] for row in history["AlarmHistoryItems"] if "to ALARM" in row["HistorySummary"]] == []

    own = other | {"Dimensions": [{"Name": "Account", "Value": "tiny"}]}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[own])

    eventually(lambda: _state(world) == "ALARM")


def test_a_missing_heartbeat_fires_when_missing_data_breaches(world: World) -> None:
    _alarm(world, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching")

    eventually(lambda: _state(world) == "ALARM")


def test_an_alarm_tells_its_topic(world: World) -> None:
    topic = world.client("sns").create_topic(Name="told")["TopicArn"]
    queue = world.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    arn = world.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    world.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    _alarm(world, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching", AlarmActions=[topic])

    received = eventually(lambda: world.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    message = json.loads(received[0]["Body"])
    assert json.loads(message["Message"])["NewStateValue"] == "ALARM"
    assert queue.startswith(f"{world.aws.url}/")
    assert message["UnsubscribeURL"].startswith(f"{world.aws.url}/")


@pytest.mark.parametrize(
    ("points", "missing", "needed", "wanted"),
    [
        ([1.0], "missing", 1, "ALARM"),
        ([0.0], "missing", 1, "OK"),
        ([None], "missing", 1, "INSUFFICIENT_DATA"),
        ([None], "notBreaching", 1, "OK"),
        ([None], "breaching", 1, "ALARM"),
        ([None], "ignore", 1, None),
        ([1.0, None, 1.0], "missing", 2, "ALARM"),
        ([1.0, 0.0, None], "missing", 2, "OK"),
        ([1.0, None, None], "breaching", 3, "ALARM"),
        ([None, 0.0], "breaching", 2, "OK"),
    ],
)
def test_an_alarms_state(points: list[float | None], missing: str, needed: int, wanted: str | None) -> None:
    verdict = judge(Rule("GreaterThanOrEqualToThreshold", 1.0, needed, missing), points)

    assert (verdict.state if verdict else None) == wanted
