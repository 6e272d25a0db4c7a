"""Whether a container is healthy, from its check's results, as ECS judges it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.aws.plan import HealthCheck


class Status(StrEnum):
    """ECS's words."""

    UNKNOWN = "UNKNOWN"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known so far."""

    status: Status = Status.UNKNOWN
    failures: int = 0
    """Failures in a row that count."""


def after(check: HealthCheck, health: Health, *, passed: bool, age: float) -> Health:
    """The health after one more result, `age` seconds after the container started.

    A failure in the start period does not count unless the container was healthy before.
    """
    if passed:
        return Health(Status.HEALTHY)
    if health.status is Status.UNKNOWN and age < check.start_period:
        return health
    failures = health.failures + 1
    return replace(health, failures=failures, status=Status.UNHEALTHY if failures >= check.retries else health.status)


def of_task(essential: Iterable[Status]) -> Status:
    """A task's health from its essential containers that have a check."""
    known = set(essential)
    if Status.UNHEALTHY in known:
        return Status.UNHEALTHY
    return Status.HEALTHY if known == {Status.HEALTHY} else Status.UNKNOWN
