"""What is true of an environment, and where its parts disagree: from observations alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from contract.names import NOT_RELEASED, Names
from contract.workload import ScheduleState
from ops.core.lock import Lock
from ops.core.member import Member
from ops.core.plan import changes, image_of, with_image_named
from ops.core.records import Record, interrupted, proof
from ops.core.release import Part, Release, short
from ops.core.runners import second_runners
from ops.core.scene import Finding, Scene, Severity
from ops.core.seen import Rollout, Service, Task, Trigger
from ops.core.target import proof_of_running


class Condition(StrEnum):
    """How a service is."""

    RUNNING = "running"
    ROLLING = "rolling out"
    FAILING = "failing"
    """It should run, and does not, or its rollout failed."""
    STOPPED = "stopped"
    """It is to run nothing, and nothing runs."""
    ABSENT = "absent"
    """There is no such service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStanding:
    """What is true of one service."""

    name: str
    condition: Condition
    revision: str | None
    """The revision it runs or is on its way to; None when it has no release."""
    release: str
    """Label of the release; `unrecorded` when no record knows the revision."""
    digest: str | None
    """What its tasks really run; None while they do not say, or differ."""
    as_built: bool | None
    """Whether that is the digest that was built; None when it is not known."""
    desired: int
    running: int
    tasks: tuple[str, ...]
    parameter: str | None
    waiting: int | None
    """Fields that a newer template changes with the next deployment; None when it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is true of the environment."""

    services: tuple[ServiceStanding, ...]
    release: Release | None
    """What runs, as a release; None when nothing does."""
    proven: bool
    proven_by: str | None
    last: Record | None
    """The last deployment."""
    interrupted: tuple[str, ...]
    """Deployments that nobody closed, and that are not under way."""
    under_way: str | None
    lock: Lock | None
    """The lock while somebody holds it."""
    findings: tuple[Finding, ...]


def standing(scene: Scene, names: Names) -> Standing:
    """What is true."""
    services = tuple(_service(scene, names, member) for member in scene.members)
    held = scene.lock if scene.lock is not None and scene.lock.held(scene.at) else None
    open_records = interrupted(scene.records)
    proven = proof_of_running(scene.records, running(scene, names))
    return Standing(
        services=services,
        release=release(scene, names),
        proven=proven is not None,
        proven_by=proven.id if proven else None,
        last=scene.records[0] if scene.records else None,
        interrupted=() if held else tuple(each.id for each in open_records),
        under_way=open_records[0].id if held and open_records else None,
        lock=held,
        findings=tuple(_findings(scene, names, services)),
    )


def running(scene: Scene, names: Names) -> dict[str, str]:
    """The revision that each service runs or is on its way to; one that runs nothing is not in it."""
    found: dict[str, str] = {}
    for member in scene.members:
        seen = scene.services.get(member.name)
        if seen is not None and seen.active and seen.desired > 0 and _released(seen.revision, names, member.name):
            found[member.name] = seen.revision
    return found


def release(scene: Scene, names: Names) -> Release | None:
    """What runs, as a release: the recorded one where there is one. None when nothing runs."""
    revisions = running(scene, names)
    if not revisions:
        return None
    for record in scene.records:
        for each in (record.to, record.before):
            if each is not None and each.revisions == revisions:
                return each
    return _in_part(scene, revisions) or _unrecorded(scene, revisions)


def _in_part(scene: Scene, revisions: Mapping[str, str]) -> Release | None:
    """A recorded release of which only some services run, as one that was kept halfway leaves it."""
    for each in releases(scene):
        if revisions.items() <= each.revisions.items():
            return replace(each, parts={name: each.parts[name] for name in revisions})
    return None


