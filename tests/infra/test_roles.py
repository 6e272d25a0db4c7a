from typing import Any

import pytest

from tests.infra.standing import Standing, actions, many, text

READS_A_SECRET = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}


def reached(statements: list[Any], action: str) -> list[Any]:
    """The resources on which the action is allowed."""
    return [
        resource
        for statement in statements
        if statement["Effect"] == "Allow" and action in many(statement["Action"])
        for resource in many(statement["Resource"])
    ]


def test_a_program_may_touch_its_own_accounts_partition_and_publish_the_schema_head(paper: Standing) -> None:
    partitions, head = paper.statements("Is dispatcher-tiny while it runs")

    assert partitions["Action"] == ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    assert partitions["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["account#tiny"]}}
    assert head["Action"] == "ssm:PutParameter"
    assert text(head["Resource"]).endswith(':parameter/ops-pipeline/paper/schema-head"')


def test_a_program_may_read_no_secret_at_all(paper: Standing) -> None:
    for service in paper.declared.services:
        assert actions(paper.statements(f"Is {service} while it runs")) & READS_A_SECRET == set()


def test_a_task_is_started_with_exactly_its_own_secrets(paper: Standing) -> None:
    resources = reached(paper.statements("Starts tasks of dispatcher-tiny"), "secretsmanager:GetSecretValue")
    words = text(resources)

    assert len(resources) == 2
    assert "Database" in words
    assert "Brokertiny" in words
    assert "Brokerlarge" not in words


def test_a_task_is_started_with_one_repository_and_its_own_log(paper: Standing) -> None:
    statements = paper.statements("Starts tasks of dispatcher-tiny")

    assert len(reached(statements, "ecr:BatchGetImage")) == 1
    assert "Logdispatchertiny" in text(reached(statements, "logs:PutLogEvents"))
    assert len(reached(statements, "logs:PutLogEvents")) == 1
    assert actions(statements) == READS_A_SECRET | {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


@pytest.mark.parametrize("description", ["Is dispatcher-large while it runs", "Starts tasks of dispatcher-large"])
def test_a_tasks_role_reaches_everything_only_where_aws_knows_no_resource(paper: Standing, description: str) -> None:
    everywhere = {
        action
        for statement in paper.statements(description)
        if "*" in many(statement["Resource"])
        for action in many(statement["Action"])
    }

    assert everywhere <= {"ecr:GetAuthorizationToken"}


def test_no_role_of_ours_is_given_a_policy_that_others_write(paper: Standing) -> None:
    ours = [each for each in paper.all("AWS::IAM::Role") if "ManagedPolicyArns" in each["Properties"]]

    assert ours == []


def test_a_role_is_taken_on_for_this_aws_account_only(paper: Standing) -> None:
    by_services = [
        statement
        for each in paper.all("AWS::IAM::Role")
        for statement in each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"] and statement["Principal"]["Service"] != "monitoring.rds.amazonaws.com"
    ]

    assert len(by_services) == 5
    assert {each["Condition"]["StringEquals"]["aws:SourceAccount"] for each in by_services} == {"111122223333"}
