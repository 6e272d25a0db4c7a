"""Looking at what a release stands on: every question at the same time, and one that is refused stops no other."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ops.aws.ecr import repository_call
from ops.aws.ecs import list_services_call
from ops.aws.identity import IDENTITY
from ops.aws.session import FORBIDDEN, Aws, AwsError, Call
from ops.core.surroundings import Refusal, Repository, Sought, Surroundings

T = TypeVar("T")
_AT_ONCE = 8


def cluster_call(name: str) -> Call:
    """Asks for a cluster."""
    return Call("ecs", "DescribeClusters", {"clusters": [name]})


def lifecycle_call(repository: str) -> Call:
    """Asks which images of a repository go, and when."""
    return Call("ecr", "GetLifecyclePolicy", {"repositoryName": repository})


def role_call(arn: str) -> Call:
    """Asks for a role."""
    return Call("iam", "GetRole", {"RoleName": arn.rpartition("/")[2]})


def subnets_call(ids: Iterable[str]) -> Call:
    """Asks for subnets; those that are not there are left out."""
    return Call("ec2", "DescribeSubnets", {"Filters": [{"Name": "subnet-id", "Values": list(ids)}]})


def security_groups_call(ids: Iterable[str]) -> Call:
    """Asks for security groups; those that are not there are left out."""
    return Call("ec2", "DescribeSecurityGroups", {"Filters": [{"Name": "group-id", "Values": list(ids)}]})


def log_groups_call(prefix: str) -> Call:
    """Asks for the log groups whose names begin so."""
    return Call("logs", "DescribeLogGroups", {"logGroupNamePrefix": prefix})


def alarms_call(names: Iterable[str]) -> Call:
    """Asks which of the alarms ring."""
    return Call("cloudwatch", "DescribeAlarms", {"AlarmNames": list(names), "StateValue": "ALARM"})


class AwsSurroundings:
    """The release engine's `ops.world.Estate`."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def look(self, wanted: Sought) -> Surroundings:
        """Everything that is sought, as it is now."""
        questions: dict[str, Callable[[Sought], Any]] = {
            "account": lambda _: str(self._aws.ask(IDENTITY)["Account"]),
            "cluster": self._cluster,
            "services": self._services,
            "repository": self._repository,
            "log_groups": self._log_groups,
            "roles": self._roles,
            "subnets": self._subnets,
            "security_groups": self._security_groups,
            "ringing": self._ringing,
        }
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            asked = {name: pool.submit(_answered, ask, wanted) for name, ask in questions.items()}
            answers = {name: each.result() for name, each in asked.items()}
        refused = tuple(each for each in answers.values() if isinstance(each, Refusal))
        known = {name: each for name, each in answers.items() if not isinstance(each, Refusal)}
        there = known.get("repository")
        known["repository_there"] = there is not None if "repository" in known else None
        return Surroundings(**known, refused=refused)

    def _cluster(self, wanted: Sought) -> bool:
        found = self._aws.ask(cluster_call(wanted.cluster))["clusters"]
        return any(each.get("status") == "ACTIVE" for each in found)

    def _services(self, wanted: Sought) -> tuple[str, ...]:
        try:
            pages = list(self._aws.pages(list_services_call(wanted.cluster)))
        except AwsError as error:
            if error.code != "ClusterNotFoundException":
                raise
            return ()
        return tuple(str(arn).rpartition("/")[2] for page in pages for arn in page["serviceArns"])

    def _repository(self, wanted: Sought) -> Repository | None:
        try:
            found = self._aws.ask(repository_call(wanted.repository))["repositories"][0]
        except AwsError as error:
            if error.code != "RepositoryNotFoundException":
                raise
            return None
        return Repository(
            immutable=str(found.get("imageTagMutability", "")).startswith("IMMUTABLE"),
            scans=bool(found.get("imageScanningConfiguration", {}).get("scanOnPush")),
            rules=self._lifecycle(wanted.repository),
        )

    def _lifecycle(self, repository: str) -> list[Mapping[str, Any]] | None:
        try:
            text = self._aws.ask(lifecycle_call(repository))["lifecyclePolicyText"]
        except AwsError as error:
            if error.code != "LifecyclePolicyNotFoundException":
                raise
            return None
        rules: list[Mapping[str, Any]] = json.loads(text)["rules"]
        return rules

    def _log_groups(self, wanted: Sought) -> dict[str, int | None]:
        found = [self._aws.pages(log_groups_call(name)) for name in wanted.log_groups]
        groups = [group for pages in found for page in pages for group in page["logGroups"]]
        return {each["logGroupName"]: each.get("retentionInDays") for each in groups}

    def _roles(self, wanted: Sought) -> frozenset[str]:
        return frozenset(arn for arn in wanted.roles if self._has_role(arn))

    def _has_role(self, arn: str) -> bool:
        try:
            self._aws.ask(role_call(arn))
        except AwsError as error:
            if error.code != "NoSuchEntity":
                raise
            return False
        return True

    def _subnets(self, wanted: Sought) -> frozenset[str]:
        if not wanted.subnets:
            return frozenset()
        return frozenset(each["SubnetId"] for each in self._aws.ask(subnets_call(wanted.subnets))["Subnets"])

    def _security_groups(self, wanted: Sought) -> frozenset[str]:
        if not wanted.security_groups:
            return frozenset()
        found = self._aws.ask(security_groups_call(wanted.security_groups))["SecurityGroups"]
        return frozenset(each["GroupId"] for each in found)

    def _ringing(self, wanted: Sought) -> tuple[str, ...]:
        if not wanted.alarms:
            return ()
        pages = self._aws.pages(alarms_call(wanted.alarms), token="NextToken")  # noqa: S106 - a field's name
        return tuple(each["AlarmName"] for page in pages for each in page["MetricAlarms"])


def _answered(ask: Callable[[Sought], T], wanted: Sought) -> T | Refusal:
    """The answer; or that whoever asks may not ask, which is no answer of either kind."""
    try:
        return ask(wanted)
    except AwsError as error:
        if error.code not in FORBIDDEN:
            raise
        return Refusal(question=str(error.call), why=error.message, fix=error.next_step)
