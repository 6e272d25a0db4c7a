"""What a task is to run, and whether it is healthy: values in, values out."""

from itertools import accumulate
from typing import Any

import pytest

from sandbox.aws.health import Health, Status, after, of_task
from sandbox.aws.plan import Container, HealthCheck, LogStream, Where, containers

_WHERE = Where("abc", "us-west-2")


def _one(row: dict[str, Any], overrides: dict[str, Any] | None = None, **definition: Any) -> Container:
    given = definition | {"containerDefinitions": [{"name": "main", "image": "i"} | row]}
    (container,) = containers(given, overrides or {}, _WHERE)
    return container


def test_a_container_says_only_what_its_definition_says() -> None:
    plain = _one({})

    assert (plain.essential, plain.entrypoint, plain.command, plain.user) == (True, None, None, "")
    assert (plain.read_only_root, plain.health, plain.log, plain.memory) == (False, None, None, None)
    assert plain.stop_seconds == 30


def test_overrides_win_and_leave_the_rest() -> None:
    row = {"command": ["a"], "environment": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], "memory": 64}
    changed = {"name": "main", "command": ["b"], "environment": [{"name": "Y", "value": "3"}], "memory": 32}

    container = _one(row, {"containerOverrides": [changed, {"name": "other", "command": ["c"]}]})

    assert container.command == ("b",)
    assert container.environment == {"X": "1", "Y": "3"}
    assert container.memory == 32


def test_a_container_without_a_limit_has_the_tasks() -> None:
    assert _one({}, memory="512").memory == 512
    assert _one({"memory": 64}, memory="512").memory == 64


def test_a_stream_is_named_by_prefix_container_and_task() -> None:
    options = {"awslogs-group": "/app", "awslogs-stream-prefix": "p", "awslogs-create-group": "true"}

    log = _one({"logConfiguration": {"logDriver": "awslogs", "options": options}}).log

    assert log == LogStream("/app", "p/main/abc", "us-west-2", create_group=True)
    assert _one({"logConfiguration": {"logDriver": "splunk"}}).log is None


def test_what_may_be_written_though_the_root_is_read_only() -> None:
    tmpfs = {"containerPath": "/run", "size": 8, "mountOptions": ["mode=1777"]}
    mounts = [{"sourceVolume": "own", "containerPath": "/own"}, {"sourceVolume": "host", "containerPath": "/host"}]
    volumes = [{"name": "own"}, {"name": "host", "host": {"sourcePath": "/etc"}}]

    container = _one({"linuxParameters": {"tmpfs": [tmpfs]}, "mountPoints": mounts}, volumes=volumes)

    assert (container.tmpfs, container.scratch) == ({"/run": "size=8m,mode=1777"}, ("/own",))


def test_a_health_check_has_the_times_of_ecs_when_it_names_none() -> None:
    assert _one({"healthCheck": {"command": ["CMD", "x"]}}).health == HealthCheck(("CMD", "x"), 30, 5, 3, 0)
    assert _one({"healthCheck": {"command": ["NONE"]}}).health is None


@pytest.mark.parametrize(
    ("results", "start_period", "wanted"),
    [
        ("+", 0, "HEALTHY"),
        ("-", 0, "UNKNOWN"),
        ("---", 0, "UNHEALTHY"),
        ("--+", 0, "HEALTHY"),
        ("+--", 0, "HEALTHY"),
        ("+---", 0, "UNHEALTHY"),
        ("---+", 0, "HEALTHY"),
        ("----", 5, "UNKNOWN"),
        ("-------", 4, "UNHEALTHY"),
        ("+---", 60, "UNHEALTHY"),
    ],
)
def test_health_after_a_row_of_results(results: str, start_period: float, wanted: str) -> None:
    check = HealthCheck(("CMD", "x"), 1, 1, 3, start_period)
    rows = list(enumerate(results, start=1))

    *_, last = accumulate(
        rows, lambda known, row: after(check, known, passed=row[1] == "+", age=row[0]), initial=Health()
    )

    assert last.status == wanted


def test_a_task_is_as_healthy_as_its_essential_containers() -> None:
    assert of_task([Status.HEALTHY, Status.HEALTHY]) is Status.HEALTHY
    assert of_task([Status.HEALTHY, Status.UNHEALTHY]) is Status.UNHEALTHY
    assert of_task([Status.HEALTHY, Status.UNKNOWN]) is Status.UNKNOWN
    assert of_task([]) is Status.UNKNOWN
