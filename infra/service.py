"""One service: its template task definition, its roles, and the ECS service that runs what `ops` has released."""

from aws_cdk import CfnCondition, CfnParameter, Fn, Token
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from contract.names import NOT_RELEASED
from infra.declared import Declared
from infra.foundation import Ground
from infra.registry import Registry
from infra.roles import task_roles
from infra.template import template

FAILURES_TOLERATED = 2
"""Tasks that may fail before a deployment does. ECS's own default is 3 for a single task."""


class Service(Construct):
    """A service. CDK owns the template and never a running revision; which one runs is told by a parameter."""

    def __init__(
        self, scope: Construct, id_: str, *, declared: Declared, name: str, ground: Ground, registry: Registry
    ) -> None:
        super().__init__(scope, id_)
        self.name = name
        self.declared = declared
        self.roles = task_roles(self, declared=declared, service=name, control_table=registry.control_table)
        self.template = template(
            self, declared=declared, service=name, roles=self.roles, ground=ground, registry=registry
        )
        self.running = CfnParameter(
            self,
            "Running",
            type="AWS::SSM::Parameter::Value<String>",
            default=declared.names.running(name),
            description=f"Revision that {name} runs; written by ops, never here",
        )
        self.released = CfnCondition(
            self,
            "Released",
            expression=Fn.condition_not(Fn.condition_equals(self.running.value_as_string, NOT_RELEASED)),
        )

    def run(self, *, ground: Ground, deployment_alarms: tuple[str, ...]) -> ecs.FargateService:
        """The ECS service: before the first release it is there and runs nothing."""
        service = ecs.FargateService(
            self,
            "Service",
            service_name=self.declared.names.service(self.name),
            cluster=ground.cluster,
            task_definition=self.template,
            vpc_subnets=ground.network.subnets,
            assign_public_ip=ground.network.public_ip,
            security_groups=[ground.network.tasks],
            # The new task starts beside the old one and stands by for its lease, so trading never pauses.
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=list(deployment_alarms), behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            # Rebalancing starts a second task at a time nobody chose.
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.DISABLED,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.TASK_DEFINITION,
            platform_version=ecs.FargatePlatformVersion.LATEST,
        )
        # The library waits for the task role's policy only; without the other one no task starts.
        service.node.add_dependency(self.roles.execution)
        self._run_what_is_released(service)
        return service

    def _run_what_is_released(self, service: ecs.FargateService) -> None:
        """What the L2 cannot say: revision and count by the parameter, and a breaker that trips early."""
        resource = service.node.default_child
        if not isinstance(resource, ecs.CfnService):
            raise TypeError("the library's FargateService no longer makes a CfnService")
        released = self.released.logical_id
        resource.task_definition = Token.as_string(
            Fn.condition_if(released, self.running.value_as_string, self.template.task_definition_arn)
        )
        resource.desired_count = Token.as_number(Fn.condition_if(released, 1, 0))
        breaker = "DeploymentConfiguration.DeploymentCircuitBreaker"
        resource.add_property_override(f"{breaker}.ThresholdConfiguration.Type", "COUNT")
        resource.add_property_override(f"{breaker}.ThresholdConfiguration.Value", FAILURES_TOLERATED)
        # A task that lives for a minute and dies, again and again, must count as failing.
        resource.add_property_override(f"{breaker}.ResetOnHealthyTask", value=False)
