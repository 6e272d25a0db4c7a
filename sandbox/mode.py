"""How a rehearsal's tasks run: as containers where an engine can run them, otherwise as processes; never by guess.

The engine is found, never installed or started. What a mode does not enforce, the endpoint says itself.
"""

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import docker  # type: ignore[import-untyped] # it ships no types
import psutil

from sandbox.engine.base import BaseError, base_image
from sandbox.engine.client import LABEL, address, answering
from sandbox.record import StepFailedError

AUTO, PROCESSES, CONTAINERS = "auto", "processes", "containers"

_BUILDER = "docker"
_KNOCK = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 10)"


class _UnfitError(Exception):
    """No engine that could run the tasks. Says why not."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How tasks run, why so, and the words by which `ops build` makes an image that can."""

    name: str
    why: str
    build: tuple[str, ...] = ("--builder", "layers")
    engine: Any = field(default=None, repr=False)

    def tasks(self, endpoint: psutil.Process, host: str) -> list[Callable[[], bool]]:
        """What the endpoint runs: for each process or container, whether it is still there."""
        if self.engine is None:
            return [each.is_running for each in endpoint.children(recursive=True)]
        return [partial(_exists, self.engine, each.id) for each in self.containers(host)]

    def containers(self, host: str) -> list[Any]:
        """The endpoint's containers, in container mode."""
        found: list[Any] = self.engine.containers.list(all=True, filters={"label": f"{LABEL}={host}"})
        return found


def chosen(asked: str) -> Mode:
    """Containers if an engine can run them, unless processes are asked for.

    Raises:
        StepFailedError: containers were asked for, and cannot be.
    """
    if asked == PROCESSES:
        return Mode(PROCESSES, "as asked")
    try:
        return _containers()
    except _UnfitError as error:
        if asked == CONTAINERS:
            raise StepFailedError(
                "an engine that can run the tasks", str(error), next_step="start one (DOCKER_HOST), or --tasks auto"
            ) from error
        return Mode(PROCESSES, str(error))


def _containers() -> Mode:
    engine = answering()
    if engine is None:
        raise _UnfitError(f"no container engine answers at {address()}")
    if shutil.which(_BUILDER) is None:
        raise _UnfitError(f"an engine answers at {address()}, but there is no program `{_BUILDER}` to build with")
    try:
        base = os.environ.get("OPS_BASE") or base_image(engine)
        _knock(engine, base)
    except (BaseError, docker.errors.DockerException) as error:
        raise _UnfitError(f"an engine answers at {address()}, but {error}") from error
    build = ("--builder", "engine", "--base", base, "--network", "host")
    return Mode(CONTAINERS, f"by engine {engine.version()['Version']}, on base {base}", build, engine)


def _knock(engine: Any, base: str) -> None:
    """A container of the base image reaches this machine's loopback; an engine in a machine of its own does not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = ["python", "-c", _KNOCK, str(listener.getsockname()[1])]
        engine.containers.run(base, command, entrypoint="", network_mode="host", remove=True)


def _exists(engine: Any, container: str) -> bool:
    try:
        engine.containers.get(container)
    except docker.errors.NotFound:
        return False
    return True
