from typing import Any

import pytest

from contract.names import HALTED, HEARTBEATS, STANDING_BY, StackRole
from infra.filters import Filter, compiled
from tests.infra.standing import Standing, text

SERVICES = ("dispatcher-large", "dispatcher-tiny")


def rules(standing: Standing, service: str) -> list[Filter]:
    """The rules of the service that a filter can say."""
    return [each for each in compiled(standing.declared.rules(service)) if isinstance(each, Filter)]


def watch(standing: Standing, service: str, subject: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metric filter and the alarm about a subject of a service."""
    metric = standing.names.metric(service, subject)
    found = standing.properties("AWS::Logs::MetricFilter", FilterName=metric)
    alarm = standing.properties("AWS::CloudWatch::Alarm", AlarmName=standing.names.alarm(service, subject))
    return dict(found), dict(alarm)


@pytest.mark.parametrize("service", SERVICES)
def test_every_rule_has_a_filter_on_the_services_log_and_an_alarm_on_the_filters_metric(
    paper: Standing, service: str
) -> None:
    for rule in rules(paper, service):
        found, alarm = watch(paper, service, rule.rule)
        (made,) = found["MetricTransformations"]

        assert found["FilterPattern"] == rule.pattern
        assert service.replace("-", "") in text(found["LogGroupName"])
        assert made == {
            "MetricName": f"{service}.{rule.rule}",
            "MetricNamespace": "ops-pipeline/paper",
            "MetricValue": "1",
        }
        assert (alarm["MetricName"], alarm["Namespace"]) == (made["MetricName"], made["MetricNamespace"])
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", rule.at_most)
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (rule.seconds, 1)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"] == rule.why


@pytest.mark.parametrize("service", SERVICES)
def test_exactly_the_broken_rules_of_a_service_take_its_deployment_back(paper: Standing, service: str) -> None:
    """Not the heartbeat: it rings rightly before the first release, and a ringing alarm makes ECS look away."""
    deployment = paper.properties("AWS::ECS::Service", ServiceName=service)["DeploymentConfiguration"]

    assert deployment["Alarms"] == {
        "AlarmNames": [paper.names.alarm(service, rule.rule) for rule in rules(paper, service)],
        "Enable": True,
        "Rollback": True,
    }
    assert paper.names.alarm(service, HEARTBEATS) not in deployment["Alarms"]["AlarmNames"]


def test_a_deployment_alarm_is_there_before_the_service_that_names_it(paper: Standing) -> None:
    named = {
        name
        for each in paper.all("AWS::ECS::Service")
        for name in each["Properties"]["DeploymentConfiguration"]["Alarms"]["AlarmNames"]
    }
    made = {
        each["Properties"]["AlarmName"]
        for each in paper.templates[StackRole.OBSERVABILITY]["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }

    assert named <= made


@pytest.mark.parametrize("service", SERVICES)
def test_silence_is_an_alarm(paper: Standing, service: str) -> None:
    found, alarm = watch(paper, service, HEARTBEATS)

    assert found["FilterPattern"] == '{ ($.event = "heartbeat") }'
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (1, 120, 1)
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize(
    ("subject", "pattern", "minutes"),
    [
        (STANDING_BY, '{ ($.event = "heartbeat") && ($.standing_by = TRUE) }', 5),
        (HALTED, '{ ($.event = "trading_state_changed") && ($.state = "HALTED") }', 1),
    ],
)
@pytest.mark.parametrize("service", SERVICES)
def test_standing_by_for_minutes_and_a_halt_are_told_and_take_no_deployment_back(
    paper: Standing, service: str, subject: str, pattern: str, minutes: int
) -> None:
    found, alarm = watch(paper, service, subject)
    deployment = paper.properties("AWS::ECS::Service", ServiceName=service)["DeploymentConfiguration"]

    assert found["FilterPattern"] == pattern
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (0, 60, minutes)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert paper.names.alarm(service, subject) not in deployment["Alarms"]["AlarmNames"]


def test_a_start_that_failed_is_an_alarm(paper: Standing) -> None:
    alarm = paper.properties("AWS::CloudWatch::Alarm", AlarmName=paper.names.dead_letters_alarm)

    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": paper.names.dead_letters}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_every_alarm_is_told(paper: Standing) -> None:
    silent = [each for each in paper.all("AWS::CloudWatch::Alarm") if not each["Properties"].get("AlarmActions")]

    assert silent == []


def test_messages_go_over_tls_only(paper: Standing) -> None:
    (policy,) = paper.all("AWS::SNS::TopicPolicy")

    assert '"aws:SecureTransport": "false"' in text(policy)


def test_a_log_group_holds_no_more_filters_than_cloudwatch_takes(paper: Standing) -> None:
    groups = [text(each["Properties"]["LogGroupName"]) for each in paper.all("AWS::Logs::MetricFilter")]

    assert max(groups.count(each) for each in groups) <= 100


def test_the_dashboard_shows_every_service(paper: Standing) -> None:
    dashboard = text(paper.properties("AWS::CloudWatch::Dashboard", DashboardName=paper.names.dashboard))

    assert all(f"{service}: signs of life" in dashboard for service in SERVICES)
