"""The program: it says when it is ready, and leaves nothing behind."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from sandbox.aws.settings import Settings
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


def _failed(*arguments: str, **environment: str) -> Any:
    command = [sys.executable, "-m", "sandbox.aws", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)


def test_a_taken_port_is_said_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = _failed("--port", str(taken.getsockname()[1]))

    assert ended.returncode == 1
    assert "cannot be listened on" in ended.stderr
    assert "Next:" in ended.stderr


def test_containers_without_an_engine_are_an_error() -> None:
    ended = _failed("--tasks", "containers", **NO_ENGINE)

    assert ended.returncode == 1
    assert "no container engine answers" in ended.stderr


def test_with_a_folder_its_resources_outlive_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with program(tmp_path, "--data", str(data), "--tasks", "processes") as running:
        world = World(running.aws, tmp_path)
        world.client("ssm").put_parameter(Name="/app/release", Value="one", Type="String")
        digest = world.pushed("pass").partition("@")[2]
        running.stop()

    with program(tmp_path, "--data", str(data), "--tasks", "processes") as running:
        world = World(running.aws, tmp_path)
        assert world.client("ssm").get_parameter(Name="/app/release")["Parameter"]["Value"] == "one"
        images = world.client("ecr").describe_images(repositoryName="app")["imageDetails"]
        assert [row["imageDigest"] for row in images] == [digest]
        (repository,) = world.client("ecr").describe_repositories()["repositories"]
        assert repository["repositoryUri"] == f"{urlsplit(world.aws.url).netloc}/app"


def test_a_client_is_given_this_endpoint_and_dummy_credentials() -> None:
    environment = Settings(port=1, folder=Path()).client_environment

    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
