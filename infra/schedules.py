"""What the clock starts: commands of the released image. A start that cannot happen now is dropped, not made up for."""

import json

from aws_cdk import CfnCondition, CfnParameter, Environment, Fn, Stack, Token
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from contract import workload
from contract.names import CONTAINER, NOT_RELEASED, StackRole
from contract.workload import ScheduleState
from infra.acknowledged import acknowledge, acknowledge_in_template
from infra.declared import Declared
from infra.foundation import Ground
from infra.service import Service
from infra.services import Services

OLDEST_START_SECONDS = 300
"""A start later than this is not wanted any more. The library's own target would try 185 times in a day."""


class Schedules(Stack):
    """The group, the dead-letter queue, a role for each service that is started by the clock, the schedules."""

    def __init__(
        self, scope: Construct, *, declared: Declared, ground: Ground, services: Services, env: Environment
    ) -> None:
        names = declared.names
        super().__init__(scope, names.stack(StackRole.SCHEDULES), env=env)
        group = scheduler.CfnScheduleGroup(self, "Group", name=names.schedule_group)
        dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=names.dead_letters,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        acknowledge(dead_letters, "SQS3", "It is itself the dead-letter queue, of the schedules")
        self.starters = {
            name: _starter(self, declared, services.by_name[name], ground.cluster, dead_letters)
            for name in sorted({each.service for each in declared.schedules.values()})
        }
        for name, what in declared.schedules.items():
            schedule = Schedule(
                self,
                name,
                declared=declared,
                what=what,
                ground=ground,
                starter=self.starters[what.service],
                dead_letters=dead_letters,
            )
            schedule.node.add_dependency(group)


class Schedule(Construct):
    """One schedule. Which revision it starts, and whether it fires, is told by parameters that `ops` writes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        declared: Declared,
        what: workload.Schedule,
        ground: Ground,
        starter: iam.Role,
        dead_letters: sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        revision = _parameter(self, "Revision", declared.names.schedule_revision(id_))
        state = _parameter(self, "State", declared.names.schedule_state(id_))
        acknowledge_in_template(self, "W3030", "It takes the parameter's name for its value, which is a state")
        released = CfnCondition(
            self, "Released", expression=Fn.condition_not(Fn.condition_equals(revision, NOT_RELEASED))
        ).logical_id
        scheduler.CfnSchedule(
            self,
            "Schedule",
            name=id_,
            group_name=declared.names.schedule_group,
            schedule_expression=what.expression,
            schedule_expression_timezone=what.time_zone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state=Token.as_string(Fn.condition_if(released, state, ScheduleState.DISABLED.value)),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=ground.cluster.cluster_arn,
                role_arn=starter.role_arn,
                ecs_parameters=_task(
                    Token.as_string(Fn.condition_if(released, revision, _placeholder(self, declared, what))), ground
                ),
                input=_command(what.command),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=0, maximum_event_age_in_seconds=OLDEST_START_SECONDS
                ),
            ),
        )


def _parameter(scope: Construct, id_: str, name: str) -> str:
    parameter = CfnParameter(scope, id_, type="AWS::SSM::Parameter::Value<String>", default=name)
    return parameter.value_as_string


def _placeholder(scope: Construct, declared: Declared, what: workload.Schedule) -> str:
    """What a schedule that does not fire yet names: the template's family.

    Not the template itself: a reference to it would be an export, and CloudFormation changes no export that is in use,
    so that no template could ever change again.
    """
    stack = Stack.of(scope)
    family = declared.names.template_family(what.service)
    return f"arn:aws:ecs:{stack.region}:{stack.account}:task-definition/{family}"


def _task(revision: str, ground: Ground) -> scheduler.CfnSchedule.EcsParametersProperty:
    subnets = ground.network.subnets.subnets or []
    return scheduler.CfnSchedule.EcsParametersProperty(
        task_definition_arn=revision,
        launch_type="FARGATE",
        task_count=1,
        network_configuration=scheduler.CfnSchedule.NetworkConfigurationProperty(
            awsvpc_configuration=scheduler.CfnSchedule.AwsVpcConfigurationProperty(
                subnets=[each.subnet_id for each in subnets],
                security_groups=[ground.network.tasks.security_group_id],
                assign_public_ip="ENABLED" if ground.network.public_ip else "DISABLED",
            )
        ),
    )


def _command(command: tuple[str, ...]) -> str:
    """Only what differs from the service: another command of the same entry point."""
    return json.dumps({"containerOverrides": [{"name": CONTAINER, "command": list(command)}]})


def _starter(
    scope: Construct, declared: Declared, service: Service, cluster: ecs.ICluster, dead_letters: sqs.Queue
) -> iam.Role:
    """May start any revision of the one family, whichever is released, in this cluster, with the family's two roles."""
    stack, names = Stack.of(scope), declared.names
    group = f"arn:aws:scheduler:{stack.region}:{stack.account}:schedule-group/{names.schedule_group}"
    role = iam.Role(
        scope,
        f"Starter-{service.name}",
        description=f"Starts tasks of {service.name} by the clock",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
        ),
    )
    family = f"arn:aws:ecs:{stack.region}:{stack.account}:task-definition/{names.family(service.name)}:*"
    role.add_to_policy(
        iam.PolicyStatement(
            sid="Start",
            actions=["ecs:RunTask"],
            resources=[family],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            sid="Pass",
            actions=["iam:PassRole"],
            resources=[each.role_arn for each in service.roles.both()],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
    )
    dead_letters.grant_send_messages(role)
    acknowledge(role, f"IAM5[Resource::{family}]", "A schedule starts the revision that is released, whichever that is")
    return role
