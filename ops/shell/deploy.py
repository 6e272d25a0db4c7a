"""The walk of a deployment: forward, each step written down before it is taken, believed only by its evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.place import Place
from ops.core.lock import BUILD_SPAN_SECONDS
from ops.core.member import Member
from ops.core.records import Kind, Outcome, Record, identity, proof
from ops.core.release import Image, Part, Release, short_digest
from ops.core.ruling import Verdict
from ops.core.scene import Scene
from ops.core.settle import RolledBack, Succeeded, Superseded, Unknown
from ops.core.standing import Condition, release, standing
from ops.errors import Exit
from ops.shell import oneoff
from ops.shell.ending import Ending, ending
from ops.shell.journal import Journal, close_interrupted, closing
from ops.shell.locking import Grip, holding
from ops.shell.observe import look
from ops.shell.preparing import Draft, draft, errors, findings, register, release_of_parts
from ops.shell.promoting import promote
from ops.shell.settling import present
from ops.shell.shipping import Judged, ship
from ops.shell.taking_back import Failure, Way, reasons_of, take_back
from ops.world import Asked, Prove, Tell, World

MIGRATE = ("migrate",)
CHECK = ("check", "--json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to deploy."""

    members: tuple[Member, ...]
    """Every service of the environment, in the order in which they are deployed."""
    only: tuple[str, ...] = ()
    """The services to deploy; all of them when empty."""
    rules: str = ""
    """Hashes of the rule sets, for the record."""
    asked: Asked
    evidence: Path
    place: Place | None = None
    """Where the environment is declared to stand."""

    @property
    def chosen(self) -> tuple[Member, ...]:
        """The services to deploy."""
        return tuple(each for each in self.members if not self.only or each.name in self.only)


Build = Callable[[], Image]
"""Builds and pushes the image, or finds that it is there already."""
Guard = Callable[[Scene, tuple[Draft, ...]], str | None]
"""Why a deployment must not go on, now that it is known what it would change; None when it may."""


@dataclass(slots=True)
class _Walk:
    """What the steps share."""

    world: World
    order: Order
    prove: Prove
    journal: Journal
    records: Sequence[Record]
    """Of every deployment before this one, newest first."""

    @property
    def before(self) -> Release | None:
        """What ran when it began."""
        return self.journal.record.before


def deploy(world: World, order: Order, *, build: Build, prove: Prove, tell: Tell, guard: Guard | None = None) -> Ending:
    """Ship an image and prove it, or take it back.

    Raises:
        LockedError: somebody else holds the lock.
        OpsError: AWS gave no answer, or said no; the record says during which step.
    """
    with holding(world, order.asked, "deploy", tell) as grip:
        scene = look(world, order.members)
        found = findings(world, scene, order.chosen, order.place)
        if errors(found):
            message = f"{len(errors(found))} things must hold first; nothing was changed"
            return Ending(exit=Exit.FINDINGS, message=message, next_step="correct each finding", findings=found)
        records = close_interrupted(world, grip, scene.records, tell)
        journal = Journal(world, grip, _record(world, order, grip, scene), tell)
        with closing(journal):
            return _prepare(_Walk(world, order, prove, journal, records), scene, build, guard)


def _record(world: World, order: Order, grip: Grip, scene: Scene) -> Record:
    now, before = world.clock.now(), release(scene, world.names)
    return Record(id=identity(now, grip.fence), kind=Kind.DEPLOY, who=order.asked.who, started=now, before=before)


def _prepare(walk: _Walk, scene: Scene, build: Build, guard: Guard | None) -> Ending:
    """Everything before a service is touched. Whatever goes wrong here has changed nothing that runs."""
    journal = walk.journal
    journal.begin("build", "and push")
    journal.grip.renew(BUILD_SPAN_SECONDS)  # nothing can renew it meanwhile
    image = build()
    there = walk.world.images.digest(image.tag)
    if there != image.digest:
        told = f"the registry has {there or 'nothing'} under {image.tag}, and {image.digest} was built"
        return ending(journal.end(Outcome.STOPPED, (told,)), "stopped: the image is not the one that was built")
    drafts = tuple(_draft(walk, scene, member, image) for member in walk.order.chosen)
    if guard is not None and (why := guard(scene, drafts)) is not None:
        return ending(journal.end(Outcome.STOPPED, (why,)), "stopped: the world is not the planned one")
    parts = {each.member.name: register(journal, each, image) for each in drafts}
    shipped = release_of_parts(image, _all_parts(walk, parts), drafts)
    journal.ships(shipped, walk.order.rules)
    return _ask(walk, scene, shipped)


def _draft(walk: _Walk, scene: Scene, member: Member, image: Image) -> Draft:
    template = walk.world.ecs.definition(walk.world.names.template_family(member.name))
    if template is None:  # it was there a moment ago
        raise LookupError(f"the template of {member.name} vanished during the deployment")
    return draft(walk.world, scene, member, template, image)


