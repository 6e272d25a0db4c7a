"""The world that a release is made in, as ports: what the walks need of AWS, of the clock and of the screen.

Adapters in `ops.aws` raise `Unreachable` when no answer came, and another `OpsError` when the answer was no. A walk
that meets one of them ends where it is; its record says where that was.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from contract.names import Key, Names
from ops.core.lock import Lock
from ops.core.member import Member
from ops.core.ruling import Verdict
from ops.core.seen import Past, Service, Task, TaskDefinition, Trigger, Who
from ops.core.surroundings import Sought, Surroundings
from ops.errors import Exit, OpsError
from ops.ports import Clock


class Fenced(OpsError):  # noqa: N818 - it says what is so, as the field does
    """Somebody else has taken the lock since; nothing may be written any more."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"the lock was lost while this was under way; it is now with {holder}",
            next_step="ops status, which says what runs; then deploy again if it is not what you want",
            exit_code=Exit.SUPERSEDED,
        )


class Ecs(Protocol):
    """The cluster of the environment."""

    def service(self, name: str) -> Service | None:
        """The service now; None when there is none of that name."""

    def all_services(self) -> tuple[Service, ...]:
        """Every active service of the cluster, whoever made it; none when there is no cluster."""

    def all_tasks(self) -> tuple[Task, ...]:
        """Every task of the cluster that runs or is to run, whoever started it and whatever its family."""

    def update(self, name: str, *, revision: str | None, desired: int | None, force: bool = False) -> Service:
        """Ask for another revision, another number of tasks, or both; the service as it is then. Nothing else is sent.

        `force` starts a new deployment even where nothing differs.
        """

    def past(self, name: str, since: datetime) -> tuple[Past, ...]:
        """ECS's own history of the service, newest first; empty where it keeps none."""

    def definition(self, name: str) -> TaskDefinition | None:
        """A revision by ARN, or the newest active one of a family by its name; None when there is none."""

    def register(self, family: str, document: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Register a revision; its ARN."""

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Put tags on a revision; others stay."""

    def tasks(self, family: str) -> tuple[Task, ...]:
        """Every task of the family that runs, or has stopped within the last hour or so."""

    def run(self, revision: str, command: tuple[str, ...], *, like: Service, by: str, token: str) -> Task:
        """Start a one-off task with another command in the service's network. The same token starts it once."""

    def task(self, identity: str) -> Task | None:
        """One task; None when ECS does not know it any more."""


class Images(Protocol):
    """The image repository of the environment."""

    def digest(self, tag: str) -> str | None:
        """The digest that the tag names; None when there is no such tag."""

    def has(self, digest: str) -> bool:
        """Whether the repository still has the image."""

    def tag(self, digest: str, tag: str) -> None:
        """Give the image one more tag; nothing happens when it has it already."""


class Parameters(Protocol):
    """The environment's parameters, and whether a secret or a log group that tasks are given is there."""

    def read(self, names: tuple[str, ...]) -> dict[str, str]:
        """The values of those that exist."""

    def create(self, name: str, value: str, description: str) -> bool:
        """Create it; False, and nothing changed, when it exists."""

    def write(self, name: str, value: str) -> None:
        """Give it the value."""

    def secret_missing(self, arn: str) -> str | None:
        """Why a task could not be given the secret; None when it could. Its value is never read."""


class Control(Protocol):
    """The control table: the lock, and records that only its holder may write."""

    def lock(self) -> Lock | None:
        """The lock as it is; None when nobody has ever taken it."""

    def take(self, wanted: Lock, now: datetime, *, over: int | None = None) -> Lock | None:
        """Take the lock unless somebody else holds it; with its new fencing number, or None.

        `over` takes it from the holder with that fencing number, who is known to be dead.
        """

    def renew(self, lock: Lock, expires: datetime) -> bool:
        """Hold it until then, if it is ours still."""

    def let_go(self, lock: Lock, now: datetime) -> None:
        """Hold it no longer, if it is ours still."""

    def write(self, key: Key, document: Mapping[str, Any], fence: int) -> bool:
        """Write an item if the lock's fencing number is still this one; whether it was written."""

    def read(self, key: Key) -> Mapping[str, Any] | None:
        """An item; None when there is none."""

    def newest(self, partition: str, limit: int) -> tuple[Mapping[str, Any], ...]:
        """The items with the greatest sort keys, greatest first."""


class Schedules(Protocol):
    """What EventBridge starts by the clock."""

    def all(self) -> tuple[Trigger, ...]:
        """Every schedule of the environment's group that starts a task."""

    def everywhere(self) -> tuple[Trigger, ...]:
        """Every schedule and every rule of the account in this region, whoever made it."""

    def one(self, group: str, name: str) -> Trigger | None:
        """A schedule by its name; None when there is none."""

    def point(self, name: str, revision: str, *, enabled: bool) -> None:
        """Let the schedule start that revision, and fire or not; every other field stays as it is.

        Raises:
            OpsError: it was written, and then read otherwise.
        """

    def switch(self, trigger: Trigger, *, enabled: bool) -> None:
        """Let it fire, or not; every other field stays as it is.

        Raises:
            OpsError: it was written, and then read otherwise.
        """


class Estate(Protocol):
    """What a release stands on besides its services."""

    def look(self, wanted: Sought) -> Surroundings:
        """Everything that is sought, as it is now."""


class Alerts(Protocol):
    """Messages to whoever must hear of it."""

    def send(self, subject: str, text: str) -> None:
        """Tell everybody who listens.

        Raises:
            OpsError: it was not sent, or nobody knows.
        """


class Logs(Protocol):
    """The log streams of tasks."""

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        """The last lines of a stream, oldest first; empty when there is no such stream."""


def some_jitter() -> float:
    """A tenth more or less, so that many who look do not look at once."""
    return random.uniform(0.9, 1.1)  # noqa: S311 - jitter is no secret


@dataclass(frozen=True, slots=True)
class World:
    """Every port, and the names of the environment."""

    names: Names
    ecs: Ecs
    images: Images
    parameters: Parameters
    control: Control
    schedules: Schedules
    logs: Logs
    estate: Estate
    alerts: Alerts
    clock: Clock
    jitter: Callable[[], float] = some_jitter
    """What each pause between two looks is multiplied by."""


Tell = Callable[[str, str], None]
"""Tells a step and a detail to whoever watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be judged: the tasks of one deployment of one service."""

    member: Member
    deployment: str
    """ECS's id of it."""
    revision: str
    before: str
    """The revision that ran before, whose last minutes are the baseline."""
    since: datetime
    anew: bool = False
    """Whether the revision ran before as well, and only the tasks of this deployment are to be judged."""
    watch: Callable[[], str | None]
    """Called with each poll: keeps the lock, and says why watching on is pointless, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a service's own log lines prove."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None
    """The judgement whole, as JSON has it."""


Prove = Callable[[Subject], Proof]
"""Watches a deployment's own log lines until there is a verdict."""


def no_one_is_dead(_: Lock) -> bool:
    """Nothing is known of other processes."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a walk, and how patient they are."""

    who: Who
    token: str
    """Unique to this process."""
    dead: Callable[[Lock], bool] = no_one_is_dead
    """Whether the lock's holder is a process of this machine that is no more."""
    lock_wait_seconds: float = 0
    settle_seconds: float = 900
    task_seconds: float = 600
