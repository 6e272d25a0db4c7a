"""What the clock starts, in the local AWS endpoint: real schedules that fire real tasks of the released image."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from contract.inventory import load
from ops.aws.schedules import UPDATABLE
from ops.cli.root import ops as command
from ops.errors import Exit
from sandbox.inherited import EVERY, GROUP, inherited
from tests.ops.endpoint_site import NAMES, SCHEDULE, SERVICE, Site
from tests.sandbox.aws.aws_world import eventually

pytestmark = pytest.mark.world

BAD = "invalid take_profit.limit_price 699.7462: sub-penny increment"


def schedule(site: Site, name: str = SCHEDULE, group: str = NAMES.schedule_group) -> dict[str, Any]:
    """All that the scheduler says of it, but when it was changed."""
    told = site.ask("scheduler", "GetSchedule", GroupName=group, Name=name)
    return {field: told[field] for field in UPDATABLE if field in told}


def fire(site: Site) -> None:
    """Let the schedule's moment come, and leave everything else of it."""
    moment = datetime.now(UTC) + timedelta(seconds=2)
    soon = {"ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})", "ScheduleExpressionTimezone": "UTC"}
    site.ask("scheduler", "UpdateSchedule", **schedule(site) | soon)


def started(site: Site) -> list[str]:
    """The revisions of the tasks that the schedule has started, as far as ECS remembers."""
    tasks = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in site.ask(
            "ecs",
            "ListTasks",
            cluster=NAMES.cluster,
            startedBy=f"chronos-schedule/{SCHEDULE}",
            desiredStatus=status,
        )["taskArns"]
    ]
    if not tasks:
        return []
    told = site.ask("ecs", "DescribeTasks", cluster=NAMES.cluster, tasks=tasks)["tasks"]
    return [each["taskDefinitionArn"] for each in sorted(told, key=lambda each: str(each["createdAt"]))]


def fires(site: Site, count: int) -> str:
    """Fire it; the revision of the task that it then starts."""
    fire(site)
    return str(eventually(lambda: found if len(found := started(site)) == count else [])[-1])


def test_a_schedule_runs_the_released_image_moves_after_the_verdict_and_moves_back_first(site: Site) -> None:
    assert site.deploy(site.image("one")).exit is Exit.DONE
    one = site.status().services[0].revision
    assert fires(site, 1) == one

    assert site.deploy(site.image("bad", BAD)).exit is Exit.TAKEN_BACK
    assert fires(site, 2) == one, "a release that was not proven starts nothing by the clock"

    assert site.deploy(site.image("two")).exit is Exit.DONE
    two = site.status().services[0].revision
    assert fires(site, 3) == two != one

    back = site.roll_back()
    assert (back.exit, back.record is not None) == (Exit.DONE, True)
    assert back.record is not None
    steps = [each.name for each in back.record.steps]
    assert steps.index(f"schedule {SCHEDULE}") < steps.index(f"update {SERVICE}")
    assert fires(site, 4) == one
    assert site.status().findings == ()


def test_the_verbs_hold_others_schedules_to_what_is_declared_and_lose_no_field(site: Site) -> None:
    for request in inherited(site.aws.region, "123456789012"):
        site.ask("scheduler", "CreateSchedule", **request)
    site.ask("events", "PutRule", Name="nightly", ScheduleExpression="rate(1 day)", State="ENABLED")
    target = {
        "Id": "1",
        "Arn": f"arn:aws:ecs:{site.aws.region}:123456789012:cluster/{NAMES.cluster}",
        "RoleArn": "arn:aws:iam::123456789012:role/starter",
        "EcsParameters": {"TaskDefinitionArn": NAMES.family(SERVICE), "LaunchType": "FARGATE"},
    }
    site.ask("events", "PutTargets", Rule="nightly", Targets=[target])
    assert site.deploy(site.image("one")).exit is Exit.DONE
    before = {name: schedule(site, name, GROUP) for name in EVERY}
    assert {each["State"] for each in before.values()} == {"ENABLED"}

    code, audited = ops(site, "schedules", "audit")
    assert code == 7
    assert {each["subject"]: each["id"] for each in audited["findings"] if each["id"] == "external-state-differs"} == {
        f"{GROUP}/{name}": "external-state-differs" for name in EVERY
    }
    assert {each["id"] for each in audited["findings"] if each["subject"] == "default/nightly"} >= {
        "second-starter",
        "revision-unpinned",
    }

    code, told = ops(site, "status")
    named = {(each["id"], each["subject"]) for each in told["findings"]}
    assert (code, ("second-starter", "default/nightly") in named) == (0, True)
    assert {("external-state-differs", f"{GROUP}/{name}") for name in EVERY} <= named

    assert ops(site, "schedules", "sync")[0] == 0
    assert {name: schedule(site, name, GROUP) for name in EVERY} == {
        name: {**each, "State": "DISABLED"} for name, each in before.items()
    }
    assert ops(site, "schedules", "disable", "nightly", "--why", "nobody knows it")[0] == 0
    assert ops(site, "schedules", "audit") == (0, {"findings": []})

    own = schedule(site)
    assert ops(site, "schedules", "disable", SCHEDULE, "--why", "the broker is closed")[0] == 0
    assert schedule(site) == {**own, "State": "DISABLED"}
    code, listed = ops(site, "schedules", "list")
    assert (code, {each["name"]: (each["whose"], each["state"], each["held"]) for each in listed["schedules"]}) == (
        0,
        {SCHEDULE: ("ours", "DISABLED", True), **dict.fromkeys(EVERY, ("external", "DISABLED", True))}
        | {"nightly": ("stranger", "DISABLED", True)},
    )
    assert ops(site, "schedules", "enable", SCHEDULE, "--why", "it is open")[0] == 0
    assert schedule(site) == own
    code, refused = ops(site, "schedules", "enable", next(iter(EVERY)), "--why", "I want to")
    assert (code, "declared DISABLED" in refused["error"]["message"]) == (2, True)


def ops(site: Site, *words: str) -> tuple[int, Any]:
    """A verb with --json, by the repository's own inventory as far as the site stands."""
    declared = site.inventory()
    assert set(load(declared).external_schedules) == set(EVERY)
    options = ["--config", str(declared), "--endpoint-url", str(site.aws.endpoint_url), "--json"]
    result = CliRunner().invoke(command, [*options, *words])
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)
