"""Containers where an engine can run them, processes where none can, and never by guess."""

import pytest

from sandbox.mode import AUTO, CONTAINERS, PROCESSES, chosen
from sandbox.record import StepFailedError

NOWHERE = "unix:///nonexistent/docker.sock"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)


@pytest.mark.usefixtures("nowhere")
def test_without_an_engine_tasks_run_as_processes_and_it_is_said_why() -> None:
    mode = chosen(AUTO)

    assert (mode.name, mode.why) == (PROCESSES, f"no container engine answers at {NOWHERE}")
    assert mode.build == ("--builder", "layers")


@pytest.mark.usefixtures("nowhere")
def test_containers_that_were_asked_for_and_cannot_be_had_are_no_processes() -> None:
    with pytest.raises(StepFailedError, match="no container engine answers at") as told:
        chosen(CONTAINERS)

    assert "DOCKER_HOST" in told.value.next_step


@pytest.mark.containers
def test_with_an_engine_tasks_run_as_containers_of_an_image_it_builds() -> None:
    mode = chosen(AUTO)

    assert mode.name == CONTAINERS
    assert mode.build[:2] == ("--builder", "engine")
    assert mode.containers("127.0.0.1:1") == []
    assert chosen(PROCESSES).engine is None
