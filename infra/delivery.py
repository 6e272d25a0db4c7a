"""The roles that CI works with: one does what `ops` does with this environment's things; one deploys the stacks.

They are two, because whoever may deploy the stacks may give themselves anything, and a release needs nothing of that.
"""

from aws_cdk import DefaultStackSynthesizer, Environment, Fn, Stack
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
BOOTSTRAP_ROLES = (
    DefaultStackSynthesizer.DEFAULT_DEPLOY_ROLE_ARN,
    DefaultStackSynthesizer.DEFAULT_FILE_ASSET_PUBLISHING_ROLE_ARN,
    DefaultStackSynthesizer.DEFAULT_LOOKUP_ROLE_ARN,
)
"""What `cdk bootstrap` made for `cdk deploy`. The app has no image assets, so publishing images is not needed."""


class Delivery(Stack):
    """The identity provider for GitHub's jobs, and the roles they take on."""

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
        provider = _provider(self, who)
        role = iam.Role(
            self,
            "Role",
            role_name=declared.names.delivery_role,
            description=f"Deploys {declared.environment} from {who.repository}",
            assumed_by=_jobs(provider, _releasing(who)),
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
        if who.stack_environments:
            _stacks_role(self, declared, who, provider)


def _stacks_role(scope: Construct, declared: Declared, who: place.Delivery, provider: str) -> None:
    """The role of the jobs that run `cdk deploy`: it may take on the bootstrap's roles, and nothing else."""
    role = iam.Role(
        scope,
        "StacksRole",
        role_name=declared.names.stacks_role,
        description=f"Deploys the stacks of {declared.environment} from {who.repository}",
        assumed_by=_jobs(provider, _environments(who, who.stack_environments)),
    )
    qualifier = DefaultStackSynthesizer.DEFAULT_QUALIFIER
    roles = [Fn.sub(each.replace("${Qualifier}", qualifier)) for each in BOOTSTRAP_ROLES]
    role.add_to_policy(iam.PolicyStatement(sid="Bootstrap", actions=["sts:AssumeRole"], resources=roles))


def _provider(scope: Construct, who: place.Delivery) -> str:
    if who.provider is not None:
        return who.provider
    return iam.OidcProviderNative(scope, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE]).oidc_provider_arn


def _releasing(who: place.Delivery) -> list[str]:
    branches = [f"repo:{who.repository}:ref:refs/heads/{branch}" for branch in who.branches]
    return branches + _environments(who, who.environments)


def _environments(who: place.Delivery, names: tuple[str, ...]) -> list[str]:
    return [f"repo:{who.repository}:environment:{name}" for name in names]


def _jobs(provider: str, subjects: list[str]) -> iam.WebIdentityPrincipal:
    """The jobs that are named, compared whole: a pattern would admit a branch that only begins alike."""
    return iam.WebIdentityPrincipal(provider, {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subjects}})
