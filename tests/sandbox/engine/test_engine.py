"""An engine for the length of a command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.engine import daemon
from sandbox.engine.__main__ import UNAVAILABLE

NOWHERE = "unix:///nonexistent/docker.sock"
TELLS = "import os; print(os.environ['DOCKER_HOST']); raise SystemExit(3)"


def engine(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sandbox.engine", *words]
    return subprocess.run(
        command, env=dict(os.environ) | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_without_an_engine_the_command_is_not_run_and_that_is_said_loudly(tmp_path: Path) -> None:
    ran = engine("--", "touch", str(tmp_path / "run"), DOCKER_HOST=NOWHERE, PATH="/nonexistent")

    assert ran.returncode == UNAVAILABLE
    assert "engine: THERE IS NONE: dockerd is not installed" in ran.stderr
    assert f"engine: NOT RUN: touch {tmp_path / 'run'}" in ran.stderr
    assert not (tmp_path / "run").exists()


def test_a_machine_where_nothing_can_be_installed_is_told_so() -> None:
    ran = engine("--install", "--", "true", DOCKER_HOST=NOWHERE, PATH="/nonexistent")

    assert ran.returncode == UNAVAILABLE
    assert "can be only by root on a Debian machine" in ran.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine")
def test_an_engine_that_does_not_come_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "dockerd").write_text("#!/bin/sh\necho no groups of processes here\nexit 1\n", encoding="utf-8")
    (tmp_path / "dockerd").chmod(0o755)

    ran = engine("--", "true", DOCKER_HOST=NOWHERE, PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert ran.returncode == UNAVAILABLE
    assert "dockerd did not come up; its last words:\nno groups of processes here\n" in ran.stderr


@pytest.mark.containers
def test_the_engine_that_answers_is_used_and_the_commands_end_is_ours() -> None:
    ran = engine("--", sys.executable, "-c", TELLS, DOCKER_HOST=os.environ.get("DOCKER_HOST", NOWHERE))

    assert ran.returncode == 3
    assert "engine: one answers at " in ran.stderr


@pytest.mark.skipif(
    daemon.program() is None or os.geteuid() != 0, reason="CONTAINER MODE IS NOT TESTED: no dockerd that we may start"
)
def test_one_is_started_where_none_answers_and_nothing_of_it_is_left() -> None:
    docker = shutil.which("docker") or "docker"
    ran = engine("--", docker, "version", "--format", "{{.Server.Os}}", DOCKER_HOST=NOWHERE)

    (started,) = [line for line in ran.stderr.splitlines() if "started one at unix://" in line]
    folder = Path(started.rpartition("unix://")[2]).parent
    assert (ran.returncode, ran.stdout.strip()) == (0, "linux")
    assert not folder.exists()
    assert str(folder) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
