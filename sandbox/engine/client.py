"""The engine that answers at DOCKER_HOST or at the default socket."""

import os
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped] # it ships no types

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
LABEL = "ops-pipeline.sandbox"
"""Marks containers as an endpoint's; the value is the endpoint's host and port."""
_SECONDS = 30


def address() -> str:
    """Where an engine is looked for."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET


def answering(seconds: float = _SECONDS) -> Any | None:
    """A client of the engine; None when none answers. `seconds` is how long it waits for each answer."""
    where = address()
    if where.startswith("unix://") and not Path(where.removeprefix("unix://")).exists():
        return None
    client = None
    try:
        client = docker.DockerClient(base_url=where, timeout=seconds)
        client.ping()
    except docker.errors.DockerException:
        if client is not None:
            client.close()
        return None
    return client
