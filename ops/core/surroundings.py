"""What a release stands on besides its services: is it there, and is it as declared? From observations alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract.names import VERIFIED_TAG_PREFIX, Names
from contract.place import Place
from ops.core.member import Member
from ops.core.scene import Finding, Severity
from ops.core.seen import Service, TaskDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What to look for."""

    cluster: str
    repository: str
    log_groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """ARNs."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    """Those that take a deployment back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The image repository."""

    immutable: bool
    """Whether a tag can never name another image."""
    scans: bool
    """Whether each image is scanned when it is pushed."""
    rules: Sequence[Mapping[str, Any]] | None
    """Its lifecycle rules; None when it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A question that whoever asks may not ask. What it is about is not known."""

    question: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What was seen. None: it is not known, and a refusal says why."""

    account: str | None = None
    """The AWS account that answers."""
    cluster: bool | None = None
    """Whether there is an active cluster."""
    services: tuple[str, ...] | None = None
    """Every service of the cluster."""
    repository: Repository | None = None
    repository_there: bool | None = None
    log_groups: Mapping[str, int | None] | None = None
    """Those that there are, with the days for which they keep their lines; None for ever."""
    roles: frozenset[str] | None = None
    """Those that there are; so below."""
    subnets: frozenset[str] | None = None
    security_groups: frozenset[str] | None = None
    ringing: tuple[str, ...] | None = None
    """Alarms that ring now."""
    refused: tuple[Refusal, ...] = field(default=())


def sought(
    names: Names,
    members: Sequence[Member],
    services: Mapping[str, Service | None],
    templates: Mapping[str, TaskDefinition],
) -> Sought:
    """What the services and their templates name."""
    seen = [each for each in services.values() if each is not None]
    networks = [each.network.get("awsvpcConfiguration") or {} for each in seen]
    roles = [each.document.get(key) for each in templates.values() for key in ("taskRoleArn", "executionRoleArn")]
    return Sought(
        cluster=names.cluster,
        repository=names.repository,
        log_groups=tuple(names.log_group(each.name) for each in members),
        roles=_each(role for role in roles if role),
        subnets=_each(one for network in networks for one in network.get("subnets", ())),
        security_groups=_each(one for network in networks for one in network.get("securityGroups", ())),
        alarms=_each(alarm for each in seen for alarm in each.alarms),
    )


def _each(found: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))


def surroundings_findings(
    wanted: Sought, seen: Surroundings, members: Sequence[Member], place: Place | None
) -> Iterator[Finding]:
    """Everything that is not there, or not as it was declared."""
    yield from _account(seen, place)
    yield from _cluster(wanted, seen, members)
    yield from _missing("role-missing", wanted.roles, seen.roles, "cdk deploy the services stack")
    yield from _missing("subnet-missing", wanted.subnets, seen.subnets, "correct network in pipeline.toml; cdk deploy")
    yield from _missing(
        "security-group-missing", wanted.security_groups, seen.security_groups, "cdk deploy the foundation stack"
    )
    yield from _log_groups(wanted, seen, place)
    yield from _repository(wanted, seen)
    yield from _alarms(seen)
    for each in seen.refused:
        evidence = f"{each.why}; what it is about is not known"
        yield _finding("not-asked", each.question, evidence, each.fix, Severity.WARNING)


def _account(seen: Surroundings, place: Place | None) -> Iterator[Finding]:
    if place is not None and seen.account is not None and seen.account != place.account:
        evidence = f"AWS answers as account {seen.account}, and pipeline.toml declares {place.account}"
        fix = "log in to the declared account, or correct account in the environment's place"
        yield _finding("account-differs", seen.account, evidence, fix)


def _cluster(wanted: Sought, seen: Surroundings, members: Sequence[Member]) -> Iterator[Finding]:
    if seen.cluster is False:
        evidence = "there is no such cluster, or it is not active"
        yield _finding("cluster-missing", wanted.cluster, evidence, "cdk deploy the foundation stack")
    known = {each.name for each in members}
    for name in seen.services or ():
        if name not in known:
            evidence = f"the cluster {wanted.cluster} runs it, and pipeline.toml does not declare it"
            fix = f"declare [services.{name}], or take the service away"
            yield _finding("service-undeclared", name, evidence, fix, Severity.WARNING)


def _missing(identity: str, wanted: tuple[str, ...], there: frozenset[str] | None, fix: str) -> Iterator[Finding]:
    if there is not None:
        for each in wanted:
            if each not in there:
                yield _finding(identity, each, "there is none of that name, and tasks are to start with it", fix)


def _log_groups(wanted: Sought, seen: Surroundings, place: Place | None) -> Iterator[Finding]:
    if seen.log_groups is None:
        return
    for name in wanted.log_groups:
        if name not in seen.log_groups:
            evidence = "there is no such log group, and a task that cannot log does not start"
            yield _finding("log-group-missing", name, evidence, "cdk deploy the foundation stack")
        elif place is not None and seen.log_groups[name] != place.log_retention_days:
            days = seen.log_groups[name]
            kept = f"{days} days" if days else "for ever"
            evidence = f"it keeps its lines {kept}, and pipeline.toml declares {place.log_retention_days} days"
            yield _finding("retention-differs", name, evidence, "cdk deploy the foundation stack", Severity.WARNING)


def _repository(wanted: Sought, seen: Surroundings) -> Iterator[Finding]:
    fix, name = "cdk deploy the registry stack", wanted.repository
    if seen.repository_there is False:
        yield _finding("repository-missing", name, "there is no such image repository", fix)
    found = seen.repository
    if found is None:
        return
    if not found.immutable:
        evidence = "a tag may be moved to another image"
        yield _finding("tags-mutable", name, evidence, fix, Severity.WARNING)
    if not found.scans:
        yield _finding("images-unscanned", name, "images are not scanned when they are pushed", fix, Severity.WARNING)
    if found.rules is None:
        yield _finding("no-lifecycle", name, "no rule says which images go, so none ever does", fix, Severity.WARNING)
    elif not _keeps_proven(found.rules):
        evidence = f"a lifecycle rule may take away images tagged {VERIFIED_TAG_PREFIX}…, which a rollback needs"
        yield _finding("proven-images-expire", name, evidence, fix)


def _keeps_proven(rules: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rule that comes first for a proven image is one of its own. A later one cannot reach it then."""
    for rule in sorted(rules, key=lambda each: each.get("rulePriority", 0)):
        selection = rule.get("selection", {})
        if VERIFIED_TAG_PREFIX in selection.get("tagPrefixList", ()):
            return True
        if selection.get("tagStatus") != "untagged":
            return False
    return True


def _alarms(seen: Surroundings) -> Iterator[Finding]:
    for each in seen.ringing or ():
        evidence = "it rings now, so ECS looks away from it for the whole deployment"
        fix = "find out why it rings; the verdict by the log lines judges all the same"
        yield _finding("alarm-ringing", each, evidence, fix, Severity.WARNING)


def _finding(identity: str, subject: str, evidence: str, fix: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(id=identity, severity=severity, subject=subject, evidence=evidence, fix=fix)
