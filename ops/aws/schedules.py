"""What EventBridge starts by the clock: schedules of its Scheduler, and its older rules.

An update replaces the whole schedule, and what is not sent goes back to a default: so read, change, write, compare.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contract.names import CONTAINER
from contract.workload import ScheduleState
from ops.aws.session import Aws, AwsError, Call
from ops.core.seen import Trigger
from ops.errors import Exit, OpsError

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


NOT_SAID_RETRIES = 185
"""How often EventBridge tries a start again when nobody said otherwise."""

_AT_ONCE = 8
_NEXT = "NextToken"


def list_call(group: str | None) -> Call:
    """Asks for the schedules of a group, or of all groups."""
    return Call("scheduler", "ListSchedules", {"GroupName": group} if group else {})


def read_call(group: str, name: str) -> Call:
    """Asks for a schedule, whole."""
    return Call("scheduler", "GetSchedule", {"GroupName": group, "Name": name})


def write_call(request: Mapping[str, Any]) -> Call:
    """Replaces a schedule by what is said here."""
    return Call("scheduler", "UpdateSchedule", request)


def rules_call() -> Call:
    """Asks for the rules of the default event bus, the only one that knows a clock."""
    return Call("events", "ListRules", {})


def targets_call(rule: str, bus: str) -> Call:
    """Asks for what a rule starts."""
    return Call("events", "ListTargetsByRule", {"Rule": rule, "EventBusName": bus})


def switch_rule_call(rule: str, bus: str, *, enabled: bool) -> Call:
    """Lets a rule fire, or not. Nothing else of it is touched."""
    return Call("events", "EnableRule" if enabled else "DisableRule", {"Name": rule, "EventBusName": bus})


def switched(schedule: Mapping[str, Any], *, enabled: bool) -> dict[str, Any]:
    """The update that lets the schedule fire, or not, and leaves everything else as it was."""
    state = ScheduleState.ENABLED if enabled else ScheduleState.DISABLED
    return {field: schedule[field] for field in UPDATABLE if schedule.get(field) is not None} | {"State": state.value}


def pointed(schedule: Mapping[str, Any], revision: str, *, enabled: bool) -> dict[str, Any]:
    """The update that gives the schedule another revision and state, and leaves everything else as it was."""
    task = {**schedule["Target"]["EcsParameters"], "TaskDefinitionArn": revision}
    return switched(schedule, enabled=enabled) | {"Target": {**schedule["Target"], "EcsParameters": task}}


class AwsSchedules:
    """The release engine's `ops.world.Schedules`."""

    def __init__(self, aws: Aws, group: str) -> None:
        self._aws = aws
        self._group = group

    def all(self) -> tuple[Trigger, ...]:
        """Every schedule of the environment's group that starts a task."""
        try:
            found = self._schedules(self._group)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return ()
        return tuple(each for each in found if each.revision)

    def everywhere(self) -> tuple[Trigger, ...]:
        """Every schedule of the account in this region, and every rule of the default bus that starts a task."""
        with ThreadPoolExecutor(max_workers=1) as beside:
            rules = beside.submit(self._rules)
            return (*self._schedules(None), *rules.result())

    def one(self, group: str, name: str) -> Trigger | None:
        """A schedule by its name; None when there is none."""
        try:
            return trigger_of(self._aws.ask(read_call(group, name)))
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return None

    def point(self, name: str, revision: str, *, enabled: bool) -> None:
        """Let the schedule of our group start that revision, and fire or not; every other field stays as it is."""
        self._change(self._group, name, lambda schedule: pointed(schedule, revision, enabled=enabled))

    def switch(self, trigger: Trigger, *, enabled: bool) -> None:
        """Let it fire, or not; every other field stays as it is."""
        if trigger.rule:
            self._aws.ask(switch_rule_call(trigger.name, trigger.group, enabled=enabled))
        else:
            self._change(trigger.group, trigger.name, lambda schedule: switched(schedule, enabled=enabled))

    def _change(self, group: str, name: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        """Read, change, write, compare.

        Raises:
            OpsError: afterwards the schedule is not what was written.
        """
        wanted = change(self._aws.ask(read_call(group, name)))
        self._aws.ask(write_call(wanted))
        after = self._aws.ask(read_call(group, name))
        if differ := [field for field in wanted if after.get(field) != wanted[field]]:
            raise OpsError(
                f"the schedule {group}/{name} was written, and says something else for {', '.join(differ)}",
                next_step="somebody else changes it as well: ops schedules audit, then the same again",
                exit_code=Exit.NOT_DONE,
            )

    def _schedules(self, group: str | None) -> tuple[Trigger, ...]:
        pages = self._aws.pages(list_call(group), token=_NEXT)
        listed = [(each["GroupName"], each["Name"]) for page in pages for each in page["Schedules"]]
        found = self._together(lambda place: self.one(*place), listed)
        return tuple(each for each in found if each is not None)  # one may have ended since it was listed

    def _rules(self) -> tuple[Trigger, ...]:
        rules = [rule for page in self._aws.pages(rules_call(), token=_NEXT) for rule in page["Rules"]]
        return tuple(each for found in self._together(self._targets, rules) for each in found)

    def _targets(self, rule: Mapping[str, Any]) -> list[Trigger]:
        pages = self._aws.pages(targets_call(rule["Name"], rule.get("EventBusName", "default")), token=_NEXT)
        return [rule_of(rule, target) for page in pages for target in page["Targets"] if "EcsParameters" in target]

    def _together(self, ask: Callable[[Any], Any], about: Iterable[Any]) -> Iterator[Any]:
        """Many questions at once; the answers in order."""
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            yield from pool.map(ask, about)


def trigger_of(described: Mapping[str, Any]) -> Trigger:
    """A described schedule as we see it."""
    return Trigger(
        name=described["Name"],
        group=described.get("GroupName", ""),
        enabled=described.get("State") == ScheduleState.ENABLED,
        expression=described.get("ScheduleExpression", ""),
        time_zone=described.get("ScheduleExpressionTimezone", "UTC"),
        **_target(described.get("Target", {})),
    )


def rule_of(rule: Mapping[str, Any], target: Mapping[str, Any]) -> Trigger:
    """A rule with one of its targets, as we see it."""
    return Trigger(
        name=rule["Name"],
        group=rule.get("EventBusName", "default"),
        rule=True,
        enabled=rule.get("State") != ScheduleState.DISABLED,  # it has two words for enabled
        expression=rule.get("ScheduleExpression", ""),
        time_zone="UTC",
        **_target(target),
    )


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    task = target.get("EcsParameters") or {}
    return {
        "revision": task.get("TaskDefinitionArn", ""),
        "cluster": target.get("Arn", "") if task else "",
        "command": _command(target.get("Input")),
        "retries": int((target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", NOT_SAID_RETRIES)),
        "dead_letters": bool((target.get("DeadLetterConfig") or {}).get("Arn")),
    }


def _command(given: str | None) -> tuple[str, ...]:
    """The command that the input gives to the service's container; none when it is not ours to read."""
    try:
        overrides = json.loads(given or "{}").get("containerOverrides", [])
        named = [each for each in overrides if each.get("name") == CONTAINER] or overrides
        return tuple(map(str, named[0].get("command", ()))) if named else ()
    except (ValueError, AttributeError, TypeError):
        return ()
