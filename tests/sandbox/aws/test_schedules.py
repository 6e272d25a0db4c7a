"""Schedules that fire tasks, through the API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.aws_world import World, eventually


def _soon(zone: str = "UTC") -> str:
    """An at() expression of a moment that is still to come when the schedule is made, in a time zone."""
    moment = datetime.now(UTC) + timedelta(seconds=2)
    return f"at({moment.astimezone(ZoneInfo(zone)).strftime('%Y-%m-%dT%H:%M:%S')})"


def _schedule(world: World, definition: str, **more: Any) -> dict[str, Any]:
    cluster = world.client("ecs").describe_clusters(clusters=["main"])["clusters"][0]["clusterArn"]
    ecs = {
        "TaskDefinitionArn": definition,
        "TaskCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}},
    }
    target = {"Arn": cluster, "RoleArn": "arn:aws:iam::123456789012:role/r", "EcsParameters": ecs}
    return {
        "Name": "snapshot",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target | more.pop("Target", {}),
    } | more


def _made(world: World, definition: str, **more: Any) -> None:
    world.client("scheduler").create_schedule(**_schedule(world, definition, **more))


def _tasks(world: World, starter: str = "chronos-schedule/snapshot") -> list[str]:
    def with_status(status: str) -> list[str]:
        asked = {"cluster": "main", "startedBy": starter, "desiredStatus": status}
        return list(world.client("ecs").list_tasks(**asked)["taskArns"])

    # One that ends between the two questions is in both answers.
    return list(dict.fromkeys(with_status("RUNNING") + with_status("STOPPED")))


def test_a_schedule_starts_its_task_in_its_own_time_zone_once(world: World) -> None:
    world.cluster()
    definition = world.definition(world.pushed("import sys; print(sys.argv[1:])"))
    overrides = {"containerOverrides": [{"name": "main", "command": ["from", "input"]}]}
    zone = "America/New_York"
    target = {"Input": json.dumps(overrides)}
    _made(world, definition, ScheduleExpression=_soon(zone), ScheduleExpressionTimezone=zone, Target=target)

    (task,) = eventually(lambda: _tasks(world))
    world.stopped(task)

    assert world.lines(task) == ["['from', 'input']"]
    assert world.task(task)["taskDefinitionArn"] == definition
    assert world.task(task)["attachments"][0]["details"][0] == {"name": "subnetId", "value": "subnet-1"}
    assert _tasks(world) == [task]


@pytest.mark.usefixtures("world")
def test_a_moment_that_passes_before_anybody_looks_is_not_lost() -> None:
    from sandbox.aws.schedules import first_due  # noqa: PLC0415 - ministack is imported when the endpoint is there

    made = datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC)
    at = {"ScheduleExpression": "at(2026-11-23T15:00:02)", "State": "ENABLED"}
    schedule = at | {"CreationDate": made.timestamp(), "LastModificationDate": made.timestamp()}

    assert first_due(schedule, began=made - timedelta(hours=1)) == made + timedelta(seconds=2)
    assert first_due(schedule, began=made + timedelta(hours=1)) is None, "another endpoint has fired it"


def test_a_disabled_schedule_does_not_fire_and_a_one_time_schedule_can_delete_itself(world: World) -> None:
    world.cluster()
    definition = world.definition(world.pushed("pass"))
    _made(world, definition, ScheduleExpression=_soon(), State="DISABLED", Name="off")
    _made(world, definition, ScheduleExpression=_soon(), ActionAfterCompletion="DELETE", Name="once")

    eventually(lambda: _tasks(world, "chronos-schedule/once"))

    assert _tasks(world, "chronos-schedule/off") == []
    names = [row["Name"] for row in world.client("scheduler").list_schedules()["Schedules"]]
    assert names == ["off"]


def test_a_schedule_that_cannot_start_its_task_goes_to_the_dead_letter_queue(world: World) -> None:
    world.cluster()
    sqs = world.client("sqs")
    queue = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    _made(world, "nope:9", ScheduleExpression=_soon(), Target={"DeadLetterConfig": {"Arn": arn}})

    asked = {"QueueUrl": queue, "MessageAttributeNames": ["All"]}
    (message,) = eventually(lambda: sqs.receive_message(**asked).get("Messages"))

    assert message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] == "TaskDefinition not found."


def test_an_update_replaces_every_field(world: World) -> None:
    world.cluster()
    scheduler = world.client("scheduler")
    given = {"State": "DISABLED", "Description": "old", "ScheduleExpressionTimezone": "America/New_York"}
    _made(world, "worker", **given)

    scheduler.update_schedule(**_schedule(world, "worker:2"))
    after = scheduler.get_schedule(Name="snapshot")

    assert after["State"] == "ENABLED"
    assert after["ScheduleExpressionTimezone"] == "UTC"
    assert after.get("Description", "") == ""
    assert after["Target"]["EcsParameters"]["TaskDefinitionArn"] == "worker:2"


@pytest.mark.parametrize(
    "more", [{"ScheduleExpression": "cron(0 9 * * *)"}, {"ScheduleExpressionTimezone": "Mars/Olympus"}]
)
def test_an_expression_that_cannot_be_read_is_refused(world: World, more: dict[str, str]) -> None:
    world.cluster()

    with pytest.raises(ClientError, match="ValidationException"):
        _made(world, "worker", **more)

    _made(world, "worker")
    with pytest.raises(ClientError, match="ValidationException"):
        world.client("scheduler").update_schedule(**_schedule(world, "worker", **more))