def _unrecorded(scene: Scene, revisions: Mapping[str, str]) -> Release:
    parts = {name: Part(revision=arn, digest=_digest(scene, arn)) for name, arn in revisions.items()}
    digests = {part.digest for part in parts.values()}
    tag = "mixed" if len(digests) > 1 else "unrecorded"
    return Release(tag=tag, digest=next(iter(digests)) if len(digests) == 1 else "", git="", parts=parts)


def _digest(scene: Scene, arn: str) -> str:
    """By which digest the revision names its image: what was built, whoever registered it."""
    for record in scene.records:
        for each in (record.to, record.before):
            for part in each.parts.values() if each is not None else ():
                if part.revision == arn:
                    return part.digest
    definition = scene.definitions.get(arn)
    images = [c.get("image", "") for c in definition.document.get("containerDefinitions", ())] if definition else []
    return next((image.partition("@")[2] for image in images if "@" in image), "")


def _released(revision: str, names: Names, service: str) -> bool:
    """Whether the revision is of the family that runs, and not the template's."""
    return short(revision).rpartition(":")[0] == names.family(service)


def _service(scene: Scene, names: Names, member: Member) -> ServiceStanding:
    seen = scene.services.get(member.name)
    revision = seen.revision if seen is not None and _released(seen.revision, names, member.name) else None
    tasks = [each for each in scene.tasks if each.running and each.group == f"service:{names.service(member.name)}"]
    # While a release rolls out, tasks of the one before still run, as they should.
    digests = {each.digest for each in tasks if each.revision == revision}
    digest = next(iter(digests)) if len(digests) == 1 else None
    built = _digest(scene, revision) if revision else ""
    known = next((r for r in releases(scene) if revision and r.revisions.get(member.name) == revision), None)
    return ServiceStanding(
        name=member.name,
        condition=_condition(seen, tasks),
        revision=revision,
        release=(known.label if known else "unrecorded") if revision else "none",
        digest=digest,
        as_built=None if not digests or None in digests or not built else digests == {built},
        desired=seen.desired if seen else 0,
        running=seen.running if seen else 0,
        tasks=tuple(each.id for each in tasks),
        parameter=scene.parameters.get(names.running(member.name)),
        waiting=_waiting(scene, member, revision),
    )


def _waiting(scene: Scene, member: Member, revision: str | None) -> int | None:
    template, runs = scene.templates.get(member.name), scene.definitions.get(revision or "")
    if template is None or runs is None:
        return None
    return len(changes(member.name, runs.document, with_image_named(template, image_of(runs))))


def releases(scene: Scene) -> Iterator[Release]:
    """Every release that a record speaks of, newest first."""
    for record in scene.records:
        yield from (each for each in (record.to, record.before) if each is not None)


def _condition(seen: Service | None, tasks: Iterable[Task]) -> Condition:
    if seen is None or not seen.active:
        return Condition.ABSENT
    if seen.desired == 0:
        return Condition.STOPPED if not any(tasks) else Condition.ROLLING
    primary = seen.primary
    if primary is None or primary.rollout is Rollout.FAILED:
        return Condition.FAILING
    if primary.rollout is Rollout.IN_PROGRESS:
        return Condition.ROLLING
    return Condition.RUNNING if any(each.revision == seen.revision for each in tasks) else Condition.FAILING


# --------------------------------------------------------------------------------------------------------- findings


def _findings(scene: Scene, names: Names, services: Iterable[ServiceStanding]) -> Iterator[Finding]:
    for member, each in zip(scene.members, services, strict=True):
        yield from _service_findings(scene, names, member, each)
        yield from _trigger_findings(scene, names, member)
    yield from second_runners(scene, names)
    yield from _record_findings(scene, names)


