"""What was looked at, and what may be found wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ops.core.lock import Lock
from ops.core.member import Member
from ops.core.records import Record
from ops.core.seen import Service, Task, TaskDefinition, Trigger


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """A deployment must not begin, or what runs is not what should."""
    WARNING = "warning"
    """Something to look at; it stops nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    id: str
    severity: Severity
    subject: str
    evidence: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that was looked at, at one time."""

    at: datetime
    members: tuple[Member, ...]
    services: Mapping[str, Service | None]
    others: tuple[Service, ...]
    """Services of the cluster that are none of the members."""
    tasks: tuple[Task, ...]
    """Every task that runs in the cluster, whoever started it."""
    parameters: Mapping[str, str]
    triggers: tuple[Trigger, ...]
    records: tuple[Record, ...]
    """Newest first."""
    lock: Lock | None
    definitions: Mapping[str, TaskDefinition]
    """By ARN: the revisions that services and tasks run."""
    templates: Mapping[str, TaskDefinition]
    """By service: the newest revision of its template."""
