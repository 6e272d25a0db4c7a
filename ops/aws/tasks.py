"""Tasks: the requests about them, and how a described one reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from contract.names import CONTAINER
from ops.aws.session import Call
from ops.core.seen import Task


def list_call(cluster: str, family: str | None, *, stopped: bool) -> Call:
    """Asks for the tasks of a family, or of the cluster; those that are to run, or those that have stopped."""
    request = {"cluster": cluster, "desiredStatus": "STOPPED" if stopped else "RUNNING"}
    return Call("ecs", "ListTasks", request | ({"family": family} if family else {}))


def described_call(cluster: str, tasks: Sequence[str]) -> Call:
    """Asks for tasks, by id or ARN."""
    return Call("ecs", "DescribeTasks", {"cluster": cluster, "tasks": list(tasks)})


def run_call(
    cluster: str, revision: str, command: Sequence[str], *, network: Mapping[str, Any], by: str, token: str
) -> Call:
    """Starts one task of the revision with another command. The same token starts it once."""
    request: dict[str, Any] = {
        "cluster": cluster,
        "taskDefinition": revision,
        "launchType": "FARGATE",
        "count": 1,
        "startedBy": by,
        "clientToken": token,
        "overrides": {"containerOverrides": [{"name": CONTAINER, "command": list(command)}]},
    }
    if network:
        request["networkConfiguration"] = dict(network)
    return Call("ecs", "RunTask", request)


def task_of(described: Mapping[str, Any]) -> Task:
    """A described task as we see it."""
    container = _container(described)
    return Task(
        id=str(described["taskArn"]).rpartition("/")[2],
        revision=described.get("taskDefinitionArn", ""),
        group=described.get("group", ""),
        status=described.get("lastStatus", ""),
        started_by=described.get("startedBy", ""),
        digest=container.get("imageDigest"),
        stop_code=described.get("stopCode", ""),
        reason=_reason(described, container),
        exit_code=container.get("exitCode"),
        health=described.get("healthStatus", ""),
        created=described.get("createdAt"),
        stopped=described.get("stoppedAt"),
    )


def _container(described: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = described.get("containers", [])
    return next((each for each in containers if each.get("name") == CONTAINER), containers[0] if containers else {})


def _reason(described: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """What ECS says of the task and of its container, each once."""
    said = [described.get("stoppedReason", ""), container.get("reason", "")]
    return "; ".join(dict.fromkeys(each for each in said if each))
