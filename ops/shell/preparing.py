"""What a deployment does before it touches a service: look, find what must not be, register, ask the new revision."""

from collections.abc import Callable
from dataclasses import dataclass

from contract import schema
from contract.names import TagKey
from contract.place import Place
from ops.core.member import Member
from ops.core.plan import Change, changes, digest_of, same, secrets_of, with_image
from ops.core.records import interrupted
from ops.core.release import Image, Part, Release, limits_hash, short
from ops.core.scene import Finding, Scene, Severity
from ops.core.seen import Rollout, Service, TaskDefinition
from ops.core.standing import releases
from ops.core.surroundings import sought, surroundings_findings
from ops.shell.journal import Journal
from ops.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a service would run: the document to register, or the revision that says it already."""

    member: Member
    template: TaskDefinition
    document: dict[str, object]
    reused: TaskDefinition | None
    running: TaskDefinition | None

    @property
    def changes(self) -> tuple[Change, ...]:
        """What will be different from what runs."""
        return changes(self.member.name, self.running.document if self.running else None, self.document)


def draft(world: World, scene: Scene, member: Member, template: TaskDefinition, image: Image) -> Draft:
    """The template's newest revision with the image in it; a revision that is registered already is used again."""
    document = with_image(template, image)
    seen = scene.services.get(member.name)
    running = scene.definitions.get(seen.revision) if seen is not None else None
    runs = running if running is not None and running.family == world.names.family(member.name) else None
    candidates = [each for each in (runs, world.ecs.definition(world.names.family(member.name))) if each is not None]
    reused = next((each for each in candidates if each.active and same(each.document, document)), None)
    return Draft(member=member, template=template, document=document, reused=reused, running=runs)


def register(journal: Journal, each: Draft, image: Image) -> Part:
    """The revision of the draft; registered only when there is none that says the same."""
    name = each.member.name
    if each.reused is not None:
        journal.tell(f"register {name}", f"unchanged: {short(each.reused.arn)}")
        return Part(revision=each.reused.arn, digest=image.digest)
    journal.begin(f"register {name}", f"from {short(each.template.arn)}, {len(each.changes)} changes")
    names = journal.world.names
    tags: dict[str, str] = {
        TagKey.SERVICE: name,
        TagKey.ENVIRONMENT: names.environment,
        TagKey.TEMPLATE: short(each.template.arn),
        TagKey.REVISION: image.git or "unknown",
        TagKey.DIGEST: image.digest,
        TagKey.DEPLOYMENT: journal.record.id,
    }
    arn = journal.world.ecs.register(names.family(name), each.document, tags)
    return Part(revision=arn, digest=image.digest)


def release_of_parts(image: Image, parts: dict[str, Part], drafts: tuple[Draft, ...]) -> Release:
    """The release that an image and its revisions make."""
    return Release(
        tag=image.tag,
        digest=image.digest,
        git=image.git,
        dirty=image.dirty,
        limits=limits_hash(*(each.document for each in drafts)),
        schema_head=image.schema_head,
        parts=parts,
    )


# --------------------------------------------------------------------------------------------------- what must hold


def findings(
    world: World, scene: Scene, members: tuple[Member, ...], place: Place | None = None
) -> tuple[Finding, ...]:
    """Everything that must hold before a deployment and does not, all at once. `place` is where it should stand."""
    checks: list[Callable[[], list[Finding]]] = [
        lambda: _surroundings(world, scene, place),
        lambda: [found for each in members for found in _parameters(world, scene, each)],
        lambda: [found for each in members for found in _service(world, scene, each)],
        lambda: [found for each in members for found in _template(world, each)],
    ]
    return tuple(found for check in checks for found in check())


def _surroundings(world: World, scene: Scene, place: Place | None) -> list[Finding]:
    wanted = sought(world.names, scene.members, scene.services, scene.templates)
    return list(surroundings_findings(wanted, world.estate.look(wanted), scene.members, place))


def _parameters(world: World, scene: Scene, member: Member) -> list[Finding]:
    names = world.names
    needed = (names.running(member.name), *(names.schedule_revision(each) for each in member.schedules))
    missing = [each for each in needed if each not in scene.parameters]
    return [_error("parameter-missing", each, "there is no such parameter", "ops init") for each in missing]


