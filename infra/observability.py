"""What is watched: broken rules, missing heartbeats, failed starts. Told by message; some undo a deployment."""

from collections.abc import Mapping

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from contract.events import Heartbeat, TradingStateChanged, pattern
from contract.limits import TradingState
from contract.names import HALTED, HEARTBEATS, STANDING_BY, StackRole
from infra.dashboard import dashboard
from infra.declared import Declared
from infra.filters import Filter, compiled
from infra.foundation import Ground

HEARTBEATS_MISSED = 3
"""How many a service may miss before somebody is told."""
STANDBY_MINUTES = 5
"""How long a service may stand by before somebody is told; the new task of a rolling deployment does for seconds."""


class Observability(Stack):
    """The topic, the alarms of every service, the alarm about the clock, the dashboard."""

    def __init__(self, scope: Construct, *, declared: Declared, ground: Ground, env: Environment) -> None:
        names = declared.names
        super().__init__(scope, names.stack(StackRole.OBSERVABILITY), env=env)
        self.alerts = sns.Topic(self, "Alerts", topic_name=names.alerts, enforce_ssl=True)
        for address in declared.place.alert_emails:
            self.alerts.add_subscription(subscriptions.EmailSubscription(address))
        watched = {
            service: Watch(
                self,
                service,
                declared=declared,
                log_group=ground.log_groups[service],
                alerts=self.alerts,
            )
            for service in declared.services
        }
        self.deployment_alarms: Mapping[str, tuple[str, ...]] = {
            service: watch.deployment_alarms for service, watch in watched.items()
        }
        _failed_starts(self, declared, self.alerts)
        dashboard(self, declared)


class Watch(Construct):
    """The metric filters and alarms of one service.

    What breaks a rule takes a deployment back. A missing heartbeat does not: before the first release it is missing
    rightly, and ECS looks away for a whole deployment when one of its alarms was ringing at the start.
    """

    def __init__(
        self, scope: Construct, id_: str, *, declared: Declared, log_group: logs.ILogGroup, alerts: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self._declared, self._service, self._log_group = declared, id_, log_group
        self._action = actions.SnsAction(alerts)
        rules = [each for each in compiled(declared.rules(id_)) if isinstance(each, Filter)]
        for rule in rules:
            self._broken(rule)
        self._silent(declared.services[id_].heartbeat_seconds)
        self._told(
            STANDING_BY,
            pattern(Heartbeat, standing_by=True),
            minutes=STANDBY_MINUTES,
            why=f"{id_} has stood by for {STANDBY_MINUTES} minutes: another process trades for its account",
        )
        self._told(
            HALTED,
            pattern(TradingStateChanged, state=TradingState.HALTED),
            minutes=1,
            why=f"{id_} trades no more: its account was halted, by a person or by itself; `ops trading show` says why",
        )
        self.deployment_alarms = tuple(declared.names.alarm(id_, rule.rule) for rule in rules)

    def _broken(self, rule: Filter) -> None:
        metric = self._count(rule.rule, rule.pattern, seconds=rule.seconds)
        self._alarm(rule.rule, metric, more_than=rule.at_most, periods=1, why=rule.why)

    def _told(self, subject: str, text: str, *, minutes: int, why: str) -> None:
        """Tell when the event was seen in each of so many minutes. It takes no deployment back."""
        self._alarm(subject, self._count(subject, text, seconds=60), more_than=0, periods=minutes, why=why)

    def _alarm(self, subject: str, metric: cloudwatch.Metric, *, more_than: int, periods: int, why: str) -> None:
        alarm = metric.create_alarm(
            self,
            f"Alarm-{subject}",
            alarm_name=self._declared.names.alarm(self._service, subject),
            alarm_description=why,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=more_than,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)

    def _silent(self, heartbeat_seconds: int) -> None:
        seconds = -(-HEARTBEATS_MISSED * heartbeat_seconds // 60) * 60
        metric = self._count(HEARTBEATS, pattern(Heartbeat), seconds=seconds)
        alarm = metric.create_alarm(
            self,
            f"Alarm-{HEARTBEATS}",
            alarm_name=self._declared.names.alarm(self._service, HEARTBEATS),
            alarm_description=f"{self._service} gave no sign of life for {seconds} s: it hangs, or does not run",
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=1,
            evaluation_periods=1,
            # No line is no data point: exactly what must be told.
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)

    def _count(self, subject: str, text: str, *, seconds: int) -> cloudwatch.Metric:
        names = self._declared.names
        logs.MetricFilter(
            self,
            f"Filter-{subject}",
            log_group=self._log_group,
            filter_name=names.metric(self._service, subject),
            filter_pattern=logs.FilterPattern.literal(text),
            metric_namespace=names.metric_namespace,
            metric_name=names.metric(self._service, subject),
            metric_value="1",
        )
        return cloudwatch.Metric(
            namespace=names.metric_namespace,
            metric_name=names.metric(self._service, subject),
            statistic=cloudwatch.Stats.SUM,
            period=Duration.seconds(seconds),
        )


def _failed_starts(scope: Construct, declared: Declared, alerts: sns.ITopic) -> None:
    """By the queue's name: the queue itself stands in a later stack."""
    depth = cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions_map={"QueueName": declared.names.dead_letters},
        statistic=cloudwatch.Stats.MAXIMUM,
        period=Duration.minutes(1),
    )
    alarm = depth.create_alarm(
        scope,
        "FailedStarts",
        alarm_name=declared.names.dead_letters_alarm,
        alarm_description="A schedule could not start its task; the message in the queue says which and why",
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold=0,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarm.add_alarm_action(actions.SnsAction(alerts))
