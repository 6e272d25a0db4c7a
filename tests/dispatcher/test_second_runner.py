"""A forgotten second runner, with real parts: AWS's endpoint, two dispatchers in it, the exchange, the database.

One is our released service. The other is a service that nobody remembers, under another family's name, or a task that a
forgotten schedule starts, for the same account: it stands by and orders nothing, and `ops status` names it.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.inventory import read
from contract.names import CONTAINER
from ops.core.scene import Finding
from ops.errors import Exit
from tests.dispatcher.services import ROOT
from tests.dispatcher.world import World
from tests.ops.endpoint_site import NAMES, RULES, SERVICE, Site, standing_site
from tests.sandbox.aws.aws_world import eventually

pytestmark = pytest.mark.world

LEGACY = "legacy-dispatcher"
PROGRAM = f"""
import os, sys
os.chdir({str(ROOT)!r})
environ = {{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}}
os.execve({sys.executable!r}, [{sys.executable!r}, "-m", "dispatcher", *sys.argv[1:]], environ)
"""
"""The image's own program: this repository's dispatcher, in the place of the task's process."""


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Our service, released."""
    with standing_site(tmp_path, world.environ()) as made:
        made.rules = dict(read(RULES.replace("soak_seconds = 1", "soak_seconds = 3")).verification)
        assert made.deploy(made.image("one", program=PROGRAM)).exit is Exit.DONE
        assert made.status().findings == ()
        yield made


def test_a_forgotten_second_service_stands_by_orders_nothing_and_is_named(world: World, site: Site) -> None:
    task = forgotten(site)

    stands_by_and_orders_nothing(world, site, task)

    named = the_finding(site)
    assert (named.id, named.subject, named.severity) == ("duplicate-service", LEGACY, "warning")
    assert task in named.evidence
    assert "runs our image" in named.evidence
    assert "is given the keys of account large" in named.evidence
    assert f"--service {LEGACY} --desired-count 0" in named.fix

    site.world.ecs.update(LEGACY, revision=None, desired=0)
    eventually(lambda: not site.status().findings)


def test_a_forgotten_schedule_of_the_same_command_stands_by_orders_nothing_and_is_named(
    world: World, site: Site
) -> None:
    task = started_by_the_clock(site)

    stands_by_and_orders_nothing(world, site, task)

    named = the_finding(site)
    assert (named.id, named.subject) == ("duplicate-runner", SERVICE)
    assert f"started by chronos-schedule/{LEGACY}, a schedule" in named.evidence
    assert f"ops schedules disable {LEGACY}" in named.fix


def stands_by_and_orders_nothing(world: World, site: Site, task: str) -> None:
    """It says that it stands by, and a recommendation has one order, which is not its own."""
    eventually(lambda: said(site, task, "standby"))
    number = world.recommend()
    eventually(lambda: world.claims().get(number, {}).get("state") in {"accepted", "filled"})

    assert len(world.posts()) == len(world.orders()) == 1
    assert not said(site, task, "order_accepted")


def started_by_the_clock(site: Site) -> str:
    """A schedule that nobody remembers fires: the very command of our service; the id of its task."""
    ours = site.world.ecs.service(SERVICE)
    assert ours is not None
    subnets = site.ask("ec2", "DescribeSubnets")["Subnets"]
    where = {"Subnets": [subnets[0]["SubnetId"]]}
    run = {"TaskDefinitionArn": ours.revision, "LaunchType": "FARGATE", "TaskCount": 1}
    moment = datetime.now(UTC) + timedelta(seconds=2)
    site.ask(
        "scheduler",
        "CreateSchedule",
        Name=LEGACY,
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:ecs:{site.aws.region}:123456789012:cluster/{NAMES.cluster}",
            "RoleArn": "arn:aws:iam::123456789012:role/starter",
            "Input": json.dumps({"containerOverrides": [{"name": CONTAINER, "command": ["run"]}]}),
            "EcsParameters": run | {"NetworkConfiguration": {"awsvpcConfiguration": where}},
        },
    )
    asked = {"cluster": NAMES.cluster, "startedBy": f"chronos-schedule/{LEGACY}"}
    return str(eventually(lambda: site.ask("ecs", "ListTasks", **asked)["taskArns"])[0]).rpartition("/")[2]


def forgotten(site: Site) -> str:
    """A second service of what runs, under another family's name; the id of its task."""
    ours = site.world.ecs.service(SERVICE)
    assert ours is not None
    running = site.world.ecs.definition(ours.revision)
    assert running is not None
    copy = site.world.ecs.register(LEGACY, running.document, {})
    site.ask(
        "ecs",
        "CreateService",
        cluster=NAMES.cluster,
        serviceName=LEGACY,
        taskDefinition=copy,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=dict(ours.network),
    )
    tasks = eventually(lambda: [each for each in site.world.ecs.tasks(LEGACY) if each.running])
    return tasks[0].id


def said(site: Site, task: str, event: str) -> list[str]:
    """The lines of a task that tell of such an event; none while it has not said anything."""
    stream, group = NAMES.log_stream(SERVICE, task), NAMES.log_group(SERVICE)
    there = site.ask("logs", "DescribeLogStreams", logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    if not there:
        return []
    told: dict[str, Any] = site.ask(
        "logs", "GetLogEvents", logGroupName=group, logStreamName=stream, startFromHead=True
    )
    return [each["message"] for each in told["events"] if f'"event":"{event}"' in each["message"].replace(" ", "")]


def the_finding(site: Site) -> Finding:
    """The one thing that status finds."""
    (found,) = site.status().findings
    return found
