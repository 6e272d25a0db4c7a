"""How a rollout ended: succeeded, rolled back (by whom), superseded (by which), or unknown. "Stable" is none of them.

A service is also stable after ECS has put the old release back, and after somebody else's deployment. So the question
is never whether the service rests, but what became of the one deployment that we started.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ops.core.release import short
from ops.core.ruling import Verdict
from ops.core.seen import Past, Rolling, Rollout, Service, Task


@dataclass(frozen=True, slots=True)
class Waiting:
    """It has not ended. `why` is what it waits for."""

    why: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Our deployment is the service's, complete, with every task it should have."""

    deployment: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """ECS gave our deployment up. `by` is a circuit breaker, an alarm or a person; `to` is what it went back to."""

    by: str
    why: str
    to: str | None


@dataclass(frozen=True, slots=True)
class Superseded:
    """Another deployment took its place."""

    by: str
    revision: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told. Never a success."""

    why: str


End = Succeeded | RolledBack | Superseded | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A deployment that we asked ECS for."""

    service: str
    deployment: str
    """ECS's id of it."""
    revision: str
    before: str
    """The revision that ran before."""
    anew: bool = False
    """Whether the revision ran before as well, and new tasks of it were asked for."""


BREAKER = "the circuit breaker"
ALARM = "an alarm"
PERSON = "a person, or another program"


def settle(ours: Started, seen: Service | None, past: Iterable[Past] = (), *, overdue: bool = False) -> End | Waiting:
    """What became of our deployment.

    Args:
        ours: what we started.
        seen: the service now; None when there is no such service any more.
        past: ECS's own history of the service since then, newest first; empty where it keeps none.
        overdue: it has had all the time that it may take.
    """
    if seen is None or not seen.active:
        return Unknown(f"the service {ours.service} is not there any more")
    rolling, primary = seen.rolling(ours.deployment), seen.primary
    if rolling is not None and rolling.rollout is Rollout.FAILED:
        return _rolled_back(ours, seen, past)
    if primary is not None and primary.id == ours.deployment:
        return _ours(ours, seen, primary, overdue=overdue)
    return _another(ours, seen, primary, past)


def _ours(ours: Started, seen: Service, primary: Rolling, *, overdue: bool) -> End | Waiting:
    if primary.revision != ours.revision:
        return Superseded(primary.id, primary.revision)
    complete = primary.rollout is Rollout.COMPLETED and primary.running >= seen.desired and seen.pending == 0
    if complete:
        return Succeeded(primary.id)
    failed = f", {primary.failed} failed" if primary.failed else ""
    why = f"{primary.running} of {seen.desired} tasks run{failed}; ECS says {primary.rollout}"
    return Unknown(f"it took too long: {why}") if overdue else Waiting(why)


def _another(ours: Started, seen: Service, primary: Rolling | None, past: Iterable[Past]) -> End:
    """Our deployment is not what ECS works towards: it was given up, or somebody else's came."""
    told = _told(ours, past)
    if told is not None and told.status.startswith("ROLLBACK"):
        return _rolled_back(ours, seen, [told])
    if _given_up(ours, seen):
        return _rolled_back(ours, seen, past)
    if primary is None:
        return Unknown(f"ECS shows no deployment of {ours.service} that it works towards")
    return Superseded(primary.id, primary.revision)


def _told(ours: Started, past: Iterable[Past]) -> Past | None:
    return next((each for each in past if each.revision == ours.revision), None)


def _given_up(ours: Started, seen: Service) -> bool:
    """Whether ECS's own sentences say that our deployment failed. They name it, or there is no id in them at all."""
    naming = [each.text for each in seen.events if ours.deployment in each.text]
    return any("deployment failed" in text or "rolling back" in text for text in naming)


def _rolled_back(ours: Started, seen: Service, past: Iterable[Past]) -> RolledBack:
    told, rolling, primary = _told(ours, past), seen.rolling(ours.deployment), seen.primary
    reason = (rolling.reason if rolling else "") or (told.reason if told else "") or _sentence(seen)
    to = primary.revision if primary is not None and primary.id != ours.deployment else None
    return RolledBack(_by(told, reason), reason or "ECS gives no reason", to)


def _sentence(seen: Service) -> str:
    failing = (each.text for each in seen.events if "failed" in each.text or "rolling back" in each.text)
    return next(failing, "")


def _by(told: Past | None, reason: str) -> str:
    if told is not None and told.alarms:
        return f"{ALARM} ({', '.join(told.alarms)})"
    lower = reason.lower()
    if "alarm" in lower:
        return ALARM
    if "circuit breaker" in lower or "failed to start" in lower or (told is not None and told.failures):
        return BREAKER
    return PERSON


# ------------------------------------------------------------------------------------------------ what its tasks prove


def new_tasks(ours: Started, tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks that our deployment started: of the service, of our revision; anew, of no deployment before."""
    group = f"service:{ours.service}"
    of_ours = [each for each in tasks if each.group == group and each.revision == ours.revision]
    return tuple(each for each in of_ours if not ours.anew or each.started_by == ours.deployment)


def what_runs(tasks: Iterable[Task], digest: str) -> tuple[Verdict, str]:
    """Whether the tasks prove that the built image runs. One that does not say what it runs proves nothing."""
    running = [each for each in tasks if each.running]
    for task in running:
        if task.digest is not None and task.digest != digest:
            return Verdict.FAIL, f"task {task.id} runs {task.digest}, and {digest} was built"
    silent = [task.id for task in running if task.digest is None]
    if silent or not running:
        return Verdict.INCONCLUSIVE, f"task {silent[0]} does not say which image it runs" if silent else "no task runs"
    return Verdict.PASS, f"{len(running)} tasks run {digest}"


def deaths(tasks: Iterable[Task]) -> tuple[str, ...]:
    """One sentence for each task that ran and ended by itself. One that could not start is counted by ECS's breaker."""
    return tuple(
        f"task {each.id} of {short(each.revision)} died: {each.stop_code}, exit code {each.exit_code}, {each.reason}"
        for each in tasks
        if each.ended and each.stop_code == "EssentialContainerExited"
    )
