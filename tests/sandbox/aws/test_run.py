"""The program: it says when it is ready, and leaves nothing behind."""

import socket
from pathlib import Path

import psutil
import pytest

from sandbox import aws
from sandbox.aws.runner import CannotRunError
from sandbox.aws.settings import Settings, Tasks
from tests.sandbox.aws.aws_program import NO_ENGINE, program
from tests.sandbox.aws.aws_world import World, eventually

_STAYS = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)"


def _listening(process: int) -> set[str]:
    connections = psutil.Process(process).net_connections("inet")
    return {row.laddr.ip for row in connections if row.status == psutil.CONN_LISTEN}


def test_it_says_where_it_is_ready_and_what_processes_do_not_enforce(tmp_path: Path) -> None:
    with program(tmp_path, "--port", "0", "--tasks", "auto", **NO_ENGINE) as running:
        assert running.ready.startswith("aws ready on http://127.0.0.1:")
        assert _listening(running.process.pid) == {"127.0.0.1"}
        said = running.stderr.read_text(encoding="utf-8")
        code = running.stop()

    assert "aws: tasks run as processes\n" in said
    for word in ("user", "read-only root", "capabilities", "memory", "network"):
        assert f"aws: not enforced: {word}" in said
    assert code == 0


def test_a_stop_ends_every_task_and_removes_every_file(tmp_path: Path) -> None:
    with program(tmp_path, "--tasks", "processes", TMPDIR=str(tmp_path)) as running:
        world = World(running.aws, tmp_path)
        world.cluster()
        task = world.run(world.definition(world.pushed(_STAYS)))
        eventually(lambda: world.task(task)["lastStatus"] == "RUNNING" and world.lines(task))
        child = int(world.lines(task)[0])

        assert running.stop() == 0

    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert list(tmp_path.glob("ops-pipeline-aws-*")) == []


def test_a_taken_port_is_said_with_the_next_step() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(aws.AwsError, match=r"cannot be listened on.*Next: "),
        aws.running(port=taken.getsockname()[1]),
    ):
        pass


def test_containers_without_an_engine_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE["DOCKER_HOST"])

    with (
        pytest.raises(CannotRunError, match=r"no container engine answers\. Next: "),
        aws.running(tasks=Tasks.CONTAINERS),
    ):
        pass


def test_with_a_folder_its_resources_outlive_it_and_its_services_get_new_tasks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    arguments = ("--data", str(tmp_path / "data"), "--tasks", "processes", "--port", port)
    with program(tmp_path, *arguments) as running:
        world = World(running.aws, tmp_path)
        world.client("ssm").put_parameter(Name="/app/release", Value="one", Type="String")
        world.cluster()
        image = world.pushed(_STAYS)
        world.serve(world.definition(image))
        before = world.settled()
        running.stop()

    with program(tmp_path, *arguments) as running:
        world = World(running.aws, tmp_path)
        assert world.client("ssm").get_parameter(Name="/app/release")["Parameter"]["Value"] == "one"
        images = world.client("ecr").describe_images(repositoryName="app")["imageDetails"]
        assert [row["imageDigest"] for row in images] == [image.partition("@")[2]]
        eventually(lambda: world.service()["runningCount"] == 1)
        (task,) = world.client("ecs").list_tasks(cluster="main", serviceName="worker")["taskArns"]
        assert world.task(task)["startedBy"] == before["deployments"][0]["id"]


def test_a_repository_that_outlived_its_endpoint_has_the_address_of_the_next(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--tasks", "processes")
    with program(tmp_path, *arguments) as running:
        before = World(running.aws, tmp_path).repository()
        running.stop()

    with program(tmp_path, *arguments) as running:
        (after,) = World(running.aws, tmp_path).client("ecr").describe_repositories()["repositories"]

    assert after["repositoryUri"] == f"{running.aws.settings.host}/app" != before


def test_a_client_is_given_this_endpoint_and_dummy_credentials() -> None:
    environment = Settings(port=1, folder=Path()).client_environment

    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
