"""Whose lines are read: the streams of a service's own tasks, and of no other."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ops.core.seen import Task
from ops.errors import Exit, OpsError
from ops.ports import Stream
from ops.world import World


def stream(world: World, service: str, task: str) -> Stream:
    """Where a task of the service writes. A pure function of their names, so it holds for a task long gone as well."""
    return Stream(world.names.log_group(service), world.names.log_stream(service, task))


def service_tasks(world: World, service: str, revision: str | None = None, deployment: str | None = None) -> list[Task]:
    """The service's tasks that run, or have stopped lately; of one revision or deployment of ECS if it is given.

    One-off tasks are none.
    """
    group = f"service:{world.names.service(service)}"
    found = world.ecs.tasks(world.names.family(service))
    return [
        each
        for each in found
        if each.group == group and revision in {None, each.revision} and deployment in {None, each.started_by}
    ]


def streams_of(
    world: World, service: str, revision: str | None = None, deployment: str | None = None
) -> Callable[[], Sequence[Stream]]:
    """The streams of the service's tasks as they are at each look: a task may be replaced meanwhile."""
    return lambda: [stream(world, service, each.id) for each in service_tasks(world, service, revision, deployment)]


def running_revision(world: World, service: str) -> str:
    """The revision that ECS works towards for the service.

    Raises:
        OpsError: there is no such service, or nothing of it is meant to run.
    """
    seen = world.ecs.service(world.names.service(service))
    if seen is None or seen.desired == 0:
        raise OpsError(
            f"nothing of {service} runs: {'it is not deployed' if seen is None else 'no task is asked for'}",
            next_step="ops status, which says what runs; ops deploy, if nothing was released yet",
            exit_code=Exit.NOT_DONE,
        )
    return seen.primary.revision if seen.primary else seen.revision


def milliseconds(at: datetime) -> int:
    """The time as logs have it."""
    return int(at.timestamp() * 1000)
