"""Our own schedules of EventBridge Scheduler. Its update replaces the whole schedule: so read, change, write."""

from collections.abc import Mapping
from typing import Any

from contract.workload import ScheduleState
from ops.aws.session import Aws, AwsError, Call
from ops.core.seen import Trigger

UPDATABLE = (
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)
"""Every field of a schedule that an update takes, and would lose if it were not sent again."""


def list_call(group: str) -> Call:
    """Asks for the schedules of a group."""
    return Call("scheduler", "ListSchedules", {"GroupName": group})


def read_call(group: str, name: str) -> Call:
    """Asks for a schedule, whole."""
    return Call("scheduler", "GetSchedule", {"GroupName": group, "Name": name})


def write_call(schedule: Mapping[str, Any], revision: str, *, enabled: bool) -> Call:
    """The schedule with another revision and state, and everything else as it was."""
    target = dict(schedule["Target"])
    target["EcsParameters"] = {**target["EcsParameters"], "TaskDefinitionArn": revision}
    state = ScheduleState.ENABLED if enabled else ScheduleState.DISABLED
    kept = {field: schedule[field] for field in UPDATABLE if schedule.get(field) is not None}
    return Call("scheduler", "UpdateSchedule", {**kept, "State": state.value, "Target": target})


class OwnSchedules:
    """The release engine's `ops.world.Schedules`."""

    def __init__(self, aws: Aws, group: str) -> None:
        self._aws = aws
        self._group = group

    def all(self) -> tuple[Trigger, ...]:
        """Every schedule of the environment's group."""
        try:
            pages = list(self._aws.pages(list_call(self._group), token="NextToken"))  # noqa: S106 - a field's name
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return ()
        names = [each["Name"] for page in pages for each in page["Schedules"]]
        described = [self._aws.ask(read_call(self._group, name)) for name in names]
        return tuple(_trigger(each) for each in described if "EcsParameters" in each.get("Target", {}))

    def point(self, name: str, revision: str, *, enabled: bool) -> None:
        """Let the schedule start that revision, and fire or not; every other field stays as it is."""
        schedule = self._aws.ask(read_call(self._group, name))
        self._aws.ask(write_call(schedule, revision, enabled=enabled))


def _trigger(described: Mapping[str, Any]) -> Trigger:
    return Trigger(
        name=described["Name"],
        enabled=described.get("State") == ScheduleState.ENABLED,
        revision=described["Target"]["EcsParameters"]["TaskDefinitionArn"],
    )
