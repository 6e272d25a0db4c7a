"""What outlives every release and every other stack: images, secrets, and the control table. All of it is retained."""

from collections.abc import Mapping

from aws_cdk import Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from contract.environment import SECRET_KEYS
from contract.names import PARTITION_KEY, SORT_KEY, VERIFIED_TAG_PREFIX, StackRole
from infra.acknowledged import acknowledge
from infra.declared import Declared

UNPROVEN_IMAGE_DAYS = 90
MOST_IMAGES = 20_000
"""As many as a repository may hold: a rule with this count expires nothing."""


class Registry(Stack):
    """Images, secrets, control table."""

    def __init__(self, scope: Construct, *, declared: Declared, env: Environment) -> None:
        names = declared.names
        super().__init__(scope, names.stack(StackRole.REGISTRY), env=env, termination_protection=declared.lasting)
        self.repository = _repository(self, names.repository)
        self.control_table = _control_table(self, names.control_table)
        self.database_secret = _secret(
            self, "Database", name=names.database_secret, holds="The database role's login, under username and password"
        )
        self.broker_secrets: Mapping[str, secretsmanager.ISecret] = {
            account: _secret(
                self,
                f"Broker-{account}",
                name=names.broker_secret(account),
                holds=f"Broker keys of account {account}, under {', '.join(SECRET_KEYS)}",
            )
            for account in declared.accounts
        }


def _repository(scope: Construct, name: str) -> ecr.Repository:
    repository = ecr.Repository(
        scope,
        "Images",
        repository_name=name,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    # An image that a rule has selected is out of reach of every later rule. So the first one selects what is proven.
    repository.add_lifecycle_rule(
        rule_priority=1,
        description="Proven images stay",
        tag_status=ecr.TagStatus.TAGGED,
        tag_prefix_list=[VERIFIED_TAG_PREFIX],
        max_image_count=MOST_IMAGES,
    )
    repository.add_lifecycle_rule(
        rule_priority=2,
        description=f"Other images go after {UNPROVEN_IMAGE_DAYS} days",
        tag_status=ecr.TagStatus.ANY,
        max_image_age=Duration.days(UNPROVEN_IMAGE_DAYS),
    )
    return repository


def _control_table(scope: Construct, name: str) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        "Control",
        table_name=name,
        partition_key=dynamodb.Attribute(name=PARTITION_KEY, type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name=SORT_KEY, type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
    )


def _secret(scope: Construct, id_: str, *, name: str, holds: str) -> secretsmanager.ISecret:
    """A secret that waits for its value. `secretsmanager.Secret` would make up a random one, which looks like a key."""
    secret = secretsmanager.CfnSecret(scope, id_, name=name, description=holds)
    secret.apply_removal_policy(RemovalPolicy.RETAIN)
    acknowledge(secret, "SMG4", "Whoever issues the key changes it, by hand; `ops restart` then takes it up")
    return secretsmanager.Secret.from_secret_complete_arn(scope, f"{id_}-Value", secret.ref)
