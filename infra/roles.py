"""The two roles of a service's tasks: one to start with, one to work with. Neither reaches another service's things."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from contract.names import account_partition
from infra.acknowledged import acknowledge
from infra.declared import Declared


@dataclass(frozen=True, slots=True)
class TaskRoles:
    """Execution: pulls the image, reads the secrets, writes the log. Task: what the program itself may do."""

    execution: iam.Role
    task: iam.Role

    def both(self) -> tuple[iam.IRole, iam.IRole]:
        """The only roles that whoever starts the task may pass."""
        return self.execution, self.task


def task_roles(scope: Construct, *, declared: Declared, service: str, control_table: dynamodb.ITable) -> TaskRoles:
    """The roles of one service. What the execution role reads is granted where the container is described."""
    execution = iam.Role(scope, "ExecutionRole", assumed_by=_tasks(scope), description=f"Starts tasks of {service}")
    task = iam.Role(scope, "TaskRole", assumed_by=_tasks(scope), description=f"Is {service} while it runs")
    acknowledge(
        execution, "IAM5[Resource::*]", "The registry's login knows no resource; only one repository is granted"
    )
    task.add_to_policy(_own_partitions(declared.services[service].accounts, control_table))
    task.add_to_policy(_schema_head(scope, declared))
    return TaskRoles(execution, task)


def _tasks(scope: Construct) -> iam.ServicePrincipal:
    """ECS, on behalf of this AWS account and of no other."""
    stack = Stack.of(scope)
    conditions: Mapping[str, Mapping[str, str]] = {
        "StringEquals": {"aws:SourceAccount": stack.account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{stack.region}:{stack.account}:*"},
    }
    return iam.ServicePrincipal("ecs-tasks.amazonaws.com", conditions=conditions)


def _own_partitions(accounts: tuple[str, ...], control_table: dynamodb.ITable) -> iam.PolicyStatement:
    """Trading state and requests of the service's accounts; neither the deploy lock nor another account's."""
    return iam.PolicyStatement(
        sid="OwnPartitions",
        actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        resources=[control_table.table_arn],
        conditions={
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [account_partition(each) for each in accounts]}
        },
    )


def _schema_head(scope: Construct, declared: Declared) -> iam.PolicyStatement:
    """`migrate` is a one-off task of a service and publishes where it left the schema."""
    name = declared.names.schema_head
    return iam.PolicyStatement(
        sid="SchemaHead",
        actions=["ssm:PutParameter"],
        resources=[
            Stack.of(scope).format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/"))
        ],
    )
