"""EventBridge Scheduler that fires: ECS RunTask at the minute its expression says, in its time zone.

A target that cannot be invoked goes to the schedule's dead-letter queue, at once: retries are recorded, not made. A
flexible window fires at its start.
"""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sandbox.aws import cron, fits
from sandbox.aws.answers import REFUSED, RefusedError
from sandbox.aws.board import Record, Scope
from sandbox.aws.settings import Pace
from sandbox.aws.tasks import Tasks
from sandbox.aws.upstream import arn_of, eventbridge, scheduler, sqs

_log = logging.getLogger("sandbox.aws")
_TICK_SECONDS = 10
_LATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Due:
    """When a schedule fires next, as long as it stays as it is."""

    version: str
    moment: datetime | None


class Schedules:
    """Knows when each schedule is due, and fires it."""

    def __init__(self, tasks: Tasks, pace: Pace) -> None:
        self._tasks = tasks
        self._pace = pace
        self._due: dict[tuple[Scope, str], _Due] = {}
        self._began = datetime.now(UTC)

    def patches(self) -> Iterator[fits.Patch]:
        """Take the firing over from ministack, and check what it is given."""
        why = "looked every ten seconds"
        yield fits.constant(scheduler, "_SCHEDULE_TICK_INTERVAL", self._pace.schedules, was=_TICK_SECONDS, why=why)
        why = "knew neither time zones nor ECS"
        yield fits.function(scheduler, "_tick_schedules", self.tick, takes="()", why=why)
        for name in ("_create_schedule", "_update_schedule"):
            checked = _checked(getattr(scheduler, name))
            yield fits.function(scheduler, name, checked, takes="(name, body)", why="took any expression")

    def tick(self) -> None:
        """Fire what is due in all accounts and regions."""
        now = datetime.now(UTC)
        for (account, region, key), schedule in scheduler._schedules.all_items():
            scope = Scope(account, region)
            with scope.entered():
                if self._is_due(scope, key, schedule, now):
                    self._fire(schedule)
                    self._after(key, schedule)

    def _is_due(self, scope: Scope, key: str, schedule: Record, now: datetime) -> bool:
        due = self._due.get((scope, key))
        version = json.dumps(schedule, sort_keys=True, default=str)
        if due is None or due.version != version:
            due = self._due[scope, key] = _Due(version, first_due(schedule, self._began))
        if due.moment is None or now < due.moment:
            return False
        self._due[scope, key] = _Due(version, _next(schedule, now))
        # One that was due while nobody looked (the machine slept) is not fired late.
        return (now - due.moment).total_seconds() < _LATE_SECONDS

    def _fire(self, schedule: Record) -> None:
        target = schedule["Target"]
        try:
            if "EcsParameters" in target:
                self._run_task(schedule, target)
            else:
                eventbridge._invoke_target(target, _event(schedule), schedule)
        except RefusedError as error:
            _log.warning("schedule %s: %s: %s", schedule["Name"], error.code, error)
            _bury(target, error)

    def _run_task(self, schedule: Record, target: Record) -> None:
        parameters = target["EcsParameters"]
        overrides = json.loads(target.get("Input") or "{}")
        wanted = {
            "cluster": target["Arn"],
            "taskDefinition": parameters["TaskDefinitionArn"],
            "count": int(parameters.get("TaskCount") or 1),
            "launchType": parameters.get("LaunchType"),
            "capacityProviderStrategy": parameters.get("CapacityProviderStrategy"),
            "group": parameters.get("Group"),
            "networkConfiguration": _network(parameters.get("NetworkConfiguration") or {}),
            "enableExecuteCommand": parameters.get("EnableExecuteCommand"),
            "overrides": overrides,
            "startedBy": f"chronos-schedule/{schedule['Name']}"[:128],
            "tags": [{"key": row["Key"], "value": row["Value"]} for row in parameters.get("Tags") or ()],
        }
        self._tasks.run_task({name: value for name, value in wanted.items() if value})

    def _after(self, key: str, schedule: Record) -> None:
        once = schedule["ScheduleExpression"].startswith("at(")
        if once and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules.pop(key, None)


def first_due(schedule: Record, began: datetime) -> datetime | None:
    """When a schedule fires first, as it was last made, in an endpoint that began then.

    It counts from when it was made, and not from when somebody first looks: a moment may lie between the two.
    """
    made = _moment(schedule["LastModificationDate"])
    return _next(schedule, max(made, began) if made else began)


def _next(schedule: Record, now: datetime) -> datetime | None:
    """When the schedule fires next after `now`; never while it is disabled, or outside its dates."""
    if schedule["State"] != "ENABLED":
        return None
    start = _moment(schedule.get("StartDate"))
    end = _moment(schedule.get("EndDate"))
    began = start or _moment(schedule["CreationDate"]) or now
    expression = cron.parsed(schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone") or "UTC")
    found = expression.after(max(now, start) if start else now, began)
    return None if found is None or (end and found > end) else found


def _moment(value: object) -> datetime | None:
    seconds = scheduler._to_epoch(value)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _checked(inner: Callable[[str, Record], Any]) -> Callable[[str, Record], Any]:
    def call(name: str, body: Record) -> Any:
        expression = body.get("ScheduleExpression") or ""
        try:
            if expression:
                cron.parsed(expression, body.get("ScheduleExpressionTimezone") or "UTC")
        except cron.ExpressionError as error:
            return scheduler._error(REFUSED, "ValidationException", f"Invalid Schedule Expression {error}.")
        return inner(name, body)

    return call


def _network(row: Record) -> Record:
    vpc = row.get("AwsvpcConfiguration") or row.get("awsvpcConfiguration") or {}
    camel = {name[:1].lower() + name[1:]: value for name, value in vpc.items()}
    return {"awsvpcConfiguration": camel} if camel else {}


def _event(schedule: Record) -> Record:
    scope = Scope.current()
    return {
        "EventId": str(uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": datetime.now(UTC).timestamp(),
        "Resources": [schedule["Arn"]],
        "Account": scope.account,
        "Region": scope.region,
    }


def _bury(target: Record, error: RefusedError) -> None:
    """Send what could not be invoked to the dead-letter queue, with Scheduler's attributes of why."""
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    queue = sqs._queue_by_arn(arn) if arn else None
    if queue is None:
        return
    eventbridge._dispatch_to_sqs(arn_of(arn), target.get("Input") or "{}", {})
    why = {"ERROR_CODE": error.code, "ERROR_MESSAGE": str(error), "TARGET_ARN": target["Arn"]}
    rows = {name: {"DataType": "String", "StringValue": value} for name, value in why.items()}
    queue["messages"][-1]["message_attributes"] = rows
