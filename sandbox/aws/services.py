"""The ECS service scheduler: looks at every service at each change, and does what `rollout.decide` says."""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import uuid4

from sandbox.aws import history, rollout
from sandbox.aws.board import Record, now, services, tasks_of
from sandbox.aws.life import Ground
from sandbox.aws.rollout import Action, Alarms, Breaker, Cause, Complete, Deployment, Fail, Rollout, Start, Stop, Task
from sandbox.aws.settings import Pace
from sandbox.aws.tasks import Request, Tasks
from sandbox.aws.upstream import cloudwatch, ecs

_LOOK_SECONDS = 0.1
_ROUNDS = 5
_EVENTS_KEPT = 100
_LIMPING = 3
_log = logging.getLogger("sandbox.aws")


class Services:
    """Keeps every service at its desired count, and rolls its deployments out."""

    def __init__(self, tasks: Tasks, ground: Ground, pace: Pace) -> None:
        self._tasks = tasks
        self._board = ground.board
        self._pace = pace
        self._stopped = Event()
        self._paused = False
        self._thread = Thread(target=self._work, name="ecs scheduler", daemon=True)

    def begin(self) -> None:
        """Start to look after the services."""
        self._thread.start()

    def end(self) -> None:
        """Stop looking; nothing is started any more."""
        self._stopped.set()
        self._thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A `with` block in which nothing is started or stopped."""
        with self._board:
            self._paused = True
        try:
            yield
        finally:
            with self._board:
                self._paused = False

    def _work(self) -> None:
        while not self._stopped.is_set():
            with self._board.bell:
                self._board.bell.wait(_LOOK_SECONDS)
            try:
                self._look()
            except Exception:  # noqa: BLE001 - the outermost loop: one bad look must not end the scheduler
                _log.exception("the ECS scheduler stumbled")

    def _look(self) -> None:
        with self._board:
            for scope, key, service in () if self._paused else services():
                with scope.entered():
                    self._look_at(key, service)

    def _look_at(self, key: str, service: Record) -> None:
        if service["status"] == "DRAINING" and not _alive(service):
            service["status"] = "INACTIVE"
        if service["status"] == "ACTIVE":
            for _ in range(_ROUNDS):
                self.take_stock(service)
                actions = rollout.decide(self.seen(service))
                if not actions:
                    break
                for action in actions:
                    self.do(key, service, action)
        self._count(service)

    def take_stock(self, service: Record) -> None:
        """Count failures and recoveries since the last look, and how many tasks run."""
        for task in tasks_of(service):
            # Counted once its end is decided, so that no replacement starts before the breaker has seen it.
            if task["desiredStatus"] == "STOPPED" and not task.get("_counted"):
                task["_counted"] = True
                if task.get("_failed"):
                    self._failed(service, task)
            if self._is_healthy(task) and not task.get("_was_healthy"):
                task["_was_healthy"] = True
                self._recovered(service, task)
        self._count(service)

    def _failed(self, service: Record, task: Record) -> None:
        service["_failures"] = service.get("_failures", 0) + 1
        service["_hold_until"] = now() + rollout.pause(
            service["_failures"], self._pace.restart, self._pace.restart_most
        )
        deployment = _deployment(service, task.get("_deployment_id"))
        if deployment and deployment["rolloutState"] == Rollout.IN_PROGRESS:
            deployment.update(failedTasks=deployment["failedTasks"] + 1, updatedAt=now())
        if service["_failures"] == _LIMPING:
            say(service, "is unable to consistently start tasks successfully.")

    def _recovered(self, service: Record, task: Record) -> None:
        service["_failures"] = 0
        breaker = service["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
        deployment = _deployment(service, task.get("_deployment_id"))
        if deployment and breaker.get("resetOnHealthyTask", True):
            deployment["failedTasks"] = 0

    def _count(self, service: Record) -> None:
        tasks = tasks_of(service)
        alive = [each for each in tasks if each["lastStatus"] != "STOPPED"]
        for deployment in service["deployments"]:
            own = [each for each in alive if each.get("_deployment_id") == deployment["id"]]
            deployment["runningCount"] = sum(_runs(each) for each in own)
            deployment["pendingCount"] = sum(_starts(each) for each in own)
        service["runningCount"] = sum(_runs(each) for each in alive)
        service["pendingCount"] = sum(_starts(each) for each in alive)
        self._note_steadiness(service)
        history.watched(service, service["deployments"][0], tasks)
        ecs._recount_cluster(ecs._cluster_name_from_arn(service["clusterArn"]))

    def _note_steadiness(self, service: Record) -> None:
        primary = service["deployments"][0]
        if service["status"] == "ACTIVE" and rollout.is_steady(self.seen(service)):
            primary.setdefault("_steady_since", now())
        else:
            primary.pop("_steady_since", None)
            service["_told_steady"] = False
        if primary["rolloutState"] == Rollout.COMPLETED and "_steady_since" in primary and not service["_told_steady"]:
            service["_told_steady"] = True
            say(service, "has reached a steady state.")

    def seen(self, service: Record) -> rollout.Service:
        """The service as the pure rules see it."""
        configuration = service["deploymentConfiguration"]
        breaker = configuration.get("deploymentCircuitBreaker") or {}
        return rollout.Service(
            desired=service["desiredCount"],
            minimum_percent=int(configuration.get("minimumHealthyPercent", 100)),
            maximum_percent=int(configuration.get("maximumPercent", 200)),
            deployments=tuple(_seen_deployment(each) for each in service["deployments"]),
            tasks=tuple(self._seen_task(each) for each in _alive(service)),
            breaker=Breaker(
                enabled=bool(breaker.get("enable")),
                rollback=bool(breaker.get("rollback")),
                threshold=rollout.threshold(service["desiredCount"], breaker),
            ),
            alarms=self._seen_alarms(service),
            hold=now() < service.get("_hold_until", 0),
        )

    def _seen_task(self, task: Record) -> Task:
        return Task(
            arn=task["taskArn"],
            deployment=task.get("_deployment_id") or "",
            order=task["createdAt"],
            healthy=self._is_healthy(task),
            unhealthy=task["healthStatus"] == "UNHEALTHY" and task["lastStatus"] == "RUNNING",
            stopping=task["desiredStatus"] == "STOPPED",
        )

    def _is_healthy(self, task: Record) -> bool:
        if task["lastStatus"] != "RUNNING":
            return False
        if task.get("_checked"):
            return bool(task["healthStatus"] == "HEALTHY")
        return bool(now() - task["startedAt"] >= self._pace.steady)

    def _seen_alarms(self, service: Record) -> Alarms:
        configuration = service["deploymentConfiguration"].get("alarms") or {}
        ignored = service["deployments"][0].get("_alarms_ignored", False)
        return Alarms(
            enabled=bool(configuration.get("enable")),
            rollback=bool(configuration.get("rollback")),
            fired=not ignored and bool(fired_alarms(service)),
            bake=self._pace.bake,
        )

    def do(self, key: str, service: Record, action: Action) -> None:
        """Carry one action out, and say it as ECS says it in the service's events."""
        if isinstance(action, Start):
            self._start(key, service, action)
        elif isinstance(action, Stop):
            self._stop(service, action)
        elif isinstance(action, Complete):
            _complete(service, action)
        else:
            _fail(service, action)

    def stop_all(self, service: Record) -> None:
        """End every task of a service that is being deleted."""
        reason = f"Scaling activity initiated by (deployment {service['deployments'][0]['id']})"
        for task in _alive(service):
            self._tasks.stop(task["taskArn"], "ServiceSchedulerInitiated", reason)

    def _start(self, key: str, service: Record, action: Start) -> None:
        deployment = _deployment(service, action.deployment) or {}
        definition = ecs._task_defs[ecs._resolve_td_key(deployment["taskDefinition"])]
        request = Request(
            cluster=key.split("/", 1)[0],
            definition=definition,
            launch_type=ecs._task_capacity(service.get("launchType"), service.get("capacityProviderStrategy"))[0],
            group=f"service:{service['serviceName']}",
            started_by=action.deployment,
            deployment=action.deployment,
            network=service.get("networkConfiguration") or {},
            tags=tuple(_propagated(service, definition)),
            execute_command=bool(service.get("enableExecuteCommand")),
        )
        arns = [self._tasks.start(request)["taskArn"] for _ in range(action.count)]
        say(service, f"has started {action.count} tasks: {_listed(arns)}.")

    def _stop(self, service: Record, action: Stop) -> None:
        sick = "Task failed container health checks"
        reason = (
            sick
            if action.unhealthy
            else f"Scaling activity initiated by (deployment {service['deployments'][0]['id']})"
        )
        for arn in action.tasks:
            if action.unhealthy:
                say(service, f"{_listed([arn])} failed container health checks.")
            self._tasks.stop(arn, "ServiceSchedulerInitiated", reason, failed=action.unhealthy)
        say(service, f"has stopped {len(action.tasks)} running tasks: {_listed(action.tasks)}.")


