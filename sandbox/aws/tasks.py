"""RunTask and StopTask, and the tasks that are alive."""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sandbox.aws import fits
from sandbox.aws.answers import RefusedError, Response, ok, refused
from sandbox.aws.board import Record, Scope, now
from sandbox.aws.life import Ground, Life
from sandbox.aws.plan import Where, containers
from sandbox.aws.upstream import ecs

_MOST_TASKS = 10
_KILL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What a task is made of, whoever asked for it."""

    cluster: str
    definition: Record
    launch_type: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    started_by: str = ""
    deployment: str | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[Mapping[str, str], ...] = ()
    execute_command: bool = False


class Tasks:
    """Starts and stops tasks; every one it started it can end."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lives: dict[str, Life] = {}

    def patches(self) -> Iterator[fits.Patch]:
        """Take over from ministack what starts and stops tasks."""
        why = "tasks need an engine, and are no processes"
        yield fits.function(ecs, "_run_task", answering(self.run_task), takes="(data)", why=why)
        yield fits.function(ecs, "_stop_task", answering(self.stop_task), takes="(data)", why=why)
        handlers = {"RunTask": answering(self.run_task), "StopTask": answering(self.stop_task)}
        yield fits.entries(ecs, "_ACTION_MAP", handlers, why=why)
        why = "would start its own tasks beside ours"
        yield fits.function(ecs, "_start_restored_service_reconciler", _after_restore, takes="()", why=why)
        why = "a family without a revision means its latest active one"
        yield fits.function(ecs, "_resolve_td_key", _latest_active(), takes="(ref)", why=why)

    def run_task(self, data: Record) -> Response:
        """Start up to ten tasks, as RunTask does."""
        cluster, definition = cluster_named(data), definition_named(data.get("taskDefinition", ""))
        wanted = int(data.get("count") or 1)
        if not 0 < wanted <= _MOST_TASKS:
            raise RefusedError("InvalidParameterException", "Count should be between 1 and 10.")
        launch_type, strategy, error = ecs._launch_choice(data, ecs._clusters[cluster])
        if error:
            answer: Response = error
            return answer
        request = Request(
            cluster=cluster,
            definition=definition,
            launch_type=ecs._task_capacity(launch_type, strategy)[0],
            overrides=data.get("overrides") or {},
            group=data.get("group") or f"family:{definition['family']}",
            started_by=data.get("startedBy") or "",
            network=data.get("networkConfiguration") or {},
            tags=tuple(data.get("tags") or ()),
            execute_command=bool(data.get("enableExecuteCommand")),
        )
        return ok({"tasks": [dict(self.start(request)) for _ in range(wanted)], "failures": []})

    def start(self, request: Request) -> Record:
        """Make one task's record and begin its life."""
        scope = Scope.current()
        task = _record(request, scope)
        where = Where(task["taskArn"].rsplit("/", 1)[-1], scope.region)
        plan = containers(request.definition, request.overrides, where)
        with self._ground.board:
            ecs._tasks[task["taskArn"]] = task
            if request.tags:
                ecs._tags[task["taskArn"]] = [dict(each) for each in request.tags]
            life = self._lives[task["taskArn"]] = Life(task, request.definition, plan, scope, self._ground)
        life.begin()
        return task

    def stop_task(self, data: Record) -> Response:
        """End one task, as StopTask does: at once by desiredStatus, soon in fact."""
        cluster = cluster_named(data)
        task = ecs._resolve_task(data.get("task", ""), cluster)
        if task is None:
            raise RefusedError("InvalidParameterException", "The referenced task was not found.")
        self.stop(task["taskArn"], "UserInitiated", data.get("reason") or "Task stopped by user")
        return ok({"task": dict(task)})

    def stop(self, arn: str, code: str, reason: str, *, failed: bool = False) -> None:
        """End one task; nothing when it has ended. `failed` counts against its deployment."""
        life = self._lives.get(arn)
        if life is not None:
            life.stop(code, reason, failed=failed)

    def end_all(self, patience: float) -> None:
        """End every task and wait until none is left; those that take longer than `patience` seconds are killed."""
        lives = list(self._lives.values())
        for life in lives:
            life.stop("UserInitiated", "The endpoint stops")

        def ended() -> bool:
            return all(each.task["lastStatus"] == "STOPPED" for each in lives)

        if not self._ground.board.wait_for(ended, patience):
            for life in lives:
                life.kill()
            self._ground.board.wait_for(ended, _KILL_SECONDS)
        self._lives.clear()


