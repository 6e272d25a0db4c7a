"""What AWS said, as values: the observations that every decision rests on. Nothing here is more than was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Rollout(StrEnum):
    """How far ECS says a deployment of a service is."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """ECS did not say, or said a word that we do not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolling:
    """One deployment of a service as `DescribeServices` shows it."""

    id: str
    revision: str
    primary: bool
    rollout: Rollout
    reason: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    failed: int = 0
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """A sentence of ECS about a service."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of the cluster."""

    name: str
    active: bool
    revision: str
    desired: int
    running: int
    pending: int = 0
    rollings: tuple[Rolling, ...] = ()
    events: tuple[ServiceEvent, ...] = ()
    """Newest first."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """Its network configuration, which its one-off tasks use as well."""
    alarms: tuple[str, ...] = ()
    """The alarms by which ECS takes a deployment of it back."""

    @property
    def primary(self) -> Rolling | None:
        """The deployment that ECS works towards."""
        return next((each for each in self.rollings if each.primary), None)

    def rolling(self, identity: str) -> Rolling | None:
        """The deployment of that id; None when ECS no longer shows it."""
        return next((each for each in self.rollings if each.id == identity), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A service deployment from ECS's own history of 90 days, where it keeps one."""

    id: str
    status: str
    """ECS's word, such as SUCCESSFUL, STOPPED or ROLLBACK_SUCCESSFUL."""
    revision: str
    """The task-definition revision it was to run; empty when ECS does not say."""
    reason: str = ""
    alarms: tuple[str, ...] = ()
    """The alarms that took it back."""
    failures: int = 0
    """Tasks that the circuit breaker counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task."""

    id: str
    revision: str
    group: str
    """`service:NAME` for a service's task, `family:NAME` for others."""
    status: str
    """ECS's word, such as PENDING, RUNNING or STOPPED."""
    started_by: str = ""
    digest: str | None = None
    """Digest of the image that its container really runs; None while ECS does not say."""
    stop_code: str = ""
    reason: str = ""
    """Why it stopped, in ECS's words, with the container's reason."""
    exit_code: int | None = None
    health: str = ""
    created: datetime | None = None
    stopped: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.status == "RUNNING"

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.status in {"STOPPED", "DELETED"}

    @property
    def died(self) -> bool:
        """Whether it ended by itself or never began, rather than being told to stop."""
        return self.ended and self.stop_code in {"EssentialContainerExited", "TaskFailedToStart"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A revision of a task-definition family. `document` has only what may be registered again."""

    arn: str
    family: str
    active: bool
    document: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    registered_by: str = ""
    registered: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts something by the clock: a schedule of EventBridge Scheduler, or a target of an EventBridge rule."""

    name: str
    enabled: bool
    revision: str
    """The task-definition revision it starts; without a number when it starts whatever is newest, empty if no task."""
    group: str = ""
    """The schedule's group, or the rule's event bus."""
    rule: bool = False
    expression: str = ""
    """Empty for a rule that waits for events instead of the clock."""
    time_zone: str = ""
    cluster: str = ""
    """ARN of the cluster it starts tasks in; empty if it starts no task."""
    command: tuple[str, ...] = ()
    """What it lets the container run; empty when that is the definition's own command."""
    retries: int = 0
    """How often a start that failed is tried again."""
    dead_letters: bool = False
    """Whether a start that failed for good is kept somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """On whose behalf this process speaks to AWS, from where, and for which CI run."""

    arn: str
    host: str
    ci: str = ""
    """Address of the CI run; empty outside CI."""
