"""Every field of a schedule survives a change of its state or its revision, whatever AWS may have in it.

Schedules are drawn from botocore's own model of what GetSchedule answers; what is then sent is checked by botocore's
own model of what UpdateSchedule takes.
"""

import string
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.aws.schedules import UPDATABLE, AwsSchedules, pointed, switched
from ops.core.seen import Trigger
from ops.errors import OpsError
from tests.ops.aws.stubbed import stubbed

REVISION = "arn:aws:ecs:us-west-2:123456789012:task-definition/ops-pipeline-lab-dispatcher:7"
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by the strategy
TEXT = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)


def model(operation: str, side: str) -> Shape:
    with stubbed("scheduler") as (aws, _):
        return getattr(aws.client("scheduler").meta.service_model.operation_model(operation), side)


def drawn(shape: Shape) -> st.SearchStrategy[Any]:
    """Any value that the shape allows, as far as botocore checks it."""
    match shape.type_name:
        case "structure":
            required = {name: drawn(each) for name, each in shape.members.items() if name in shape.required_members}
            rest = {name: drawn(each) for name, each in shape.members.items() if name not in shape.required_members}
            return st.fixed_dictionaries(required, optional=rest)
        case "list":
            least = shape.metadata.get("min", 0)
            return st.lists(drawn(shape.member), min_size=least, max_size=max(least, 2))
        case "map":
            return st.dictionaries(drawn(shape.key), drawn(shape.value), max_size=2)
        case _:
            return scalar(shape)


def scalar(shape: Shape) -> st.SearchStrategy[Any]:
    least = shape.metadata.get("min", 0)
    kinds = {"integer": st.integers(least, least + 9), "boolean": st.booleans(), "timestamp": MOMENTS}
    if shape.type_name in kinds:
        return kinds[shape.type_name]
    return st.sampled_from(shape.enum) if shape.enum else _long_enough(shape)


def _long_enough(shape: Shape) -> st.SearchStrategy[str]:
    least = shape.metadata.get("min", 0)
    return TEXT.map(lambda text: text.ljust(least, "x"))


NEEDED = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "State", "Target")
"""What every schedule has. The model of the answer calls nothing required."""


def schedules(*, starts_task: bool) -> st.SearchStrategy[dict[str, Any]]:
    shape = model("GetSchedule", "output_shape")
    needed = {name: drawn(shape.members[name]) for name in NEEDED}
    rest = {name: drawn(each) for name, each in shape.members.items() if name not in NEEDED}
    whole = st.fixed_dictionaries(needed, optional=rest)
    if not starts_task:
        return whole
    task = drawn(shape.members["Target"].members["EcsParameters"])
    return st.builds(lambda made, ecs: {**made, "Target": {**made["Target"], "EcsParameters": ecs}}, whole, task)


def assert_takes(request: dict[str, Any]) -> None:
    report = ParamValidator().validate(request, model("UpdateSchedule", "input_shape"))
    assert not report.has_errors(), report.generate_report()


@settings(max_examples=150, deadline=None)
@given(schedules(starts_task=False), st.booleans())
def test_a_switch_changes_the_state_and_nothing_else(schedule: dict[str, Any], enabled: bool) -> None:  # noqa: FBT001 - drawn
    request = switched(schedule, enabled=enabled)

    assert_takes(request)
    assert request["State"] == ("ENABLED" if enabled else "DISABLED")
    assert {**request, "State": schedule["State"]} == {name: schedule[name] for name in UPDATABLE if name in schedule}


@settings(max_examples=150, deadline=None)
@given(schedules(starts_task=True), st.booleans())
def test_a_move_changes_the_revision_and_the_state_and_nothing_else(schedule: dict[str, Any], enabled: bool) -> None:  # noqa: FBT001 - drawn
    request = pointed(schedule, REVISION, enabled=enabled)

    assert_takes(request)
    task = request["Target"]["EcsParameters"]
    assert task["TaskDefinitionArn"] == REVISION
    was = schedule["Target"]["EcsParameters"]
    target = {**request["Target"], "EcsParameters": {**task, "TaskDefinitionArn": was["TaskDefinitionArn"]}}
    back = {**request, "State": schedule["State"], "Target": target}
    assert back == {name: schedule[name] for name in UPDATABLE if name in schedule}


def test_a_schedule_that_reads_otherwise_after_it_was_written_is_an_error_that_names_the_field() -> None:
    schedule = {
        "Name": "check",
        "GroupName": "g",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {"Arn": "arn:cluster", "RoleArn": "arn:role"},
    }
    with stubbed("scheduler") as (aws, stub):
        stub.add_response("get_schedule", schedule, {"GroupName": "g", "Name": "check"})
        stub.add_response("update_schedule", {"ScheduleArn": "arn:s"}, {**schedule, "State": "DISABLED"})
        stub.add_response("get_schedule", {**schedule, "State": "DISABLED", "ScheduleExpression": "rate(5 minutes)"})

        with pytest.raises(OpsError, match="something else for ScheduleExpression"):
            AwsSchedules(aws, "g").switch(Trigger(name="check", group="g", enabled=True, revision=""), enabled=False)


def test_a_rule_is_switched_by_its_own_verb_which_touches_nothing_else() -> None:
    with stubbed("events") as (aws, stub):
        stub.add_response("disable_rule", {}, {"Name": "nightly", "EventBusName": "default"})

        rule = Trigger(name="nightly", group="default", rule=True, enabled=True, revision="f:1")
        AwsSchedules(aws, "g").switch(rule, enabled=False)
