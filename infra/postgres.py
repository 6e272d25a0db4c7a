"""A PostgreSQL of our own. Tasks reach it and nobody else does."""

from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct

from contract.place import Database
from infra.acknowledged import acknowledge
from infra.network import ISOLATED, Network

BACKUP_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """Where a database answers, and as whom a service logs in."""

    host: str
    port: int
    name: str
    user: str
    query: str
    """What the address ends with, such as `?sslmode=require`."""

    @property
    def url(self) -> str:
        """As DATABASE_URL wants it: without a password."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.name}{self.query}"


class Postgres(Construct):
    """One instance, encrypted, backed up, kept when its stack goes."""

    def __init__(self, scope: Construct, id_: str, *, declared: Database, network: Network, secret_name: str) -> None:
        super().__init__(scope, id_)
        if declared.instance is None or declared.version is None or declared.storage_gib is None:
            raise AssertionError("a database without host has all three; the inventory vouches for it")
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            engine=rds.DatabaseInstanceEngine.postgres(
                version=rds.PostgresEngineVersion.of(declared.version, declared.version)
            ),
            instance_type=ec2.InstanceType(declared.instance),
            allocated_storage=declared.storage_gib,
            storage_type=rds.StorageType.GP3,
            database_name=declared.name,
            port=declared.port,
            # By reference: CloudFormation reads the value when it deploys, and no template ever holds it.
            credentials=rds.Credentials.from_password(
                declared.user, SecretValue.secrets_manager(secret_name, json_field="password")
            ),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=ISOLATED),
            security_groups=[self._access(declared.port, network)],
            publicly_accessible=False,
            multi_az=False,
            storage_encrypted=True,
            backup_retention=Duration.days(BACKUP_DAYS),
            auto_minor_version_upgrade=True,
            cloudwatch_logs_exports=["postgresql"],
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(instance, "RDS3", "One zone, for its price: without a database nothing is sent, so nothing is lost")
        acknowledge(instance, "RDS11", "The port is open to tasks only; another number would hide it from nobody")
        self.address = PostgresAddress(
            host=instance.db_instance_endpoint_address,
            port=declared.port,
            name=declared.name,
            user=declared.user,
            query="?sslmode=require",
        )

    def _access(self, port: int, network: Network) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "Access", vpc=network.vpc, description="Database: tasks come in", allow_all_outbound=False
        )
        group.add_ingress_rule(network.tasks, ec2.Port.tcp(port), "Tasks")
        return group