def _all_parts(walk: _Walk, parts: dict[str, Part]) -> dict[str, Part]:
    """The parts of every service, in order: of those that are not deployed, what they run."""
    before = dict(walk.before.parts) if walk.before else {}
    merged = {**before, **parts}
    return {each.name: merged[each.name] for each in walk.order.members if each.name in merged}


def _ask(walk: _Walk, scene: Scene, shipped: Release) -> Ending:
    """Migrate once, then let each new revision check itself, as one-off tasks. No service is touched if one fails."""
    if _proven_already(walk, scene, shipped):
        walk.journal.judged(Verdict.PASS, ())
        return _promote(walk, shipped, "already runs, and is proven")
    first, *_ = walk.order.chosen
    for asked in ([(first, MIGRATE)], [(member, CHECK) for member in walk.order.chosen]):
        for answer in _one_offs(walk, shipped, asked):
            if not answer.ok:
                return _refused(walk, answer)
    return _ship(walk, shipped)


def _proven_already(walk: _Walk, scene: Scene, shipped: Release) -> bool:
    """Whether exactly this runs, in health, and a record proves it."""
    running = walk.before is not None and walk.before.revisions == shipped.revisions
    healthy = all(
        each.condition is Condition.RUNNING and each.as_built for each in standing(scene, walk.world.names).services
    )
    return running and healthy and proof(walk.records, shipped.revisions) is not None


def _one_offs(
    walk: _Walk, shipped: Release, asked: Sequence[tuple[Member, tuple[str, ...]]]
) -> Sequence[oneoff.Answer]:
    """Run one-off tasks of the new revisions beside each other: none of them changes what another asks."""
    journal, begun = walk.journal, []
    for member, command in asked:
        journal.begin(f"{command[0]} {member.name}", "one-off task of the new revision")
        service = present(walk.world, walk.world.names.service(member.name))
        revision = shipped.parts[member.name].revision
        begun.append(oneoff.begin(walk.world, service, revision, command, by=journal.record.id))
    asking = oneoff.Asking(
        by=journal.record.id, seconds=walk.order.asked.task_seconds, tell=journal.tell, meanwhile=journal.grip.renew
    )
    return [oneoff.answer(walk.world, each, asking) for each in begun]


def _refused(walk: _Walk, answer: oneoff.Answer) -> Ending:
    told = [*answer.reasons(), *(f"| {line}" for line in answer.lines)]
    for line in told:
        walk.journal.tell("refused", line)
    message = f"stopped before any service was touched: `{' '.join(answer.command)}` failed"
    return ending(walk.journal.end(Outcome.STOPPED, told), message)


def _ship(walk: _Walk, shipped: Release) -> Ending:
    """Service after service, each only after the one before is proven."""
    touched: list[Member] = []
    for member in walk.order.chosen:
        touched.append(member)
        one = ship(walk.journal, member, shipped.parts[member.name], walk.prove, walk.order.asked)
        if not (isinstance(one.end, Judged) and one.end.verdict is Verdict.PASS):
            failure = Failure(
                release=shipped, shipped=one, members=walk.order.members, touched=tuple(touched), before=walk.before
            )
            return _not_proven(walk, failure)
    walk.journal.judged(Verdict.PASS, ())
    return _promote(walk, shipped, "proven")


def _not_proven(walk: _Walk, failure: Failure) -> Ending:
    name, reasons = failure.shipped.member.name, reasons_of(failure.shipped.end)
    match failure.shipped.end:
        case Judged(verdict=Verdict.INCONCLUSIVE):
            walk.journal.judged(Verdict.INCONCLUSIVE, reasons)
            record = walk.journal.end(Outcome.KEPT)
            return ending(record, f"{name} runs {failure.release.label} and is not proven; it is kept, not promoted")
        case Superseded():
            record = walk.journal.end(Outcome.SUPERSEDED, reasons)
            return ending(record, f"another deployment of {name} took the place of this one")
        case Judged() | RolledBack() | Unknown() | Succeeded():
            way = Way(prove=walk.prove, asked=walk.order.asked, evidence=walk.order.evidence)
            return take_back(walk.journal, failure, walk.records, way)


def _proof(walk: _Walk, shipped: Release) -> str:
    """The deployment that proves it: an earlier one, or this."""
    earlier = proof(walk.records, shipped.revisions)
    return earlier.id if earlier is not None else walk.journal.record.id


def _promote(walk: _Walk, shipped: Release, how: str) -> Ending:
    schedules = {s: shipped.parts[each.name].revision for each in walk.order.chosen for s in each.schedules}
    for member in walk.order.chosen:
        walk.journal.point(walk.world.names.running(member.name), shipped.parts[member.name].revision)
    promote(walk.journal, shipped, schedules, proven_by=_proof(walk, shipped))
    record = walk.journal.end(Outcome.PROVEN)
    return ending(record, f"{shipped.label} ({short_digest(shipped.digest)}) {how}")