def _complete(service: Record, action: Complete) -> None:
    primary = service["deployments"][0]
    reason = f"ECS deployment {action.deployment} completed."
    primary.update(rolloutState=Rollout.COMPLETED, rolloutStateReason=reason, updatedAt=now())
    service["deployments"] = [primary]
    history.completed(service, primary)
    say(service, f"(deployment {action.deployment}) deployment completed.")


def _fail(service: Record, action: Fail) -> None:
    failed = service["deployments"][0]
    words = "circuit breaker: " if action.cause is Cause.TASKS else "failed: "
    failed.update(
        rolloutState=Rollout.FAILED, rolloutStateReason=f"ECS deployment {words}{action.cause}", desiredCount=0
    )
    say(service, f"(deployment {failed['id']}) deployment failed: {action.cause}")
    back = _deployment(service, action.back_to)
    history.failed(service, failed, action.cause, back, fired_alarms(service))
    if back is not None:
        _roll_back(service, failed, back, words)


def _roll_back(service: Record, failed: Record, back: Record, words: str) -> None:
    failed["status"] = "ACTIVE"
    reason = f"ECS deployment {words}rolling back to deploymentId {back['id']}."
    back.update(status="PRIMARY", rolloutState=Rollout.IN_PROGRESS, rolloutStateReason=reason, updatedAt=now())
    # Failures of another deployment, and alarms it raised, must not fail the way back.
    back.update(desiredCount=service["desiredCount"], failedTasks=0, _alarms_ignored=True)
    others = [each for each in service["deployments"] if each is not back]
    service.update(deployments=[back, *others], taskDefinition=back["taskDefinition"], _hold_until=0, _failures=0)
    service["networkConfiguration"] = back["_network"]
    say(service, f"rolling back to deployment {back['id']}.")


