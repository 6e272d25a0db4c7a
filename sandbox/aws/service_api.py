"""CreateService, UpdateService, DeleteService, DescribeServices and StopServiceDeployment."""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

from collections.abc import Callable, Iterator
from secrets import randbelow
from typing import Any

from sandbox.aws import fits, history, rollout
from sandbox.aws.answers import RefusedError, Response, ok
from sandbox.aws.board import Board, Record, Scope, now
from sandbox.aws.rollout import Cause, Rollout
from sandbox.aws.services import Services, fired_alarms
from sandbox.aws.tasks import answering, cluster_named, definition_named
from sandbox.aws.upstream import ecs

_CONFIGURATION = {
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
}
_NEW_DEPLOYMENT = ("networkConfiguration", "platformVersion", "loadBalancers", "capacityProviderStrategy")
"""What starts a deployment when it changes, besides the task definition."""
_KEPT = ("healthCheckGracePeriodSeconds", "enableExecuteCommand", "propagateTags", "enableECSManagedTags")


class ServiceApi:
    """The calls that make, change, end and show a service."""

    def __init__(self, services: Services, board: Board) -> None:
        self._services = services
        self._board = board

    def patches(self) -> Iterator[fits.Patch]:
        """Take over from ministack what a service is."""
        why = "deployments completed at once, and never as ECS tells it"
        calls: dict[str, Callable[[Record], Response]] = {
            "CreateService": self.create,
            "UpdateService": self.update,
            "DeleteService": self.delete,
        }
        for action, work in calls.items():
            name = "_" + action.replace("Service", "_service").lower()
            yield fits.function(ecs, name, self._answering(work), takes="(data)", why=why)
        calls |= {
            "DescribeServices": self.describe(),
            "ListServiceDeployments": history.list_deployments,
            "DescribeServiceDeployments": history.describe_deployments,
            "DescribeServiceRevisions": history.describe_revisions,
        }
        yield fits.entries(ecs, "_ACTION_MAP", {name: self._answering(work) for name, work in calls.items()}, why=why)
        stop = {"StopServiceDeployment": self._answering(self.stop_deployment)}
        yield fits.entries(ecs, "_ACTION_MAP", stop, why="was missing", known=False)

    def _answering(self, work: Callable[[Record], Response]) -> Callable[[Record], Response]:
        def with_lock(data: Record) -> Response:
            with self._board:
                return work(data)

        return answering(with_lock)

    def create(self, data: Record) -> Response:
        """Make a service; its first deployment begins."""
        cluster, name = cluster_named(data), data.get("serviceName") or ""
        if not name:
            raise RefusedError("InvalidParameterException", "Service name must be specified.")
        definition = definition_named(data.get("taskDefinition", ""))
        key = f"{cluster}/{name}"
        _refuse_existing(ecs._services.get(key))
        launch_type, strategy, error = ecs._launch_choice(data, ecs._clusters[cluster])
        if error:
            answer: Response = error
            return answer
        service = _record(data, cluster, definition["taskDefinitionArn"], launch_type, strategy)
        ecs._services[key] = service
        if service["tags"]:
            ecs._tags[service["serviceArn"]] = list(service["tags"])
        _begin_deployment(service)
        return ok({"service": dict(service)})

    def update(self, data: Record) -> Response:
        """Change a service. A deployment begins only when what runs would differ, or it is forced."""
        service = _service(data)
        if service["status"] != "ACTIVE":
            raise RefusedError("ServiceNotActiveException", "Service was not ACTIVE.")
        definition = definition_named(data["taskDefinition"]) if data.get("taskDefinition") else None
        before = {name: service.get(name) for name in ("taskDefinition", *_NEW_DEPLOYMENT)}
        _change(service, data, definition)
        after = {name: service.get(name) for name in before}
        if after != before or data.get("forceNewDeployment"):
            _begin_deployment(service)
        elif data.get("desiredCount") is not None:
            service["deployments"][0].update(desiredCount=service["desiredCount"], updatedAt=now())
        return ok({"service": dict(service)})

    def delete(self, data: Record) -> Response:
        """End a service: its tasks stop, then it is INACTIVE."""
        service = _service(data)
        if service["status"] == "INACTIVE":
            raise RefusedError("ServiceNotActiveException", "Service was not ACTIVE.")
        if service["desiredCount"] > 0 and not data.get("force"):
            words = "The service cannot be stopped while it is scaled above 0."
            raise RefusedError("InvalidParameterException", words)
        service.update(desiredCount=0, status="DRAINING")
        self._services.stop_all(service)
        return ok({"service": dict(service)})

    def describe(self) -> Callable[[Record], Response]:
        """The answer ministack has, read while nothing changes."""
        inner: Callable[[Record], Response] = ecs._describe_services
        return inner

    def stop_deployment(self, data: Record) -> Response:
        """Roll a running deployment back."""
        arn = data.get("serviceDeploymentArn", "")
        if data.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise RefusedError("UnsupportedFeatureException", "Only the stop type ROLLBACK is supported here.")
        service = history.in_flight(arn)
        failure = rollout.fail(self._services.seen(service), Cause.ASKED, rollback=True)
        if failure.back_to is None:
            words = "There is no completed deployment to roll back to."
            raise RefusedError("InvalidParameterException", words)
        self._services.do("", service, failure)
        return ok({"serviceDeploymentArn": arn})

    def settled(self, cluster: str, name: str, seconds: float) -> str | None:
        """Wait until a service's deployment is over; what went wrong, or None when it completed.

        For CloudFormation, which waits for the service it made or changed.
        """
        key = f"{ecs._resolve_cluster_name(cluster)}/{name}"
        wanted = ecs._services[key]["deployments"][0]["id"]
        scope = Scope.current()

        def outcome() -> str | None:
            with scope.entered():
                return _outcome(ecs._services.get(key), wanted)

        if not self._board.wait_for(lambda: outcome() is not None, seconds):
            return "Exceeded attempts to wait"
        return outcome() or None

    def ended(self, cluster: str, name: str, seconds: float) -> bool:
        """Wait until a deleted service is INACTIVE; whether it became so."""
        service = ecs._services.get(f"{ecs._resolve_cluster_name(cluster)}/{name}")
        return service is None or self._board.wait_for(lambda: bool(service["status"] == "INACTIVE"), seconds)


