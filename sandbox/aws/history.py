"""Service deployments and service revisions: what happened to a service, as ECS tells it afterwards.

They are kept in the service's record under names of our own. A superseded deployment ends STOPPED.
"""
# ruff: noqa: SLF001 - it works on private stores of one exact version of ministack, guarded by sandbox.aws.fits

from collections.abc import Iterable
from secrets import randbelow, token_hex

from sandbox.aws.answers import RefusedError, Response, ok
from sandbox.aws.board import Record, now, services
from sandbox.aws.rollout import Cause, threshold
from sandbox.aws.tasks import cluster_named
from sandbox.aws.upstream import ecs

RUNNING = ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
_BRIEF = ("serviceDeploymentArn", "serviceArn", "clusterArn", "startedAt", "createdAt", "finishedAt", "status")


def begun(service: Record, deployment: Record) -> None:
    """A deployment started; whatever still ran is superseded."""
    for each in _running(service):
        _finish(each, "STOPPED", f"Superseded by deployment {deployment['id']}.")
    revision = _revision(service, deployment)
    source = service.get("_current_revision")
    row = {
        "serviceDeploymentArn": _arn(service, "service-deployment", token_hex(11)[:21]),
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": now(),
        "startedAt": now(),
        "updatedAt": now(),
        "sourceServiceRevisions": [{"arn": source, "requestedTaskCount": service["desiredCount"]}] if source else [],
        "targetServiceRevision": {"arn": revision["serviceRevisionArn"], "requestedTaskCount": service["desiredCount"]},
        "status": "IN_PROGRESS",
        "deploymentConfiguration": service["deploymentConfiguration"],
    }
    service.setdefault("_history", []).insert(0, row)
    deployment.update(_service_deployment=row["serviceDeploymentArn"], _revision=revision["serviceRevisionArn"])
    service.update(
        currentServiceDeployment=row["serviceDeploymentArn"], _current_revision=row["targetServiceRevision"]["arn"]
    )


def watched(service: Record, deployment: Record, tasks: Iterable[Record]) -> None:
    """Copy what is known by now: counts, digests, failures."""
    revision = _find(service.get("_revisions", ()), "serviceRevisionArn", deployment.get("_revision"))
    for row in revision["containerImages"] if revision else ():
        digests = (
            _digest(task, row["containerName"]) for task in tasks if task.get("_deployment_id") == deployment["id"]
        )
        row["imageDigest"] = row.get("imageDigest") or next(filter(None, digests), None)
    for each in _running(service):
        counts = {"runningTaskCount": deployment["runningCount"], "pendingTaskCount": deployment["pendingCount"]}
        if each["serviceDeploymentArn"] == deployment.get("_service_deployment"):
            each["targetServiceRevision"].update(counts)
            each["deploymentCircuitBreaker"] = _breaker(service, deployment)
    service["currentServiceRevisions"] = [
        {
            "arn": each["_revision"],
            "requestedTaskCount": each["desiredCount"],
            "runningTaskCount": each["runningCount"],
            "pendingTaskCount": each["pendingCount"],
        }
        for each in service["deployments"]
        if each.get("_revision")
    ]


def completed(service: Record, deployment: Record) -> None:
    """The deployment, or the rollback to it, is done."""
    for each in _running(service):
        if each["status"] == "ROLLBACK_IN_PROGRESS":
            _finish(each, "ROLLBACK_SUCCESSFUL", each.get("statusReason", ""))
        else:
            _finish(each, "SUCCESSFUL", "")
            each["deploymentCircuitBreaker"] = _breaker(service, deployment)
    service["_current_revision"] = deployment.get("_revision")


def failed(service: Record, deployment: Record, cause: Cause, back_to: Record | None, fired: Iterable[str]) -> None:
    """The deployment failed; with `back_to` its rollback starts."""
    for each in _running(service):
        each["deploymentCircuitBreaker"] = _breaker(service, deployment) | (
            {"status": "TRIGGERED"} if cause is Cause.TASKS else {}
        )
        if cause is Cause.ALARM:
            names = (service["deploymentConfiguration"].get("alarms") or {}).get("alarmNames", [])
            each["alarms"] = {"status": "TRIGGERED", "alarmNames": names, "triggeredAlarmNames": list(fired)}
        if back_to is None:
            _finish(each, "STOPPED", _reason(cause))
        else:
            rollback = {"reason": _reason(cause), "startedAt": now(), "serviceRevisionArn": back_to.get("_revision")}
            each.update(status="ROLLBACK_IN_PROGRESS", statusReason=_reason(cause), rollback=rollback, updatedAt=now())


