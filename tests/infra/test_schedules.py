import json
from typing import Any

import pytest

from contract.names import StackRole
from dispatcher.__main__ import COMMANDS
from tests.infra.standing import Standing, actions, text


@pytest.fixture
def schedule(paper: Standing) -> dict[str, Any]:
    """The properties of the one schedule."""
    return dict(paper.properties("AWS::Scheduler::Schedule", Name="preopen-check"))


def test_a_schedule_fires_in_its_own_time_zone_to_the_minute(schedule: dict[str, Any]) -> None:
    assert schedule["GroupName"] == "ops-pipeline-paper"
    assert schedule["ScheduleExpression"] == "cron(0 9 ? * MON-FRI *)"
    assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_a_start_that_failed_is_not_made_up_for(schedule: dict[str, Any]) -> None:
    """The library's own target tries 185 times in a day: a check before the open would come after the close."""
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300}


def test_a_stack_update_neither_moves_a_schedule_nor_enables_it(paper: Standing, schedule: dict[str, Any]) -> None:
    released, state, until_then = schedule["State"]["Fn::If"]
    same, revision, placeholder = schedule["Target"]["EcsParameters"]["TaskDefinitionArn"]["Fn::If"]

    assert paper.parameter(StackRole.SCHEDULES, state) == "/ops-pipeline/paper/schedules/preopen-check/state"
    assert paper.parameter(StackRole.SCHEDULES, revision) == "/ops-pipeline/paper/schedules/preopen-check/revision"
    assert released == same
    assert until_then == "DISABLED"
    assert placeholder.endswith(":task-definition/ops-pipeline-paper-dispatcher-large-template")
    assert "ENABLED" not in text(paper.templates[StackRole.SCHEDULES]["Resources"]).replace(
        '"AssignPublicIp": "ENABLED"', ""
    )


def test_a_schedule_runs_a_command_that_the_image_has(paper: Standing, schedule: dict[str, Any]) -> None:
    (override,) = json.loads(schedule["Target"]["Input"])["containerOverrides"]

    assert override == {"name": "dispatcher", "command": ["check", "--json"]}
    assert {each.command[0] for each in paper.declared.schedules.values()} <= COMMANDS.keys()
    assert {each.command[0] for each in paper.declared.services.values()} <= COMMANDS.keys()


def test_the_clock_may_start_any_revision_of_one_family_and_no_other_family(paper: Standing) -> None:
    """The library's own target may start only the revision it was deployed with, so the first release would stop it."""
    start, *_ = paper.statements("Starts tasks of dispatcher-large by the clock")

    assert start["Action"] == "ecs:RunTask"
    assert (
        start["Resource"] == "arn:aws:ecs:us-west-2:111122223333:task-definition/ops-pipeline-paper-dispatcher-large:*"
    )
    assert start["Condition"].keys() == {"ArnEquals"}


def test_the_clock_may_pass_exactly_the_two_roles_of_the_service(paper: Standing) -> None:
    statements = paper.statements("Starts tasks of dispatcher-large by the clock")
    (passing,) = [each for each in statements if each["Action"] == "iam:PassRole"]

    assert len(passing["Resource"]) == 2
    assert "dispatcherlargeExecutionRole" in text(passing["Resource"])
    assert "dispatcherlargeTaskRole" in text(passing["Resource"])
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert actions(statements) == {
        "ecs:RunTask",
        "iam:PassRole",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
    }


def test_a_start_that_failed_is_kept_encrypted_and_read_over_tls_only(
    paper: Standing, schedule: dict[str, Any]
) -> None:
    queue = paper.properties("AWS::SQS::Queue", QueueName=paper.names.dead_letters)
    (policy,) = paper.all("AWS::SQS::QueuePolicy")

    assert queue["SqsManagedSseEnabled"] is True
    assert '"aws:SecureTransport": "false"' in text(policy)
    assert "DeadLetters" in text(schedule["Target"]["DeadLetterConfig"])


def test_other_peoples_schedules_are_not_made_here(paper: Standing) -> None:
    assert {each["Properties"]["Name"] for each in paper.all("AWS::Scheduler::Schedule")} == {
        "preopen-check",
        "iv-snapshot",
    }