def _service_findings(scene: Scene, names: Names, member: Member, each: ServiceStanding) -> Iterator[Finding]:
    if each.condition is Condition.ABSENT:
        yield _error("service-absent", each.name, "the cluster has no such service", "ops init, then cdk deploy")
    if each.condition is Condition.FAILING:
        evidence = f"{each.running} of {each.desired} tasks run {short(each.revision or 'nothing')}"
        yield _error("service-failing", each.name, evidence, "ops rollback, or deploy a fixed release")
    if each.as_built is False:
        evidence = f"its tasks run {each.digest or 'different images'}, not the digest that was built"
        yield _error("digest-differs", each.name, evidence, "ops deploy")
    should = parameter_should(scene, names, member)
    if should is not None and each.parameter != should:
        evidence = f"{names.running(each.name)} says {_said(each.parameter)}, the service runs {_said(should)}"
        yield _error("parameter-differs", each.name, evidence, "ops status --repair, before the next cdk deploy")


def parameter_should(scene: Scene, names: Names, member: Member) -> str | None:
    """What the service's `running` parameter should say: what runs. None while a rollout is not over."""
    seen = scene.services.get(member.name)
    if seen is None or not seen.active:
        return None
    if seen.desired == 0:
        # Stopped by hand, a proven release stays the service's; a first release that failed leaves none.
        proven = any(proof(scene.records, each.revisions) for each in releases(scene) if member.name in each.parts)
        return scene.parameters.get(names.running(member.name)) if proven else NOT_RELEASED
    primary = seen.primary
    if primary is None or primary.rollout is not Rollout.COMPLETED:
        return None
    return seen.revision if _released(seen.revision, names, member.name) else None


def schedule_should(scene: Scene, names: Names, member: Member) -> str | None:
    """The revision that the service's schedules should start: of the release that was last proven, if it runs."""
    revisions = running(scene, names)
    proven = proof_of_running(scene.records, revisions)
    return revisions.get(member.name) if proven is not None else None


def _trigger_findings(scene: Scene, names: Names, member: Member) -> Iterator[Finding]:
    should = schedule_should(scene, names, member)
    by_name = {each.name: each for each in scene.triggers}
    for name in member.schedules:
        parameter = scene.parameters.get(names.schedule_revision(name))
        trigger = by_name.get(name)
        if should is not None and parameter != should:
            evidence = f"{names.schedule_revision(name)} says {_said(parameter)}, proven is {_said(should)}"
            yield _error("schedule-parameter-differs", name, evidence, "ops status --repair")
        if should is not None and trigger is not None and trigger.revision != should:
            evidence = f"it starts {_said(trigger.revision)}, proven is {_said(should)}"
            yield _error("schedule-differs", name, evidence, "ops status --repair")
        state = scene.parameters.get(names.schedule_state(name))
        if should is not None and trigger is not None and state not in {None, _state(trigger)}:
            evidence = f"it is {_state(trigger)}, and {names.schedule_state(name)} says {state}"
            yield _error("schedule-state-differs", name, evidence, "ops status --repair")


def _record_findings(scene: Scene, names: Names) -> Iterator[Finding]:
    if scene.lock is None or not scene.lock.held(scene.at):
        for record in interrupted(scene.records):
            evidence = f"its process ended during {record.step}, at {record.steps[-1].at if record.steps else '?'}"
            yield _error("interrupted", record.id, evidence, "ops deploy to go on, or ops rollback to go back")
    revisions = running(scene, names)
    if revisions and proof_of_running(scene.records, revisions) is None:
        evidence = f"no deployment has proven {', '.join(short(each) for each in revisions.values())}"
        fix = "ops deploy once more judges what runs; ops rollback goes back"
        yield Finding(id="unproven", severity=Severity.WARNING, subject="release", evidence=evidence, fix=fix)


def _state(trigger: Trigger) -> ScheduleState:
    return ScheduleState.ENABLED if trigger.enabled else ScheduleState.DISABLED


def _said(value: str | None) -> str:
    return "nothing" if value is None else short(value)


def _error(identity: str, subject: str, evidence: str, fix: str) -> Finding:
    return Finding(id=identity, severity=Severity.ERROR, subject=subject, evidence=evidence, fix=fix)