def fired_alarms(service: Record) -> list[str]:
    """The deployment alarms of the service that are in ALARM now."""
    names = (service["deploymentConfiguration"].get("alarms") or {}).get("alarmNames") or ()
    known = ((name, cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)) for name in names)
    return [name for name, alarm in known if alarm and alarm["StateValue"] == "ALARM"]


def say(service: Record, words: str) -> None:
    """One more event of the service, the newest first."""
    event = {"id": str(uuid4()), "createdAt": now(), "message": f"(service {service['serviceName']}) {words}"}
    service["events"] = [event, *service["events"]][:_EVENTS_KEPT]


def _deployment(service: Record, identity: str | None) -> Record | None:
    return next((each for each in service["deployments"] if each["id"] == identity), None)


def _seen_deployment(row: Record) -> Deployment:
    since = row.get("_steady_since")
    return Deployment(
        id=row["id"],
        state=Rollout(row["rolloutState"]),
        primary=row["status"] == "PRIMARY",
        failed=row["failedTasks"],
        steady_for=None if since is None else now() - since,
    )


def _alive(service: Record) -> list[Record]:
    return [each for each in tasks_of(service) if each["lastStatus"] != "STOPPED"]


def _runs(task: Record) -> bool:
    return bool(task["lastStatus"] == "RUNNING")


def _starts(task: Record) -> bool:
    return task["lastStatus"] in ("PROVISIONING", "PENDING", "ACTIVATING")


def _propagated(service: Record, definition: Record) -> list[Record]:
    source = {"SERVICE": service["serviceArn"], "TASK_DEFINITION": definition["taskDefinitionArn"]}
    tags: list[Record] = ecs._tags.get(source.get(service.get("propagateTags", "NONE"), ""), [])
    return tags


def _listed(arns: list[str] | tuple[str, ...]) -> str:
    return " ".join(f"(task {arn.rsplit('/', 1)[-1]})" for arn in arns)
