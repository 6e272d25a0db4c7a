"""What `ops` does in an environment, as policy statements: one for each thing it touches, by name.

A `*` resource stands only where AWS knows no other for the action; each such statement reads, or is bounded by another.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from contract.names import Names

READS_OF_NO_RESOURCE = (
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ecs:DescribeTaskDefinition",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "events:ListRuleNamesByTarget",
    "events:ListRules",
    "events:ListTargetsByRule",
    "logs:DescribeLogGroups",
    "scheduler:GetSchedule",
    "scheduler:ListSchedules",
    "ssm:DescribeParameters",
)
"""Questions, some of them about things that others made: a forgotten second runner is found by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Everything the role may lay hands on."""

    names: Names
    partition: str
    region: str
    account: str
    services: tuple[str, ...]
    repository: str
    control_table: str
    secrets: tuple[str, ...]
    alerts: str
    task_roles: tuple[str, ...]
    starters: tuple[str, ...]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def revisions(self) -> list[str]:
        """Every revision of every service's family."""
        return [self.arn("ecs", f"task-definition/{self.names.family(each)}:*") for each in self.services]


def permissions(reach: Reach) -> Iterator[iam.PolicyStatement]:
    """All that the role may do, and the one thing that no later statement shall ever give it."""
    yield from _images(reach)
    yield from _revisions(reach)
    yield from _services_and_tasks(reach)
    yield from _records(reach)
    yield from _clock(reach)
    yield iam.PolicyStatement(sid="Ask", actions=list(READS_OF_NO_RESOURCE), resources=["*"])
    yield iam.PolicyStatement(
        sid="NoSecrets",
        effect=iam.Effect.DENY,
        actions=["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"],
        resources=["*"],
    )


def wildcards(reach: Reach) -> Iterator[tuple[str, str]]:
    """Every resource above that ends in a wildcard, and why it must."""
    yield "*", "Asking, logging in to the registry and registering know no resource; see each statement"
    for revision in reach.revisions():
        yield revision, "A release is a new revision of the family; the family is ours"
    for kind in ("service-deployment", "service-revision", "task"):
        yield reach.arn("ecs", f"{kind}/{reach.names.cluster}/*"), "AWS makes up their names; the cluster is ours"
    yield reach.arn("ecs", f"service/{reach.names.cluster}/*"), "A second runner may have any name, and is only read"
    yield reach.arn("ssm", f"parameter{reach.names.parameter_prefix}/*"), "All parameters under the prefix are ours"
    for service in reach.services:
        yield reach.arn("logs", f"log-group:{reach.names.log_group(service)}:*"), "The log streams of one group of ours"
    yield reach.arn("scheduler", f"schedule/{reach.names.schedule_group}/*"), "All schedules of the group are ours"


def _images(reach: Reach) -> Iterator[iam.PolicyStatement]:
    # The token opens the registry's door; what is behind it is bounded by the statement below.
    yield iam.PolicyStatement(sid="RegistryDoor", actions=["ecr:GetAuthorizationToken"], resources=["*"])
    yield iam.PolicyStatement(
        sid="Images",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeImageScanFindings",
            "ecr:DescribeImages",
            "ecr:DescribeRepositories",
            "ecr:GetDownloadUrlForLayer",
            "ecr:GetLifecyclePolicy",
            "ecr:InitiateLayerUpload",
            "ecr:ListImages",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
        resources=[reach.repository],
    )


def _revisions(reach: Reach) -> Iterator[iam.PolicyStatement]:
    # Registering knows no resource. What a revision can do is bounded by the roles that may be passed to it.
    yield iam.PolicyStatement(sid="Register", actions=["ecs:RegisterTaskDefinition"], resources=["*"])
    yield iam.PolicyStatement(sid="Label", actions=["ecs:TagResource"], resources=reach.revisions())
    yield iam.PolicyStatement(
        sid="PassTaskRoles",
        actions=["iam:PassRole"],
        resources=list(reach.task_roles),
        conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    )


def _services_and_tasks(reach: Reach) -> Iterator[iam.PolicyStatement]:
    cluster = reach.names.cluster
    services = [reach.arn("ecs", f"service/{cluster}/{reach.names.service(each)}") for each in reach.services]
    yield iam.PolicyStatement(
        sid="Services", actions=["ecs:ListServiceDeployments", "ecs:UpdateService"], resources=services
    )
    # A second service that does the work of ours may have any name.
    yield iam.PolicyStatement(
        sid="EveryService", actions=["ecs:DescribeServices"], resources=[reach.arn("ecs", f"service/{cluster}/*")]
    )
    yield iam.PolicyStatement(
        sid="Deployments",
        actions=["ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions", "ecs:StopServiceDeployment"],
        resources=[reach.arn("ecs", f"{kind}/{cluster}/*") for kind in ("service-deployment", "service-revision")],
    )
    yield iam.PolicyStatement(
        sid="OneOffTasks",
        actions=["ecs:RunTask"],
        resources=reach.revisions(),
        conditions={"ArnEquals": {"ecs:cluster": reach.arn("ecs", f"cluster/{cluster}")}},
    )
    yield iam.PolicyStatement(
        sid="Tasks", actions=["ecs:DescribeTasks", "ecs:StopTask"], resources=[reach.arn("ecs", f"task/{cluster}/*")]
    )
    yield iam.PolicyStatement(
        sid="Cluster", actions=["ecs:DescribeClusters"], resources=[reach.arn("ecs", f"cluster/{cluster}")]
    )


def _records(reach: Reach) -> Iterator[iam.PolicyStatement]:
    yield iam.PolicyStatement(
        sid="Parameters",
        actions=[
            "ssm:AddTagsToResource",
            "ssm:GetParameter",
            "ssm:GetParameters",
            "ssm:GetParametersByPath",
            "ssm:PutParameter",
        ],
        resources=[reach.arn("ssm", f"parameter{reach.names.parameter_prefix}/*")],
    )
    yield iam.PolicyStatement(
        sid="ControlTable",
        actions=[
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:DescribeTable",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ],
        resources=[reach.control_table],
    )
    groups = [reach.arn("logs", f"log-group:{reach.names.log_group(each)}:*") for each in reach.services]
    yield iam.PolicyStatement(
        sid="Logs",
        actions=["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartLiveTail"],
        resources=[*groups, *(each.removesuffix(":*") for each in groups)],
    )
    # Whether a secret is there and has a value, not which: a task without it would not start.
    yield iam.PolicyStatement(
        sid="SecretsAreThere", actions=["secretsmanager:DescribeSecret"], resources=list(reach.secrets)
    )
    # So that a role that is gone is found before a task fails to start with it.
    yield iam.PolicyStatement(sid="RolesAreThere", actions=["iam:GetRole"], resources=list(reach.task_roles))
    yield iam.PolicyStatement(sid="Tell", actions=["sns:Publish"], resources=[reach.alerts])


def _clock(reach: Reach) -> Iterator[iam.PolicyStatement]:
    if not reach.starters:
        return
    yield iam.PolicyStatement(
        sid="OwnSchedules",
        actions=["scheduler:UpdateSchedule"],
        resources=[reach.arn("scheduler", f"schedule/{reach.names.schedule_group}/*")],
    )
    yield iam.PolicyStatement(
        sid="PassStarters",
        actions=["iam:PassRole"],
        resources=list(reach.starters),
        conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    )