def answering(work: Callable[[Record], Response]) -> Callable[[Record], Response]:
    """A handler in ministack's form: a refusal becomes an answer."""

    def handle(data: Record) -> Response:
        try:
            return work(data)
        except RefusedError as error:
            return refused(error)

    return handle


def cluster_named(data: Mapping[str, Any]) -> str:
    """The name of the cluster a request speaks of.

    Raises:
        RefusedError: there is none.
    """
    name = ecs._resolve_cluster_name(data.get("cluster") or "default")
    if name is None or name not in ecs._clusters:
        raise RefusedError("ClusterNotFoundException", "Cluster not found.")
    return str(name)


def definition_named(reference: str) -> Record:
    """The active task definition of a reference: a family, `family:revision` or an ARN.

    Raises:
        RefusedError: there is none, or it is inactive.
    """
    definition: Record | None = ecs._task_defs.get(ecs._resolve_td_key(reference))
    if definition is None:
        raise RefusedError("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise RefusedError("ClientException", "TaskDefinition is inactive")
    return definition


def _after_restore() -> None:
    """Tasks of an earlier process ended with it. The scheduler replaces those of services."""
    for _, task in ecs._tasks.all_items():
        ended = {"stopCode": "TaskFailedToStart", "stoppedReason": "The endpoint was started again"}
        task.update({} if task["desiredStatus"] == "STOPPED" else ended, desiredStatus="STOPPED")


def _latest_active() -> Callable[[str], Any]:
    inner = ecs._resolve_td_key

    def resolve(reference: str) -> Any:
        name = reference.rsplit("/", 1)[-1]
        if not name or ":" in name:
            return inner(reference)
        revisions = [each["revision"] for each in ecs._task_defs.values() if _is_active(each, name)]
        return f"{name}:{max(revisions)}" if revisions else inner(reference)

    return resolve


def _is_active(definition: Record, family: str) -> bool:
    return bool(definition["family"] == family and definition["status"] == "ACTIVE")


def _record(request: Request, scope: Scope) -> Record:
    """The task as DescribeTasks first shows it; members that start with an underscore are ours."""
    place = f"{scope.region}:{scope.account}"
    arn = f"arn:aws:ecs:{place}:task/{request.cluster}/{uuid4().hex}"
    definition = request.definition
    fargate = request.launch_type == "FARGATE"
    return {
        "taskArn": arn,
        "clusterArn": ecs._clusters[request.cluster]["clusterArn"],
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "overrides": {"containerOverrides": [], **request.overrides},
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "launchType": request.launch_type,
        "cpu": definition.get("cpu", "256"),
        "memory": definition.get("memory", "512"),
        "platformVersion": "1.4.0" if fargate else None,
        "platformFamily": "Linux" if fargate else None,
        "connectivity": "CONNECTED",
        "connectivityAt": now(),
        "createdAt": now(),
        "group": request.group,
        "startedBy": request.started_by or None,
        "version": 1,
        "containers": [_container(row, arn, place) for row in _rows(definition)],
        "attachments": _attachments(request),
        "availabilityZone": f"{scope.region}a",
        "enableExecuteCommand": request.execute_command,
        "tags": [dict(each) for each in request.tags],
        "healthStatus": "UNKNOWN",
        "ephemeralStorage": definition.get("ephemeralStorage") or {"sizeInGiB": 20},
        "_deployment_id": request.deployment,
        "_checked": any(row.get("healthCheck") and row.get("essential", True) for row in _rows(definition)),
    }


def _rows(definition: Record) -> list[Record]:
    rows: list[Record] = definition["containerDefinitions"]
    return rows


def _container(row: Record, task_arn: str, place: str) -> Record:
    return {
        "containerArn": f"arn:aws:ecs:{place}:container/{uuid4()}",
        "taskArn": task_arn,
        "name": row["name"],
        "image": row["image"],
        "lastStatus": "PENDING",
        "networkInterfaces": [],
        "cpu": str(row.get("cpu") or 0),
        "memory": str(row["memory"]) if row.get("memory") else None,
        "healthStatus": "UNKNOWN",
    }


def _attachments(request: Request) -> list[Record]:
    """The network interface an awsvpc task reports. Here it is always this machine's loopback."""
    if request.definition.get("networkMode") != "awsvpc":
        return []
    subnets = (request.network.get("awsvpcConfiguration") or {}).get("subnets") or [None]
    details = [{"name": "subnetId", "value": subnets[0]}] if subnets[0] else []
    details.append({"name": "privateIPv4Address", "value": "127.0.0.1"})
    return [{"id": str(uuid4()), "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}]