def _service(world: World, scene: Scene, member: Member) -> list[Finding]:
    seen = scene.services.get(member.name)
    if seen is None or not seen.active:
        evidence = f"the cluster {world.names.cluster} has no such service"
        return [_error("service-absent", member.name, evidence, "ops init, then cdk deploy")]
    foreign = _foreign_rollout(scene, seen)
    return [foreign] if foreign is not None else []


def _foreign_rollout(scene: Scene, seen: Service) -> Finding | None:
    """A rollout that somebody else began. One of ours that was interrupted is simply taken over."""
    primary = seen.primary
    if primary is None or primary.rollout is not Rollout.IN_PROGRESS or seen.desired == 0:
        return None
    if interrupted(scene.records) or any(primary.revision in each.revisions.values() for each in releases(scene)):
        return None
    evidence = f"ECS is rolling out {short(primary.revision)} ({primary.id}), which no deployment of ops asked for"
    return _error("rollout-in-flight", seen.name, evidence, "wait until it has ended, or find out whose it is")


def _template(world: World, member: Member) -> list[Finding]:
    template = world.ecs.definition(world.names.template_family(member.name))
    if template is None:
        evidence = f"there is no {world.names.template_family(member.name)}"
        return [_error("template-missing", member.name, evidence, "cdk deploy the services stack")]
    return [
        _error("secret-missing", member.name, why, "put the secret's value, or correct its name in infra")
        for arn in secrets_of(template)
        if (why := world.parameters.secret_missing(arn)) is not None
    ]


def target_findings(world: World, target: Release) -> tuple[Finding, ...]:
    """Everything that keeps a release from being deployed again: asked before anything is changed."""
    found = [problem for name, part in target.parts.items() for problem in _part(world, name, part)]
    if not world.images.has(target.digest):
        evidence = f"the repository has {target.digest} no more"
        found.append(_error("image-expired", target.label, evidence, "build that revision again and deploy it"))
    tagged = world.images.digest(target.tag) if target.tag else None
    if tagged is not None and tagged != target.digest:
        evidence = f"the tag names {tagged} today, and {target.digest} was proven"
        fix = "nothing: the release names its image by digest; find out who moved the tag"
        found.append(Finding(id="tag-moved", severity=Severity.WARNING, subject=target.tag, evidence=evidence, fix=fix))
    return (*found, *_schema(world, target))


def _part(world: World, name: str, part: Part) -> list[Finding]:
    definition = world.ecs.definition(part.revision)
    if definition is None or not definition.active:
        evidence = f"{short(part.revision)} is not active, so ECS starts no task of it"
        return [_error("revision-inactive", name, evidence, "deploy that image again; it is registered anew")]
    if digest_of(definition) != part.digest:
        evidence = f"{short(part.revision)} names {digest_of(definition) or 'no digest'}, and {part.digest} was proven"
        return [_error("revision-differs", name, evidence, "deploy that image again; it is registered anew")]
    return [
        _error("secret-missing", name, why, "put the secret's value back")
        for arn in secrets_of(definition)
        if (why := world.parameters.secret_missing(arn)) is not None
    ]


def _schema(world: World, target: Release) -> tuple[Finding, ...]:
    """Migrations expand, so an older image mostly runs on a newer schema. The newest image says how far back."""
    parameter = world.names.schema_head
    published = world.parameters.read((parameter,)).get(parameter)
    if published is None or target.schema_head is None:
        return ()
    try:
        there = schema.read(published)
    except ValueError as error:
        return (_error("schema-unknown", parameter, str(error), "run migrate of the running release: it publishes it"),)
    if not there.admits(target.schema_head):
        evidence = (
            f"the database is at {there.head} and needs images from {there.min} on; this one is {target.schema_head}"
        )
        return (
            _error("schema-forbids", target.label, evidence, "go back to a newer release, or deploy a fix forward"),
        )
    if there.head == target.schema_head:
        return ()
    evidence = f"the database is at {there.head}, the image was built for {target.schema_head}"
    fix = "nothing: migrations only expand, so the older image runs; what it does not know it does not write"
    return (Finding(id="schema-differs", severity=Severity.WARNING, subject=target.label, evidence=evidence, fix=fix),)


def errors(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that stop a deployment."""
    return tuple(each for each in found if each.severity is Severity.ERROR)


def _error(identity: str, subject: str, evidence: str, fix: str) -> Finding:
    return Finding(id=identity, severity=Severity.ERROR, subject=subject, evidence=evidence, fix=fix)
