"""What runs: services, the schedules that start their image by the clock, and other people's schedules."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from voluptuous import Invalid, Match, Range

from contract.strict import PositiveInt

MEMORY_OF_CPU = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
}
"""The sizes a Fargate task may have: MiB of memory for each number of CPU units."""


def _arguments(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command:
        raise Invalid("is empty; name a command of the image, such as run")
    return command


Command = Annotated[tuple[str, ...], _arguments]
"""A command of the image with its arguments, as in `python -m dispatcher COMMAND`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that should always run, once. Services are deployed in the order in which they are declared."""

    command: Command
    accounts: tuple[str, ...]
    """The accounts it serves; it is given their limits, their numbers and their secrets, and no other's."""
    rules: str
    """The rule set its releases are judged by."""
    cpu: PositiveInt
    """CPU units; 1024 are one processor."""
    memory: PositiveInt
    """MiB."""
    heartbeat_seconds: PositiveInt
    stop_seconds: Annotated[int, Range(min=1, max=120, msg="must be from 1 to 120, the most that Fargate waits")]
    """How long it may take to let go after SIGTERM."""

    def __post_init__(self) -> None:
        """Refuse a size that Fargate does not have, and a service without an account."""
        if self.memory not in MEMORY_OF_CPU.get(self.cpu, ()):
            sizes = "; ".join(f"{cpu} with {memory[0]} to {memory[-1]}" for cpu, memory in MEMORY_OF_CPU.items())
            raise ValueError(f"no task has {self.cpu} CPU units and {self.memory} MiB; there are {sizes}")
        if not self.accounts:
            raise ValueError("serves no account; name at least one in accounts")


class ScheduleState(StrEnum):
    """Whether a schedule fires."""

    ENABLED = "ENABLED"
    """It does."""
    DISABLED = "DISABLED"
    """It does not."""


Expression = Annotated[str, Match(r"^(cron|rate|at)\(.+\)$", msg="is not cron(…), rate(…) or at(…)")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Starts a command of a service's released image by the clock, with that service's settings and role."""

    service: str
    command: Command
    expression: Expression
    time_zone: str
    """Such as America/New_York, so that daylight saving does not move it."""
    state: ScheduleState
    """What `ops init` writes; from then on the parameter says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSchedule:
    """A schedule that somebody else made. It is never created or deleted here, only held to its declared state."""

    group: str
    state: ScheduleState
    why: str
