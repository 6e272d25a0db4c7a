"""The role that CI deploys with: it may do what `ops` does with this environment's things, and nothing else."""

from aws_cdk import Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from contract import place
from contract.names import StackRole
from infra.acknowledged import acknowledge
from infra.declared import Declared
from infra.permissions import Reach, permissions, wildcards
from infra.registry import Registry
from infra.schedules import Schedules
from infra.services import Services

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class Delivery(Stack):
    """The identity provider for GitHub's jobs, and the role they take on."""

    def __init__(
        self,
        scope: Construct,
        *,
        declared: Declared,
        who: place.Delivery,
        registry: Registry,
        alerts: sns.ITopic,
        services: Services,
        schedules: Schedules,
        env: Environment,
    ) -> None:
        super().__init__(scope, declared.names.stack(StackRole.DELIVERY), env=env)
        role = iam.Role(
            self,
            "Role",
            role_name=declared.names.delivery_role,
            description=f"Deploys {declared.environment} from {who.repository}",
            assumed_by=_jobs(who, _provider(self, who)),
        )
        reach = Reach(
            names=declared.names,
            partition=self.partition,
            region=self.region,
            account=self.account,
            services=tuple(declared.services),
            repository=registry.repository.repository_arn,
            control_table=registry.control_table.table_arn,
            secrets=tuple(each.secret_arn for each in (registry.database_secret, *registry.broker_secrets.values())),
            alerts=alerts.topic_arn,
            task_roles=tuple(role.role_arn for each in services.by_name.values() for role in each.roles.both()),
            starters=tuple(each.role_arn for each in schedules.starters.values()),
        )
        for statement in permissions(reach):
            role.add_to_policy(statement)
        for resource, why in wildcards(reach):
            acknowledge(role, f"IAM5[Resource::{resource}]", why)


def _provider(scope: Construct, who: place.Delivery) -> str:
    if who.provider is not None:
        return who.provider
    return iam.OidcProviderNative(scope, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE]).oidc_provider_arn


def _jobs(who: place.Delivery, provider: str) -> iam.WebIdentityPrincipal:
    """The jobs that are named, compared whole: a pattern would admit a branch that only begins alike."""
    subjects = [f"repo:{who.repository}:ref:refs/heads/{branch}" for branch in who.branches]
    subjects += [f"repo:{who.repository}:environment:{name}" for name in who.environments]
    return iam.WebIdentityPrincipal(provider, {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subjects}})
