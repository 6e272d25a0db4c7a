"""Second runners: what else in the cluster does the work of our services, whatever its family is called. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from contract.names import Names
from ops.core.plan import image_of, images_of, secrets_of
from ops.core.release import family_of, short
from ops.core.scene import Finding, Scene, Severity
from ops.core.seen import Service, Task, TaskDefinition

CLOCK = "chronos-schedule/"
"""What `startedBy` of a task begins with that EventBridge Scheduler started; the schedule's name follows."""
ASKED = "ops-asked/"
"""What `startedBy` of a task begins with by which somebody asked a question outside of any deployment."""
_SUFFIX = 7
"""Secrets Manager ends a secret's ARN with a hyphen and six characters of its own."""


@dataclass(frozen=True, slots=True)
class Kinship:
    """By what a task definition is told to do the work of our services."""

    families: Mapping[str, str]
    """Our families, template's included, with the service each is of."""
    repositories: frozenset[str]
    """Where our images are, as our task definitions name it."""
    secrets: Mapping[str, str]
    """Names of the secrets with the accounts' keys, with the account of each."""

    def of(self, definition: TaskDefinition | None, revision: str) -> tuple[str, ...]:
        """What it shares with ours, in words; empty when it is none of our business."""
        service = self.families.get(family_of(revision))
        if service is not None:
            return (f"is of the family of {service}",)
        return tuple(self._shared(definition)) if definition is not None else ()

    def _shared(self, definition: TaskDefinition) -> Iterator[str]:
        repositories = {_repository(each) for each in images_of(definition)} & self.repositories
        yield from (f"runs our image, of {each}" for each in sorted(repositories))
        given = {_secret(each) for each in secrets_of(definition)}
        yield from (
            f"is given the keys of account {account}" for name, account in self.secrets.items() if name in given
        )


def kinship(names: Names, accounts: Mapping[str, Iterable[str]], templates: Iterable[TaskDefinition]) -> Kinship:
    """What is ours: families by name, images by what the templates name, keys by the accounts of each service."""
    return Kinship(
        families={family: each for each in accounts for family in (names.family(each), names.template_family(each))},
        repositories=frozenset(_repository(image_of(each)) for each in templates),
        secrets={names.broker_secret(account): account for served in accounts.values() for account in served},
    )


def second_runners(scene: Scene, names: Names) -> Iterator[Finding]:
    """Every service and every task that does the work of ours and that no release and no clock of ours started."""
    kin = kinship(names, {each.name: each.accounts for each in scene.members}, scene.templates.values())
    for service in scene.others:
        yield from _service(scene, names, kin, service)
    services = {f"service:{each}" for each in (*map(names.service, scene.services), *(s.name for s in scene.others))}
    starters = {f"{CLOCK}{schedule}" for each in scene.members for schedule in each.schedules}
    starters |= {record.id for record in scene.records}
    for task in scene.tasks:
        ours = task.group in services or task.started_by in starters or task.started_by.startswith(ASKED)
        if task.running and not ours:
            yield from _task(scene, names, kin, task)


def _service(scene: Scene, names: Names, kin: Kinship, service: Service) -> Iterator[Finding]:
    """A second service, whether its tasks run now or will be tried again."""
    tasks = [each for each in scene.tasks if each.running and each.group == f"service:{service.name}"]
    revisions = dict.fromkeys([service.revision, *(each.revision for each in tasks)])
    shared = dict.fromkeys(word for each in revisions for word in kin.of(scene.definitions.get(each), each))
    if shared and service.active and (service.desired or tasks):
        told = ", ".join(each.id for each in tasks) or "none now"
        runs = f"it is to run {service.desired} of {short(service.revision)}, tasks: {told}"
        fix = f"aws ecs update-service --cluster {names.cluster} --service {service.name} --desired-count 0; delete it"
        yield _finding("duplicate-service", service.name, f"it {' and '.join(shared)}; {runs}", fix)


def _task(scene: Scene, names: Names, kin: Kinship, task: Task) -> Iterator[Finding]:
    """A task that no service here runs: a schedule's, or one that was started by hand."""
    shared = kin.of(scene.definitions.get(task.revision), task.revision)
    if shared:
        what = f"task {task.id} of {short(task.revision)} {' and '.join(shared)}"
        family = family_of(task.revision)
        fix = f"aws ecs stop-task --cluster {names.cluster} --task {task.id}{_culprit(task)}"
        evidence = f"{what}; it was started by {_starter(task)}"
        yield _finding("duplicate-runner", kin.families.get(family, family), evidence, fix)


def _starter(task: Task) -> str:
    """Who started it, as people know them: a schedule, a service, or what ECS says."""
    if task.started_by.startswith(CLOCK):
        return f"{task.started_by}, a schedule"
    kind, _, name = task.group.partition(":")
    return f"the service {name}" if kind == "service" else task.started_by or "hand: ECS names nobody"


def _culprit(task: Task) -> str:
    """What would start the like of it again, and how to stop that."""
    if task.started_by.startswith(CLOCK):
        return f"; ops schedules disable {task.started_by.removeprefix(CLOCK)}"
    return "; find out who starts it, and stop that" if task.started_by else ""


def _repository(image: str) -> str:
    """Where an image is: its name without the digest and without the tag."""
    named = image.partition("@")[0]
    folder, slash, name = named.rpartition("/")
    return f"{folder}{slash}{name.partition(':')[0]}"


def _secret(arn: str) -> str:
    """The name of a secret, from its ARN or from a parameter that names it."""
    _, found, name = arn.partition(":secret:")
    return name[:-_SUFFIX] if found and name[-_SUFFIX : -_SUFFIX + 1] == "-" else name or arn


def _finding(identity: str, subject: str, evidence: str, fix: str) -> Finding:
    return Finding(id=identity, severity=Severity.WARNING, subject=subject, evidence=evidence, fix=fix)
