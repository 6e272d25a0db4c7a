"""What the ECS scheduler does next with a service: start, stop, complete, fail, roll back. Pure: values in, values out.

The rules are those of a rolling update: `maximumPercent` bounds what runs at once, `minimumHealthyPercent` what must
stay healthy meanwhile, the circuit breaker counts failures in a row, alarms that fire during the deployment end it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Any

_DEFAULT_BREAKER_PERCENT = 50
_BOUNDS = (3, 200)


class Rollout(StrEnum):
    """A deployment's state, in ECS's words."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Cause(StrEnum):
    """Why a deployment failed, in ECS's words."""

    TASKS = "tasks failed to start."
    ALARM = "alarm detected."
    ASKED = "service deployment rollback requested."


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the service that is not STOPPED yet."""

    arn: str
    deployment: str
    order: float
    """When it was created; the newest goes first when too many run."""
    healthy: bool = False
    unhealthy: bool = False
    """Its health check says so; it is replaced."""
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of the service."""

    id: str
    state: Rollout
    primary: bool
    failed: int = 0
    """Failures in a row."""
    steady_for: float | None = None
    """Seconds since all its tasks became healthy and no other was left; None while that is not so."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The deployment circuit breaker."""

    enabled: bool = False
    rollback: bool = False
    threshold: int = 3


@dataclass(frozen=True, slots=True)
class Alarms:
    """The deployment alarms."""

    enabled: bool = False
    rollback: bool = False
    fired: bool = False
    """One of them is in ALARM, and none was when the deployment started."""
    bake: float = 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service at one moment."""

    desired: int
    minimum_percent: int
    maximum_percent: int
    deployments: tuple[Deployment, ...]
    tasks: tuple[Task, ...]
    breaker: Breaker = Breaker()
    alarms: Alarms = Alarms()
    hold: bool = False
    """The scheduler waits before it starts another task, because the last one failed."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start so many tasks of a deployment."""

    deployment: str
    count: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop tasks. `unhealthy` ones count as failures of their deployment."""

    tasks: tuple[str, ...]
    unhealthy: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    """The deployment has reached its steady state; every other one is over."""

    deployment: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The deployment has failed. `back_to` is the deployment that takes over, None when there is none or none may."""

    deployment: str
    cause: Cause
    back_to: str | None


Action = Start | Stop | Complete | Fail


def threshold(desired: int, breaker: Mapping[str, Any]) -> int:
    """How many failures in a row trip the breaker.

    Without a `thresholdConfiguration` half the desired count, at least 3 and at most 200: so one task needs three.
    """
    configuration = breaker.get("thresholdConfiguration") or {}
    value = int(configuration.get("value", _DEFAULT_BREAKER_PERCENT))
    kind = configuration.get("type", "BOUNDED_PERCENT")
    if kind == "COUNT":
        return max(1, value)
    share = ceil(value * desired / 100)
    low, high = _BOUNDS
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(high, max(low, share))


def decide(service: Service) -> tuple[Action, ...]:
    """The next actions, none when there is nothing to do but wait."""
    primary = next(each for each in service.deployments if each.primary)
    if failure := _failure(service, primary):
        return (failure,)
    sick = tuple(task.arn for task in service.tasks if task.unhealthy and not task.stopping)
    replaced: tuple[Action, ...] = (Stop(sick, unhealthy=True),) if sick else ()
    moved = _move(service, primary) if primary.state is not Rollout.FAILED else ()
    return replaced + moved + _completion(service, primary)


def fail(service: Service, cause: Cause, *, rollback: bool) -> Fail:
    """The end of the primary deployment, and what takes over."""
    primary = next(each for each in service.deployments if each.primary)
    completed = [each for each in service.deployments if each.state is Rollout.COMPLETED and each is not primary]
    return Fail(primary.id, cause, completed[0].id if rollback and completed else None)


def _failure(service: Service, primary: Deployment) -> Fail | None:
    if primary.state is not Rollout.IN_PROGRESS:
        return None
    if service.alarms.enabled and service.alarms.fired:
        return fail(service, Cause.ALARM, rollback=service.alarms.rollback)
    if service.breaker.enabled and primary.failed >= service.breaker.threshold:
        return fail(service, Cause.TASKS, rollback=service.breaker.rollback)
    return None


def _move(service: Service, primary: Deployment) -> tuple[Action, ...]:
    alive = [task for task in service.tasks if not task.stopping and not task.unhealthy]
    current = [task for task in alive if task.deployment == primary.id]
    stale = [task for task in alive if task.deployment != primary.id]
    wanted = max(0, service.desired - len(current))
    # A task that is stopping still runs: a service that allows no overlap gets none.
    room = max(0, _most(service) - len(service.tasks))
    stopped = _surplus(service, current) + _drained(service, current, stale, max(0, wanted - room))
    stop: tuple[Action, ...] = (Stop(tuple(task.arn for task in stopped)),) if stopped else ()
    starting = 0 if service.hold else min(wanted, room)
    return stop + ((Start(primary.id, starting),) if starting else ())


def _most(service: Service) -> int:
    return max(1, service.desired * service.maximum_percent // 100) if service.desired else 0


def _surplus(service: Service, current: Sequence[Task]) -> list[Task]:
    newest_first = sorted(current, key=lambda task: task.order, reverse=True)
    return newest_first[: max(0, len(current) - service.desired)]


def _drained(service: Service, current: Sequence[Task], stale: Sequence[Task], lacking: int) -> list[Task]:
    """Tasks of older deployments that may go: those nobody counts on, and healthy ones beyond what must stay healthy.

    A healthy one goes when a new healthy one replaces it, or to make room for it (`lacking`).
    """
    useless = [task for task in stale if not task.healthy]
    healthy = sorted((task for task in stale if task.healthy), key=lambda task: task.order)
    total = len(healthy) + sum(task.healthy for task in current)
    spare = total - ceil(service.desired * service.minimum_percent / 100)
    replaced = total - service.desired
    return useless + healthy[: max(0, min(spare, max(replaced, lacking - len(useless))))]


def _completion(service: Service, primary: Deployment) -> tuple[Action, ...]:
    if primary.state is not Rollout.IN_PROGRESS or primary.steady_for is None:
        return ()
    # A service of no tasks has nothing an alarm could say anything about.
    baked = not (service.alarms.enabled and service.desired) or primary.steady_for >= service.alarms.bake
    return (Complete(primary.id),) if baked else ()


def is_steady(service: Service) -> bool:
    """Whether exactly the desired tasks of the primary deployment run, healthy, and no other."""
    primary = next(each for each in service.deployments if each.primary)
    fit = [task for task in service.tasks if task.healthy and not task.stopping and task.deployment == primary.id]
    return len(fit) == service.desired == len(service.tasks)


def pause(failures: int, first: float, most: float) -> float:
    """Seconds to wait before a task is replaced, after so many failures in a row."""
    return min(most, first * 2 ** min(failures - 1, 16)) if failures else 0.0
