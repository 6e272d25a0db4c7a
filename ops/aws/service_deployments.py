"""ECS's own history of a service's deployments: 90 days in AWS, none where an endpoint stands in for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ops.aws.session import Aws, AwsError, Call
from ops.core.seen import Past

_AT_ONCE = 20
"""How many deployments or revisions one request may name; the newest are what anybody asks for."""
_NOT_KEPT = {"ServiceNotFoundException", "ClusterNotFoundException", "UnsupportedFeatureException", "InvalidAction"}


def past_call(cluster: str, service: str, since: datetime) -> Call:
    """Asks for the service's deployments since then."""
    request = {"cluster": cluster, "service": service, "createdAt": {"after": since}, "maxResults": _AT_ONCE}
    return Call("ecs", "ListServiceDeployments", request)


def detail_call(arns: Sequence[str]) -> Call:
    """Asks for what became of them."""
    return Call("ecs", "DescribeServiceDeployments", {"serviceDeploymentArns": list(arns)})


def revisions_call(arns: Sequence[str]) -> Call:
    """Asks which task-definition revisions they were to run."""
    return Call("ecs", "DescribeServiceRevisions", {"serviceRevisionArns": list(arns)})


def past_of(aws: Aws, call: Call) -> tuple[Past, ...]:
    """The history, newest first; empty where none is kept."""
    try:
        arns = [each["serviceDeploymentArn"] for each in aws.ask(call).get("serviceDeployments", [])]
        if not arns:
            return ()
        described = aws.ask(detail_call(arns[:_AT_ONCE])).get("serviceDeployments", [])
        targets = list(dict.fromkeys(arn for each in described if (arn := _target(each))))
        revisions = aws.ask(revisions_call(targets[:_AT_ONCE])).get("serviceRevisions", []) if targets else []
    except AwsError as error:
        if error.code not in _NOT_KEPT:
            raise
        return ()
    runs = {each["serviceRevisionArn"]: each.get("taskDefinition", "") for each in revisions}
    newest_first = sorted(described, key=lambda each: str(each.get("createdAt", "")), reverse=True)
    return tuple(_past(each, runs) for each in newest_first)


def _target(described: Mapping[str, Any]) -> str:
    return str(described.get("targetServiceRevision", {}).get("arn", ""))


def _past(described: Mapping[str, Any], runs: Mapping[str, str]) -> Past:
    return Past(
        id=described["serviceDeploymentArn"],
        status=described.get("status", ""),
        revision=runs.get(_target(described), ""),
        reason=described.get("rollback", {}).get("reason", "") or described.get("statusReason", ""),
        alarms=tuple(described.get("alarms", {}).get("triggeredAlarmNames", [])),
        failures=described.get("deploymentCircuitBreaker", {}).get("failureCount", 0),
    )
