"""What services stand on: network, cluster, log groups, database."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Environment, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from contract.names import StackRole
from infra.declared import Declared
from infra.network import Network
from infra.postgres import Postgres, PostgresAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a service needs to stand on, whoever made it."""

    cluster: ecs.ICluster
    network: Network
    log_groups: Mapping[str, logs.ILogGroup]
    database: PostgresAddress


class Foundation(Stack):
    """Network, cluster, log groups, database."""

    def __init__(self, scope: Construct, *, declared: Declared, env: Environment) -> None:
        names, place = declared.names, declared.place
        super().__init__(scope, names.stack(StackRole.FOUNDATION), env=env, termination_protection=declared.lasting)
        network = Network(self, "Network", declared=place.network, keeps_database=place.database.host is None)
        cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=names.cluster,
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        log_groups = {
            service: logs.LogGroup(
                self,
                f"Log-{service}",
                log_group_name=names.log_group(service),
                retention=_RETENTION[place.log_retention_days],
                removal_policy=RemovalPolicy.RETAIN,
            )
            for service in declared.services
        }
        database = self._database(declared, network)
        self.ground = Ground(cluster=cluster, network=network, log_groups=log_groups, database=database)

    def _database(self, declared: Declared, network: Network) -> PostgresAddress:
        wanted = declared.place.database
        if wanted.host is not None:
            return PostgresAddress(host=wanted.host, port=wanted.port, name=wanted.name, user=wanted.user, query="")
        postgres = Postgres(
            self, "Database", declared=wanted, network=network, secret_name=declared.names.database_secret
        )
        return postgres.address


_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
