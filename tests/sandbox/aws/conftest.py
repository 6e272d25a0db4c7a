"""One endpoint for each module, emptied after each test. A process has one at a time: none may outlive its module."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import aws as endpoint
from tests.sandbox.aws.aws_world import World


@pytest.fixture(scope="module")
def running_endpoint() -> Iterator[endpoint.Aws]:
    quick = {"steady": 0.3, "bake": 0.5, "restart": 0.05, "restart_most": 0.2, "alarms": 0.1, "schedules": 0.1}
    pace = endpoint.Pace(**quick, minute=1.0, end=2.0)
    with endpoint.running(tasks=endpoint.Tasks.PROCESSES, pace=pace) as running:
        yield running


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """The clients of a module: to make one costs more than most tests."""
    return {}


@pytest.fixture
def world(running_endpoint: endpoint.Aws, tmp_path: Path, clients: dict[str, Any]) -> Iterator[World]:
    yield World(running_endpoint, tmp_path, clients)
    running_endpoint.reset()
