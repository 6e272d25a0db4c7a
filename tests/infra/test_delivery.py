import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract import place
from infra.declared import Declared
from infra.permissions import READS_OF_NO_RESOURCE
from tests.infra.standing import Standing, actions, many, text

ROLE = "Deploys paper from example/ops-pipeline"


@pytest.fixture
def statements(paper: Standing) -> list[Any]:
    """Everything the delivery role is given."""
    return paper.statements(ROLE)


def statement(statements: list[Any], sid: str) -> dict[str, Any]:
    """The statement of that name."""
    (found,) = [each for each in statements if each["Sid"] == sid]
    return dict(found)


def test_only_the_named_jobs_of_the_named_repository_may_deploy(paper: Standing) -> None:
    role = paper.properties("AWS::IAM::Role", RoleName="ops-pipeline-paper-delivery")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": ["repo:example/ops-pipeline:environment:paper"],
        }
    }


def test_it_can_read_no_secret(statements: list[Any]) -> None:
    deny = statement(statements, "NoSecrets")

    assert {each for each in actions(statements) if each.startswith("secretsmanager:")} == {
        "secretsmanager:DescribeSecret"  # whether it has a value, not which
    }
    assert deny["Effect"] == "Deny"
    assert deny["Action"] == ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]
    assert deny["Resource"] == "*"


def test_it_may_pass_exactly_the_roles_of_our_tasks_and_of_our_schedules(statements: list[Any]) -> None:
    passing = [each for each in statements if "iam:PassRole" in many(each["Action"])]
    roles = {each["Sid"]: (len(many(each["Resource"])), each["Condition"]) for each in passing}

    assert roles == {
        "PassTaskRoles": (4, {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
        "PassStarters": (1, {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}),
    }
    assert "*" not in text([each["Resource"] for each in passing])


def test_it_may_not_change_what_a_role_may_do_nor_deploy_a_stack(statements: list[Any]) -> None:
    services = {each.partition(":")[0] for each in actions(statements)}

    assert services & {"cloudformation", "sts", "lambda", "rds"} == set()
    assert {each for each in actions(statements) if each.startswith("iam:")} == {"iam:GetRole", "iam:PassRole"}


def test_it_reaches_everything_only_to_ask_and_where_aws_knows_no_resource(statements: list[Any]) -> None:
    everywhere = {
        action
        for each in statements
        if each["Effect"] == "Allow" and "*" in many(each["Resource"])
        for action in many(each["Action"])
    }

    assert everywhere == {*READS_OF_NO_RESOURCE, "ecr:GetAuthorizationToken", "ecs:RegisterTaskDefinition"}
    assert [
        each for each in READS_OF_NO_RESOURCE if not each.split(":")[1].startswith(("Describe", "List", "Get"))
    ] == []


def test_it_may_do_everything_that_ops_asks_of_aws(statements: list[Any]) -> None:
    """Read from the requests that `ops` makes, so that a new one is missed here and not in a deployment."""
    asked = {action for path in Path("ops/aws").glob("*.py") for action in _asked(path)}

    assert "ecs:UpdateService" in asked
    assert asked - actions(statements) == set()


def _asked(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name("Call"), args=[ast.Constant(str(service)), ast.Constant(str(operation)), *_]):
                yield from ACTIONS_OF.get(f"{service}:{operation}", {f"{service}:{operation}"})


ACTIONS_OF = {
    "dynamodb:TransactWriteItems": {"dynamodb:ConditionCheckItem", "dynamodb:PutItem"},
    "sts:GetCallerIdentity": set[str](),  # anybody may ask who they are
}


@pytest.mark.parametrize(
    ("sid", "ends"),
    [
        ("Services", ["service/ops-pipeline-paper/dispatcher-large", "service/ops-pipeline-paper/dispatcher-tiny"]),
        (
            "OneOffTasks",
            [
                "task-definition/ops-pipeline-paper-dispatcher-large:*",
                "task-definition/ops-pipeline-paper-dispatcher-tiny:*",
            ],
        ),
        ("Parameters", ["parameter/ops-pipeline/paper/*"]),
        ("OwnSchedules", ["schedule/ops-pipeline-paper/*"]),
        ("Tasks", ["task/ops-pipeline-paper/*"]),
    ],
)
def test_it_touches_only_what_is_ours(statements: list[Any], sid: str, ends: list[str]) -> None:
    resources = sorted(
        str(each).rpartition("111122223333:")[2] for each in many(statement(statements, sid)["Resource"])
    )

    assert resources == ends


def test_it_never_deregisters_a_revision_nor_deletes_an_image_a_log_or_a_schedule(statements: list[Any]) -> None:
    deletes = {each for each in actions(statements) if "Delete" in each or "Deregister" in each}

    assert deletes == {"dynamodb:DeleteItem"}


def test_a_provider_that_is_there_already_is_used(synthesise: Callable[[Declared], Standing], paper: Standing) -> None:
    theirs = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    who = place.Delivery(repository="example/ops-pipeline", branches=("main",), provider=theirs)
    standing = synthesise(replace(paper.declared, place=replace(paper.declared.place, delivery=who)))
    role = standing.properties("AWS::IAM::Role", RoleName="ops-pipeline-paper-delivery")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert standing.all("AWS::IAM::OIDCProvider") == []
    assert trust["Principal"] == {"Federated": theirs}
    assert trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:example/ops-pipeline:ref:refs/heads/main"
    ]


def test_the_stacks_are_deployed_by_a_role_of_their_own_that_can_only_take_on_the_bootstraps(paper: Standing) -> None:
    role = paper.properties("AWS::IAM::Role", RoleName="ops-pipeline-paper-stacks")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (only,) = paper.statements("Deploys the stacks of paper from example/ops-pipeline")

    assert trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:example/ops-pipeline:environment:paper-stacks"
    ]
    assert only["Action"] == "sts:AssumeRole"
    assert [text(each).rpartition("role/")[2].split("-role-")[0] for each in only["Resource"]] == [
        "cdk-hnb659fds-deploy",
        "cdk-hnb659fds-file-publishing",
        "cdk-hnb659fds-lookup",
    ]


def test_where_only_people_deploy_stacks_there_is_no_role_for_it(
    synthesise: Callable[[Declared], Standing], paper: Standing
) -> None:
    who = place.Delivery(repository="example/ops-pipeline", environments=("paper",))
    standing = synthesise(replace(paper.declared, place=replace(paper.declared.place, delivery=who)))

    named = [each["Properties"].get("RoleName") for each in standing.all("AWS::IAM::Role")]
    assert [each for each in named if each] == ["ops-pipeline-paper-delivery"]


def test_where_only_people_deploy_there_is_no_role_for_machines(sandbox: Standing) -> None:
    assert sandbox.all("AWS::IAM::OIDCProvider") == []
    assert [each for each in sandbox.all("AWS::IAM::Role") if "RoleName" in each["Properties"]] == []
