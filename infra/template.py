"""The template task definition of a service: all of a release but its image. It never runs itself."""

from math import ceil

from aws_cdk import Duration, RemovalPolicy, Size, Tags
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from contract.names import CONTAINER, ENTRY_POINT, IMAGE_USER, SCRATCH, UNRELEASED_TAG, TagKey
from contract.place import Architecture
from infra.acknowledged import acknowledge
from infra.declared import Declared
from infra.foundation import Ground
from infra.registry import Registry
from infra.roles import TaskRoles
from infra.variables import PASSWORD_KEY, Told, told

SCRATCH_VOLUME = "scratch"
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 5, 10
"""Seconds between two health checks. ECS allows no fewer than five."""
_GIVEN_UP_SECONDS = 30

_ARCHITECTURES = {
    Architecture.X86_64: ecs.CpuArchitecture.X86_64,
    Architecture.ARM64: ecs.CpuArchitecture.ARM64,
}


def template(
    scope: Construct, *, declared: Declared, service: str, roles: TaskRoles, ground: Ground, registry: Registry
) -> ecs.FargateTaskDefinition:
    """The template of the service, with its one container."""
    size = declared.services[service]
    definition = ecs.FargateTaskDefinition(
        scope,
        "Template",
        family=declared.names.template_family(service),
        cpu=size.cpu,
        memory_limit_mib=size.memory,
        execution_role=roles.execution,
        task_role=roles.task,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=_ARCHITECTURES[declared.place.architecture],
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
        volumes=[ecs.Volume(name=SCRATCH_VOLUME)],
    )
    # Otherwise CloudFormation deregisters a template as soon as there is a newer one, under whoever still reads it.
    definition.apply_removal_policy(RemovalPolicy.RETAIN)
    acknowledge(definition, "ECS2", "Settings are no secrets and belong to the release; secrets come from their store")
    Tags.of(definition).add(TagKey.SERVICE, service)
    _container(definition, declared, service, ground, registry)
    return definition


def _container(
    definition: ecs.FargateTaskDefinition, declared: Declared, service: str, ground: Ground, registry: Registry
) -> None:
    what = told(declared, service, ground.database)
    linux = ecs.LinuxParameters(definition, "Linux", init_process_enabled=True)
    linux.drop_capabilities(ecs.Capability.ALL)
    container = definition.add_container(
        CONTAINER,
        image=ecs.ContainerImage.from_ecr_repository(registry.repository, tag=UNRELEASED_TAG),
        # Here and not in the image alone: who may start a task may choose a command of ours, and no other program.
        entry_point=list(ENTRY_POINT),
        command=list(declared.services[service].command),
        environment=what.plain,
        secrets=_secrets(what, registry),
        user=IMAGE_USER,
        readonly_root_filesystem=True,
        privileged=False,
        linux_parameters=linux,
        stop_timeout=Duration.seconds(declared.services[service].stop_seconds),
        health_check=health_check(declared.services[service].heartbeat_seconds),
        logging=_log(declared, service, ground),
    )
    container.add_mount_points(ecs.MountPoint(source_volume=SCRATCH_VOLUME, container_path=SCRATCH, read_only=False))


def _secrets(what: Told, registry: Registry) -> dict[str, ecs.Secret]:
    """Read by ECS when a task starts, with the execution role; the program itself may read no secret."""
    database = ecs.Secret.from_secrets_manager(registry.database_secret, PASSWORD_KEY)
    brokers = {
        variable: ecs.Secret.from_secrets_manager(registry.broker_secrets[account])
        for account, variable in what.broker_secrets.items()
    }
    return {what.database_secret: database, **brokers}


def health_check(heartbeat_seconds: int) -> ecs.HealthCheck:
    """As often as it gives a sign of life, and every ten seconds at least: a new task counts once the first passed.

    However often it is asked, a task is given up after half a minute without a good answer, and no sooner.
    """
    interval = min(max(heartbeat_seconds, _SHORTEST_INTERVAL), _LONGEST_INTERVAL)
    return ecs.HealthCheck(
        command=["CMD", *ENTRY_POINT, "health"],
        interval=Duration.seconds(interval),
        timeout=Duration.seconds(5),
        retries=ceil(_GIVEN_UP_SECONDS / interval),
        start_period=Duration.seconds(60),
    )


def _log(declared: Declared, service: str, ground: Ground) -> ecs.LogDriver:
    """Lines wait in a buffer while the log service is slow. Blocking would lose none, and stop the trading."""
    return ecs.LogDriver.aws_logs(
        log_group=ground.log_groups[service],
        stream_prefix=declared.names.stream_prefix(service),
        mode=ecs.AwsLogDriverMode.NON_BLOCKING,
        max_buffer_size=Size.mebibytes(25),
    )
