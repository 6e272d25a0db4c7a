"""Asking for a rollout and waiting for its end."""

from datetime import datetime, timedelta

from ops.core.release import short
from ops.core.seen import Past, Rollout, Service
from ops.core.settle import End, Started, Unknown, Waiting, settle
from ops.errors import Exit, OpsError, Unreachable
from ops.shell.journal import Journal
from ops.shell.locking import pause
from ops.world import World

_SKEW = timedelta(seconds=60)
"""By how much ECS's clock and ours may differ."""


def present(world: World, name: str) -> Service:
    """The service.

    Raises:
        OpsError: there is none.
    """
    seen = world.ecs.service(name)
    if seen is None or not seen.active:
        raise OpsError(
            f"there is no service {name} in the cluster {world.names.cluster}",
            next_step="ops init, then cdk deploy, then the same again",
            exit_code=Exit.FINDINGS,
        )
    return seen


def bring(journal: Journal, name: str, revision: str, desired: int, *, anew: bool = False) -> Started:
    """Let the service run the revision: one UpdateService, or none when it does already or is on its way.

    `anew` lets it have new tasks although nothing differs.
    """
    world = journal.world
    seen = present(world, name)
    there = seen.primary is not None and seen.primary.revision == revision
    stuck = there and seen.primary is not None and seen.primary.rollout is Rollout.FAILED
    if there and not stuck and not anew and seen.desired >= desired and seen.primary is not None:
        journal.tell(name, f"already runs {short(revision)}, or is on its way to it")
        return Started(service=name, deployment=seen.primary.id, revision=revision, before=revision)
    # The number of tasks is the service's own as long as it has any.
    raised = desired if seen.desired < 1 else None
    updated = world.ecs.update(name, revision=revision, desired=raised, force=stuck or anew)
    if updated.primary is None:
        raise OpsError(
            f"ECS took the update of {name} and names no deployment",
            next_step="ops status; then ops deploy to go on, or ops rollback",
            exit_code=Exit.NOT_DONE,
        )
    return Started(service=name, deployment=updated.primary.id, revision=revision, before=seen.revision, anew=anew)


def await_end(journal: Journal, ours: Started, seconds: float) -> End:
    """Wait until the rollout has ended, at most that long. A look that fails is no end; the time still runs."""
    world = journal.world
    begun, since, said = world.clock.monotonic(), world.clock.now() - _SKEW, ""
    while True:
        overdue = world.clock.monotonic() - begun >= seconds
        now = _look(journal, ours, since, overdue=overdue)
        if not isinstance(now, Waiting):
            return now
        if now.why != said:
            journal.tell(ours.service, now.why)
            said = now.why
        pause(world, begun)


def _look(journal: Journal, ours: Started, since: datetime, *, overdue: bool) -> End | Waiting:
    world = journal.world
    try:
        journal.grip.renew()
        seen = world.ecs.service(ours.service)
        gone = seen is not None and (seen.primary is None or seen.primary.id != ours.deployment)
        past: tuple[Past, ...] = world.ecs.past(ours.service, since) if gone else ()
    except Unreachable as error:
        return Unknown(error.message) if overdue else Waiting(error.message)
    return settle(ours, seen, past, overdue=overdue)


def stop(journal: Journal, name: str, seconds: float) -> bool:
    """Let the service run nothing, and wait until nothing runs; whether that is so."""
    world = journal.world
    begun = world.clock.monotonic()
    seen = present(world, name)
    if seen.desired > 0:
        seen = world.ecs.update(name, revision=None, desired=0)
    while seen.running + seen.pending > 0:
        if world.clock.monotonic() - begun >= seconds:
            return False
        pause(world, begun)
        seen = present(world, name)
    return True
