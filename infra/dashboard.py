"""One page that answers: is it alive, what did it do, which rules broke, did the clock fail to start anything."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from contract.names import HEARTBEATS
from infra.declared import Declared
from infra.filters import Filter, compiled

HALF_PAGE = 12


def dashboard(scope: Construct, declared: Declared) -> None:
    """A row for each service, and one for the clock."""
    rows = [[_alive(declared, service), _broken(declared, service)] for service in declared.services]
    page = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=declared.names.dashboard)
    for row in rows:
        page.add_widgets(*row)
    page.add_widgets(_failed_starts(declared))


def _alive(declared: Declared, service: str) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=f"{service}: signs of life",
        left=[_counted(declared, service, HEARTBEATS)],
        width=HALF_PAGE,
    )


def _broken(declared: Declared, service: str) -> cloudwatch.IWidget:
    rules = [each.rule for each in compiled(declared.rules(service)) if isinstance(each, Filter)]
    return cloudwatch.GraphWidget(
        title=f"{service}: lines that rules count",
        left=[_counted(declared, service, rule) for rule in rules],
        width=HALF_PAGE,
        stacked=True,
    )


def _counted(declared: Declared, service: str, subject: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=declared.names.metric_namespace,
        metric_name=declared.names.metric(service, subject),
        label=subject,
        statistic=cloudwatch.Stats.SUM,
        period=Duration.minutes(1),
    )


def _failed_starts(declared: Declared) -> cloudwatch.IWidget:
    depth = cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions_map={"QueueName": declared.names.dead_letters},
        statistic=cloudwatch.Stats.MAXIMUM,
        period=Duration.minutes(1),
    )
    return cloudwatch.GraphWidget(title="Schedules: starts that failed", left=[depth], width=HALF_PAGE)
