"""Run containers as real containers of an engine: user, read-only root, capabilities, memory, health check.

They share this machine's network, so the endpoint and every other part of the sandbox is at 127.0.0.1 for them too.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from sandbox.aws.plan import HealthCheck
from sandbox.aws.pull import Reference
from sandbox.aws.runner import CannotPullError, CannotStartError, Launch, Pulled
from sandbox.aws.upstream import docker
from sandbox.engine import owner
from sandbox.engine.client import LABEL

NOT_ENFORCED = (
    "network: tasks share this machine's network; security groups and subnets mean nothing",
    "IAM: task and execution roles are recorded; the endpoint answers every caller",
    "CPU: the share is given to the engine, which applies it only when processors are short",
)
_FAILED = "pull image manifest has been retried 1 time(s): failed to resolve ref"
_MEBI = 1024 * 1024
_NANO = 1_000_000_000
_LOOK_SECONDS = 1.0


class Containers:
    """Containers of an engine."""

    mode = "containers"
    not_enforced = NOT_ENFORCED

    def __init__(self, client: Any, token: str, host: str) -> None:
        """`token` opens our registry; `host` is where it is, and marks our containers apart from other endpoints'."""
        self._client = client
        self._credentials = _credentials(token)
        self._host = host
        self._forget_orphans()

    def pull(self, image: str) -> Pulled:
        """Have the engine pull an image, and know the digest it was pulled by."""
        wanted = Reference.of(image)
        repository = f"{wanted.host}/{wanted.name}"
        try:
            digest = self._client.images.get_registry_data(image, auth_config=self._credentials).id
            pulled = self._client.images.pull(f"{repository}@{digest}", auth_config=self._credentials)
        except docker.errors.NotFound as error:
            raise CannotPullError(f"{_FAILED} {image}: not found") from error
        except docker.errors.DockerException as error:
            raise CannotPullError(f"{_FAILED} {image}: {error}") from error
        return Pulled(digest, pulled.id)

    def start(self, launch: Launch) -> "EngineContainer":
        """Create and start a container as the task definition describes it."""
        container = launch.container
        try:
            made = self._client.containers.create(
                launch.pulled.content, **_options(launch), labels=self._labels(launch)
            )
        except docker.errors.DockerException as error:
            raise CannotStartError(str(error)) from error
        try:
            made.start()
        except docker.errors.DockerException as error:
            made.remove(force=True)
            raise CannotStartError(str(error)) from error
        return EngineContainer.followed(made, launch, container.stop_seconds)

    def forget(self, task_id: str) -> None:
        """Remove the task's containers."""
        labels = [f"{LABEL}={self._host}", f"task={task_id}"]
        for each in self._client.containers.list(all=True, filters={"label": labels}):
            with suppress(docker.errors.DockerException):
                each.remove(force=True, v=True)

    def _labels(self, launch: Launch) -> dict[str, str]:
        return {LABEL: self._host, owner.LABEL: owner.ours(), "task": launch.task_id}

    def _forget_orphans(self) -> None:
        """Remove what an endpoint left that was killed: nobody else would, and it would trade on."""
        for each in self._client.containers.list(all=True, filters={"label": owner.LABEL}):
            if owner.gone(each.labels[owner.LABEL]):
                with suppress(docker.errors.DockerException):
                    each.remove(force=True, v=True)

    def close(self) -> None:
        """Let go of the engine."""
        self._client.close()


@dataclass(frozen=True, slots=True)
class EngineContainer:
    """A started container."""

    made: Any = field(repr=False)
    stop_seconds: float
    reader: Thread = field(repr=False)
    told: list[str] = field(default_factory=list, repr=False)
    """When the health checks ended whose results were told."""

    @classmethod
    def followed(cls, made: Any, launch: Launch, stop_seconds: float) -> "EngineContainer":
        """Tell its lines as they come."""
        name = f"{launch.task_id[:8]} {launch.container.name} output"
        reader = Thread(target=_tell, args=(made, launch), name=name, daemon=True)
        reader.start()
        return cls(made, stop_seconds, reader)

    @property
    def runtime_id(self) -> str:
        """The engine's id."""
        return str(self.made.id)

    def wait(self) -> int:
        """Wait for its end and its last words."""
        code = int(self.made.wait(timeout=None)["StatusCode"])
        self.reader.join()
        return code

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the stop timeout; the engine does both."""
        with suppress(docker.errors.DockerException):
            self.made.stop(timeout=int(self.stop_seconds))

    def kill(self) -> None:
        """SIGKILL, at once."""
        with suppress(docker.errors.DockerException):
            self.made.kill()

    def looks_every(self, check: HealthCheck) -> float:
        """The engine keeps the interval; a look that came just before a result would wait for the next one."""
        return min(check.interval, _LOOK_SECONDS)

    def healthy(self, check: HealthCheck) -> bool | None:
        """The engine runs the check; this is its latest result, told once."""
        del check  # the engine was given it at the start
        with suppress(docker.errors.DockerException):
            self.made.reload()
        results = (self.made.attrs["State"].get("Health") or {}).get("Log") or []
        if not results or results[-1]["End"] in self.told:
            return None
        self.told.append(results[-1]["End"])
        return int(results[-1]["ExitCode"]) == 0


def _tell(made: Any, launch: Launch) -> None:
    for line in _lines(made.logs(stream=True, follow=True, stdout=True, stderr=True)):
        launch.say(line)


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Whole lines, whatever pieces they come in."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")


def _options(launch: Launch) -> dict[str, Any]:
    container = launch.container
    wanted: dict[str, Any] = {
        "command": list(container.command) if container.command else None,
        "entrypoint": list(container.entrypoint) if container.entrypoint else None,
        "environment": dict(launch.environment),
        "working_dir": container.working_folder or None,
        "user": container.user or None,
        "network_mode": "host",
        "read_only": container.read_only_root,
        "cap_drop": list(container.drop) or None,
        "cap_add": list(container.add) or None,
        "mem_limit": container.memory * _MEBI if container.memory else None,
        "cpu_shares": container.cpu or None,
        "init": container.init or None,
        "tmpfs": dict(container.tmpfs) or None,
        # An anonymous volume starts as the image's folder, with its owner and rights, as an empty volume of ECS does.
        "volumes": list(container.scratch) or None,
        "healthcheck": _healthcheck(container.health),
        "detach": True,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _healthcheck(check: HealthCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    times = {"interval": check.interval, "timeout": check.timeout, "start_period": check.start_period}
    in_nanoseconds = {name: int(seconds * _NANO) for name, seconds in times.items() if seconds}
    return {"test": list(check.command), "retries": check.retries, **in_nanoseconds}


def _credentials(token: str) -> Mapping[str, str]:
    username, _, password = base64.b64decode(token).decode().partition(":")
    return {"username": username, "password": password}
