"""Tasks as real containers. Skipped, loudly, where no engine answers."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.images import Description, Layer, assemble, push
from sandbox.engine.client import LABEL
from tests.sandbox.aws.aws_program import program
from tests.sandbox.aws.aws_world import World, eventually

_PROGRAMS = ("sh", "id", "cat", "sleep", "touch")
_STAYS = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def world_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("containers")
    with program(folder, "--tasks", "auto") as running:
        assert "tasks run as containers" in running.stderr.read_text(encoding="utf-8")
        yield World(running.aws, folder)


@pytest.fixture
def world(world_: World) -> Iterator[World]:
    world_.cluster()
    yield world_
    world_.aws.reset()


def _root(folder: Path) -> Path:
    """A root with this machine's own shell in it, and what it needs."""
    for name in _PROGRAMS:
        found = Path(shutil.which(name) or name)
        needs = subprocess.run(
            [shutil.which("ldd") or "ldd", str(found)], capture_output=True, text=True, check=True
        ).stdout
        for file in [str(found.resolve()), *re.findall(r"(/\S+) \(0x", needs)]:
            place = folder / (f"bin/{name}" if file == str(found.resolve()) else file.lstrip("/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, place)
    (folder / "scratch").mkdir(exist_ok=True)
    (folder / "scratch").chmod(0o1777)
    return folder


def _image(world: World, script: str) -> str:
    uri = world.repository()
    made = assemble(
        [Layer(_root(world.folder / "root"), "/")],
        Description(entrypoint=("/bin/sh", "-c", script), environment={"PATH": "/bin"}, working_folder="/"),
    )
    return f"{uri}@{push(made, uri, 'v1', world.token)}"


def test_a_container_runs_with_its_digest_its_lines_and_its_exit_code(world: World) -> None:
    image = _image(world, "echo hello; echo there >&2; exit 3")
    stopped = world.stopped(task := world.run(world.definition(image)))

    assert stopped["containers"][0]["exitCode"] == 3
    assert stopped["containers"][0]["imageDigest"] == image.partition("@")[2]
    assert sorted(world.lines(task)) == ["hello", "there"]
    assert stopped["stopCode"] == "EssentialContainerExited"


def test_user_root_file_system_and_capabilities_are_enforced(world: World) -> None:
    script = (
        "id -u; touch /written 2>/dev/null || echo refused; touch /scratch/x && echo scratch; cat /proc/self/status"
    )
    container: dict[str, Any] = {
        "user": "1000",
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "tmpfs": [{"containerPath": "/scratch", "size": 8}]},
    }
    world.stopped(task := world.run(world.definition(_image(world, script), **container)))

    lines = world.lines(task)

    assert lines[:3] == ["1000", "refused", "scratch"]
    assert any(line.split() == ["CapBnd:", "0000000000000000"] for line in lines)


def test_memory_is_enforced(world: World) -> None:
    script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"
    stopped = world.stopped(world.run(world.definition(_image(world, script), memory=16)), 30)

    assert stopped["containers"][0]["exitCode"] == 137


def test_it_shares_the_machines_network_and_knows_the_endpoint(world: World) -> None:
    world.stopped(task := world.run(world.definition(_image(world, "echo $AWS_ENDPOINT_URL; cat /proc/net/tcp"))))
    port = f":{world.aws.settings.port:04X}"

    assert world.lines(task)[0] == world.aws.url
    assert any(port in line for line in world.lines(task))


def test_a_stop_is_asked_for_first(world: World) -> None:
    task = world.run(world.definition(_image(world, _STAYS)))
    eventually(lambda: world.task(task)["lastStatus"] == "RUNNING" and world.lines(task))

    world.client("ecs").stop_task(cluster="main", task=task)
    stopped = world.stopped(task)

    assert stopped["containers"][0]["exitCode"] == 0
    assert world.lines(task)[-1] == "bye"


def test_the_engine_runs_the_health_check(world: World) -> None:
    image = _image(world, _STAYS)
    check = {"command": ["CMD-SHELL", "exit 0"], "interval": 1, "retries": 1, "timeout": 2}

    good = world.run(world.definition(image, healthCheck=check))
    bad = world.run(world.definition(image, healthCheck=check | {"command": ["CMD", "/bin/sh", "-c", "exit 1"]}))

    eventually(lambda: world.task(good)["healthStatus"] == "HEALTHY", 30)
    eventually(lambda: world.task(bad)["healthStatus"] == "UNHEALTHY", 30)


def test_a_missing_image_and_a_missing_program_keep_it_from_starting(world: World) -> None:
    image = _image(world, "exit 0")

    gone = world.stopped(world.run(world.definition(image.partition("@")[0] + "@sha256:" + "0" * 64)))
    lost = world.stopped(world.run(world.definition(image, entryPoint=["/nonesuch"])))

    assert gone["stoppedReason"].startswith("CannotPullContainerError")
    assert lost["stoppedReason"].startswith("CannotStartContainerError")


def test_a_service_of_containers_rolls_out_and_back(world: World) -> None:
    image = _image(world, _STAYS)
    good = world.definition(image)
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    world.serve(good, deploymentConfiguration=breaker)
    world.settled()
    bad = world.definition(image, entryPoint=["/bin/sh", "-c", "exit 1"])

    world.client("ecs").update_service(cluster="main", service="worker", taskDefinition=bad)
    eventually(lambda: any("rolling back" in row["message"] for row in world.service()["events"]), 40)

    assert world.settled()["taskDefinition"] == good


def test_containers_of_an_endpoint_that_was_killed_are_removed_by_the_next(world: World, tmp_path: Path) -> None:
    with program(tmp_path, "--tasks", "containers") as killed:
        other = World(killed.aws, tmp_path)
        other.cluster()
        task = other.run(other.definition(_image(other, _STAYS)))
        eventually(lambda: other.task(task)["lastStatus"] == "RUNNING")
        killed.process.kill()
        killed.process.wait()
    left = _containers(killed.aws.settings.host)

    with program(tmp_path, "--tasks", "containers"):
        assert len(left) == 1
        assert _containers(killed.aws.settings.host) == []
    assert world.aws.url


def _containers(host: str) -> list[str]:
    words = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={host}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
