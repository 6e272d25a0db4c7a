"""The services, each an instance of one construct."""

from collections.abc import Mapping

from aws_cdk import Environment, Stack
from constructs import Construct

from contract.names import StackRole
from infra.declared import Declared
from infra.foundation import Ground
from infra.registry import Registry
from infra.service import Service


class Services(Stack):
    """What always runs."""

    def __init__(
        self,
        scope: Construct,
        *,
        declared: Declared,
        ground: Ground,
        registry: Registry,
        deployment_alarms: Mapping[str, tuple[str, ...]],
        env: Environment,
    ) -> None:
        super().__init__(scope, declared.names.stack(StackRole.SERVICES), env=env)
        self.by_name: Mapping[str, Service] = {
            name: Service(self, name, declared=declared, name=name, ground=ground, registry=registry)
            for name in declared.services
        }
        for name, service in self.by_name.items():
            service.run(ground=ground, deployment_alarms=deployment_alarms[name])