def _outcome(service: Record | None, wanted: str) -> str | None:
    """An empty text when it went well, what went wrong, None while it is not over."""
    if service is None:
        return "Service was deleted"
    primary = service["deployments"][0]
    if primary["id"] != wanted or primary["rolloutState"] == Rollout.FAILED:
        rows = (each for each in service["deployments"] if each["id"] == wanted)
        failed = next((each for each in rows if each["rolloutState"] == Rollout.FAILED), None)
        alarm = failed is not None and Cause.ALARM in failed["rolloutStateReason"]
        return "ECS Deployment Alarm was triggered" if alarm else "ECS Deployment Circuit Breaker was triggered"
    return "" if primary["rolloutState"] == Rollout.COMPLETED else None


def _change(service: Record, data: Record, definition: Record | None) -> None:
    if definition is not None:
        service["taskDefinition"] = definition["taskDefinitionArn"]
    if data.get("desiredCount") is not None:
        service["desiredCount"] = int(data["desiredCount"])
    for name in (*_NEW_DEPLOYMENT, *_KEPT):
        if name in data:
            service[name] = data[name]
    if "capacityProviderStrategy" in data:
        service["launchType"] = None if data["capacityProviderStrategy"] else service["launchType"] or "EC2"
    if data.get("deploymentConfiguration"):
        service["deploymentConfiguration"] |= data["deploymentConfiguration"]


def _begin_deployment(service: Record) -> None:
    """The newest deployment becomes PRIMARY; the one before goes on as ACTIVE until it is replaced."""
    for each in service["deployments"]:
        each["status"] = "ACTIVE"
    identity = f"ecs-svc/{randbelow(9 * 10**18) + 10**18}"
    deployment: dict[str, Any] = {
        "id": identity,
        "status": "PRIMARY",
        "taskDefinition": service["taskDefinition"],
        "desiredCount": service["desiredCount"],
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now(),
        "updatedAt": now(),
        "launchType": service.get("launchType"),
        "capacityProviderStrategy": service.get("capacityProviderStrategy"),
        "networkConfiguration": service.get("networkConfiguration") or None,
        "rolloutState": Rollout.IN_PROGRESS,
        "rolloutStateReason": f"ECS deployment {identity} in progress.",
        "_network": service.get("networkConfiguration"),
        # An alarm that fired before the deployment says nothing about it.
        "_alarms_ignored": bool(fired_alarms(service)),
    }
    service["deployments"] = [deployment, *service["deployments"]]
    service.update(_failures=0, _hold_until=0, _told_steady=False)
    history.begun(service, deployment)


def _record(data: Record, cluster: str, definition: str, launch_type: str | None, strategy: Any) -> Record:
    scope = Scope.current()
    name = data["serviceName"]
    return {
        "serviceArn": f"arn:aws:ecs:{scope.region}:{scope.account}:service/{cluster}/{name}",
        "serviceName": name,
        "clusterArn": ecs._clusters[cluster]["clusterArn"],
        "taskDefinition": definition,
        "desiredCount": int(data.get("desiredCount") or 0),
        "runningCount": 0,
        "pendingCount": 0,
        "status": "ACTIVE",
        "launchType": launch_type,
        "capacityProviderStrategy": strategy,
        "platformVersion": data.get("platformVersion") or ("LATEST" if launch_type == "FARGATE" else None),
        "networkConfiguration": data.get("networkConfiguration") or {},
        "loadBalancers": data.get("loadBalancers") or [],
        "serviceRegistries": data.get("serviceRegistries") or [],
        "healthCheckGracePeriodSeconds": data.get("healthCheckGracePeriodSeconds"),
        "schedulingStrategy": data.get("schedulingStrategy") or "REPLICA",
        "deploymentController": data.get("deploymentController") or {"type": "ECS"},
        "deploymentConfiguration": _CONFIGURATION | (data.get("deploymentConfiguration") or {}),
        "deployments": [],
        "events": [],
        "createdAt": now(),
        "createdBy": f"arn:aws:iam::{scope.account}:root",
        "enableECSManagedTags": bool(data.get("enableECSManagedTags")),
        "propagateTags": data.get("propagateTags") or "NONE",
        "enableExecuteCommand": bool(data.get("enableExecuteCommand")),
        "tags": data.get("tags") or [],
    }


def _refuse_existing(service: Record | None) -> None:
    if service and service["status"] == "ACTIVE":
        raise RefusedError("InvalidParameterException", "Creation of service was not idempotent.")
    if service and service["status"] == "DRAINING":
        raise RefusedError("InvalidParameterException", "Unable to Start a service that is still Draining.")


def _service(data: Record) -> Record:
    cluster = cluster_named(data)
    name, its_cluster = ecs._resolve_service_ref(data.get("service", "")) or ("", None)
    service: Record | None = ecs._services.get(f"{cluster}/{name}")
    if service is None or its_cluster not in {None, cluster}:
        raise RefusedError("ServiceNotFoundException", "Service not found.")
    return service
