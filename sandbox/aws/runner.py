"""What a way of running containers must do: processes and containers are the two that do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.aws.plan import Container, HealthCheck


class CannotRunError(RuntimeError):
    """Tasks cannot be run in the way that was asked for."""


class CannotPullError(RuntimeError):
    """The image is not in the registry, or is no image. Its words complete `CannotPullContainerError: `."""


class CannotStartError(RuntimeError):
    """The container was made but its program could not be started. Its words follow `CannotStartContainerError: `."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that is here."""

    digest: str
    """Of its manifest in the registry."""
    content: Any = field(repr=False)
    """The runner's own handle of it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """All that is needed to start one container."""

    task_id: str
    container: Container
    pulled: Pulled
    environment: Mapping[str, str] = field(repr=False)
    """The definition's variables, the secrets, and what ECS adds."""
    say: Callable[[str], None]
    """Is told each line of output, without its end."""


class Running(Protocol):
    """A started container."""

    @property
    def runtime_id(self) -> str:
        """How the runner calls it."""

    def wait(self) -> int:
        """Block until it has ended and its last line was told. Its exit code; 128 + n when signal n ended it."""

    def stop(self) -> None:
        """SIGTERM to its first process; SIGKILL to all of it after its stop timeout. Returns when it has ended."""

    def kill(self) -> None:
        """SIGKILL to all of it."""

    def looks_every(self, check: HealthCheck) -> float:
        """Seconds between two questions for its health."""

    def healthy(self, check: HealthCheck) -> bool | None:
        """Run its health check once; None when there is no new result."""


class Runner(Protocol):
    """A way of running containers."""

    @property
    def mode(self) -> str:
        """`processes` or `containers`."""

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """What a task definition asks for that this way does not enforce, one sentence each."""

    def pull(self, image: str) -> Pulled:
        """Have an image here.

        Raises:
            CannotPullError: it cannot be had.
        """

    def start(self, launch: Launch) -> Running:
        """Start a container.

        Raises:
            CannotStartError: its program could not be started.
        """

    def forget(self, task_id: str) -> None:
        """Remove what a task that ended left behind."""

    def close(self) -> None:
        """Let go of the engine, when there is one."""
