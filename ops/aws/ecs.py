"""ECS: services, task definitions and tasks of one cluster. Only the fields that a release owns are ever sent."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contract.names import Names
from ops.aws.service_deployments import past_call, past_of
from ops.aws.session import Aws, AwsError, Call
from ops.aws.tasks import described_call, list_call, run_call, task_of
from ops.core.plan import registerable
from ops.core.seen import Past, Rolling, Rollout, Service, ServiceEvent, Task, TaskDefinition

EVENTS = 20
_AT_ONCE = 100
"""How many tasks one request may name."""
_SERVICES_AT_ONCE = 10
"""How many services one request may name."""


def services_call(cluster: str, *names: str) -> Call:
    """Asks for services by name or ARN."""
    return Call("ecs", "DescribeServices", {"cluster": cluster, "services": list(names)})


def list_services_call(cluster: str) -> Call:
    """Asks for the services of a cluster."""
    return Call("ecs", "ListServices", {"cluster": cluster})


def update_call(cluster: str, name: str, *, revision: str | None, desired: int | None, force: bool) -> Call:
    """Asks for another revision, another number of tasks, or both; every other field is left alone."""
    request: dict[str, Any] = {"cluster": cluster, "service": name}
    if revision is not None:
        request["taskDefinition"] = revision
    if desired is not None:
        request["desiredCount"] = desired
    if force:
        request["forceNewDeployment"] = True
    return Call("ecs", "UpdateService", request)


def definition_call(name: str) -> Call:
    """Asks for a revision by ARN, or for the newest active one of a family."""
    return Call("ecs", "DescribeTaskDefinition", {"taskDefinition": name, "include": ["TAGS"]})


def register_call(family: str, document: Mapping[str, Any], tags: Mapping[str, str]) -> Call:
    """Registers a revision."""
    return Call("ecs", "RegisterTaskDefinition", {"family": family, **document, "tags": _tags(tags)})


def tag_call(arn: str, tags: Mapping[str, str]) -> Call:
    """Puts tags on a revision."""
    return Call("ecs", "TagResource", {"resourceArn": arn, "tags": _tags(tags)})


class EcsCluster:
    """The release engine's `ops.world.Ecs`."""

    def __init__(self, aws: Aws, names: Names) -> None:
        self._aws = aws
        self._cluster = names.cluster

    def service(self, name: str) -> Service | None:
        """The service now; None when there is none of that name, or no cluster."""
        try:
            answer = self._aws.ask(services_call(self._cluster, name))
        except AwsError as error:
            if error.code not in {"ClusterNotFoundException", "ServiceNotFoundException"}:
                raise
            return None
        found = answer.get("services", [])
        return service_of(found[0]) if found else None

    def all_services(self) -> tuple[Service, ...]:
        """Every active service of the cluster, whoever made it; none when there is no cluster."""
        arns = list(self._listed(list_services_call(self._cluster), "serviceArns"))
        asked = [arns[start : start + _SERVICES_AT_ONCE] for start in range(0, len(arns), _SERVICES_AT_ONCE)]
        answers = [self._aws.ask(services_call(self._cluster, *some)) for some in asked]
        return tuple(service_of(each) for answer in answers for each in answer.get("services", []))

    def all_tasks(self) -> tuple[Task, ...]:
        """Every task of the cluster that runs or is to run, whoever started it and whatever its family."""
        return tuple(self._described(list(self._listed(list_call(self._cluster, None, stopped=False), "taskArns"))))

    def update(self, name: str, *, revision: str | None, desired: int | None, force: bool = False) -> Service:
        """Ask for another revision, another number of tasks, or both; the service as it is then."""
        call = update_call(self._cluster, name, revision=revision, desired=desired, force=force)
        return service_of(self._aws.ask(call)["service"])

    def past(self, name: str, since: datetime) -> tuple[Past, ...]:
        """ECS's own history of the service, newest first; empty where it keeps none."""
        return past_of(self._aws, past_call(self._cluster, name, since))

    def definition(self, name: str) -> TaskDefinition | None:
        """A revision by ARN, or the newest active one of a family by its name; None when there is none."""
        try:
            answer = self._aws.ask(definition_call(name))
        except AwsError as error:
            if error.code != "ClientException":  # ECS has no word of its own for "there is none"
                raise
            return None
        return definition_of(answer)

    def register(self, family: str, document: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Register a revision; its ARN."""
        answer = self._aws.ask(register_call(family, document, tags))
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Put tags on a revision; others stay."""
        self._aws.ask(tag_call(arn, tags))

    def tasks(self, family: str) -> tuple[Task, ...]:
        """Every task of the family that runs, or has stopped within the last hour or so."""
        calls = [list_call(self._cluster, family, stopped=stopped) for stopped in (False, True)]
        arns = [arn for call in calls for arn in self._listed(call, "taskArns")]
        return tuple(self._described(list(dict.fromkeys(arns))))

    def run(self, revision: str, command: tuple[str, ...], *, like: Service, by: str, token: str) -> Task:
        """Start a one-off task with another command in the service's network. The same token starts it once."""
        call = run_call(self._cluster, revision, command, network=like.network, by=by, token=token)
        return _started(self._aws.ask(call), revision)

    def task(self, identity: str) -> Task | None:
        """One task; None when ECS does not know it any more."""
        return next(iter(self._described([identity])), None)

    def _listed(self, call: Call, field: str) -> Iterator[str]:
        """The ARNs that a list has; none when there is no cluster."""
        try:
            for page in self._aws.pages(call):
                yield from page[field]
        except AwsError as error:
            if error.code != "ClusterNotFoundException":
                raise

    def _described(self, arns: list[str]) -> Iterator[Task]:
        for start in range(0, len(arns), _AT_ONCE):
            answer = self._aws.ask(described_call(self._cluster, arns[start : start + _AT_ONCE]))
            yield from map(task_of, answer.get("tasks", []))


def _started(answer: Mapping[str, Any], revision: str) -> Task:
    """The task; one that ended before it began when ECS had no place for it."""
    if answer.get("tasks"):
        return task_of(answer["tasks"][0])
    failures = answer.get("failures") or [{}]
    reason = f"{failures[0].get('reason', 'no reason given')} {failures[0].get('detail', '')}".strip()
    return Task(id="", revision=revision, group="", status="STOPPED", stop_code="TaskFailedToStart", reason=reason)


def service_of(described: Mapping[str, Any]) -> Service:
    """A described service as we see it."""
    events = described.get("events", [])[:EVENTS]
    return Service(
        name=described["serviceName"],
        active=described.get("status") == "ACTIVE",
        revision=described.get("taskDefinition", ""),
        desired=described.get("desiredCount", 0),
        running=described.get("runningCount", 0),
        pending=described.get("pendingCount", 0),
        rollings=tuple(_rolling(each) for each in described.get("deployments", [])),
        events=tuple(ServiceEvent(at=each.get("createdAt"), text=each.get("message", "")) for each in events),
        network=described.get("networkConfiguration") or {},
        alarms=_alarms(described.get("deploymentConfiguration", {}).get("alarms") or {}),
    )


def _alarms(configured: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(configured.get("alarmNames", ())) if configured.get("enable") else ()


def _rolling(described: Mapping[str, Any]) -> Rolling:
    word = described.get("rolloutState", "")
    return Rolling(
        id=described["id"],
        revision=described.get("taskDefinition", ""),
        primary=described.get("status") == "PRIMARY",
        rollout=Rollout(word) if word in set(Rollout) else Rollout.UNKNOWN,
        reason=described.get("rolloutStateReason", ""),
        desired=described.get("desiredCount", 0),
        running=described.get("runningCount", 0),
        pending=described.get("pendingCount", 0),
        failed=described.get("failedTasks", 0),
        created=described.get("createdAt"),
    )


def definition_of(answer: Mapping[str, Any]) -> TaskDefinition:
    """A described revision as we see it."""
    described = answer["taskDefinition"]
    return TaskDefinition(
        arn=described["taskDefinitionArn"],
        family=described["family"],
        active=described.get("status") == "ACTIVE",
        document=registerable(described),
        tags={each["key"]: each["value"] for each in answer.get("tags", [])},
        registered_by=described.get("registeredBy", ""),
        registered=described.get("registeredAt"),
    )


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": str(key), "value": str(value)} for key, value in tags.items()]