def list_deployments(data: Record) -> Response:
    """ListServiceDeployments: newest first, by status when asked."""
    service = _service(data)
    wanted = data.get("status")
    rows = [each for each in service.get("_history", ()) if not wanted or each["status"] in wanted]
    return ok({"serviceDeployments": [_brief(each) for each in rows]})


def describe_deployments(data: Record) -> Response:
    """DescribeServiceDeployments."""
    known = {each["serviceDeploymentArn"]: each for _, _, service in services() for each in service.get("_history", ())}
    return _found(data.get("serviceDeploymentArns", ()), known, "serviceDeployments")


def describe_revisions(data: Record) -> Response:
    """DescribeServiceRevisions."""
    known = {each["serviceRevisionArn"]: each for _, _, service in services() for each in service.get("_revisions", ())}
    return _found(data.get("serviceRevisionArns", ()), known, "serviceRevisions")


def in_flight(arn: str) -> Record:
    """The service whose deployment of that ARN still runs.

    Raises:
        RefusedError: there is no such deployment, or it is over.
    """
    for _, _, service in services():
        row = _find(service.get("_history", ()), "serviceDeploymentArn", arn)
        if row and row["status"] in ("PENDING", "IN_PROGRESS"):
            return service
        if row:
            raise RefusedError("ConflictException", f"Service deployment is {row['status']} and cannot be stopped.")
    raise RefusedError("ServiceDeploymentNotFoundException", "Service deployment not found.")


def _found(arns: Iterable[str], known: dict[str, Record], name: str) -> Response:
    missing = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
    return ok({name: [known[arn] for arn in arns if arn in known], "failures": missing})


def _service(data: Record) -> Record:
    name = (ecs._resolve_service_ref(data.get("service", "")) or ("",))[0]
    service: Record | None = ecs._services.get(f"{cluster_named(data)}/{name}")
    if service is None:
        raise RefusedError("ServiceNotFoundException", "Service not found.")
    return service


def _revision(service: Record, deployment: Record) -> Record:
    definition = ecs._task_defs.get(ecs._resolve_td_key(deployment["taskDefinition"])) or {}
    row = {
        "serviceRevisionArn": _arn(service, "service-revision", str(10**18 + randbelow(9 * 10**18))),
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "taskDefinition": deployment["taskDefinition"],
        "launchType": deployment.get("launchType"),
        "networkConfiguration": service.get("networkConfiguration"),
        "containerImages": [
            {"containerName": each["name"], "image": each["image"]}
            for each in definition.get("containerDefinitions", ())
        ],
        "createdAt": now(),
    }
    service.setdefault("_revisions", []).insert(0, row)
    return row


def _digest(task: Record, container: str) -> str | None:
    row = _find(task["containers"], "name", container)
    return row.get("imageDigest") if row else None


def _breaker(service: Record, deployment: Record) -> Record:
    breaker = service["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
    if not breaker.get("enable"):
        return {"status": "DISABLED", "failureCount": deployment["failedTasks"], "threshold": 0}
    over = deployment["rolloutState"] != "IN_PROGRESS"
    return {
        "status": "MONITORING_COMPLETE" if over else "MONITORING",
        "failureCount": deployment["failedTasks"],
        "threshold": threshold(service["desiredCount"], breaker),
    }


def _brief(row: Record) -> Record:
    brief = {name: row.get(name) for name in (*_BRIEF, "statusReason")}
    return brief | {"targetServiceRevisionArn": row["targetServiceRevision"]["arn"]}


def _running(service: Record) -> list[Record]:
    return [each for each in service.get("_history", ()) if each["status"] in RUNNING]


def _finish(row: Record, status: str, reason: str) -> None:
    row.update(status=status, statusReason=reason or None, finishedAt=now(), updatedAt=now())


def _reason(cause: Cause) -> str:
    words = {
        Cause.TASKS: "Service deployment rolled back because the circuit breaker threshold was exceeded.",
        Cause.ALARM: "Service deployment rolled back because of an alarm.",
        Cause.ASKED: "Service deployment rolled back because of a user request.",
    }
    return words[cause]


def _find(rows: Iterable[Record], name: str, value: object) -> Record | None:
    return next((each for each in rows if each.get(name) == value), None)


def _arn(service: Record, kind: str, identity: str) -> str:
    place, _, rest = str(service["serviceArn"]).partition(":service/")
    return f"{place}:{kind}/{rest}/{identity}"
