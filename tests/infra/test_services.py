from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contract.names import StackRole
from infra.declared import Declared
from infra.template import health_check
from tests.infra.standing import Standing, text
from tests.infra.test_variables import container

SERVICES = ("dispatcher-large", "dispatcher-tiny")


def service(standing: Standing, name: str) -> dict[str, Any]:
    """The properties of an ECS service."""
    return dict(standing.properties("AWS::ECS::Service", ServiceName=name))


def test_two_accounts_are_two_services_two_templates_and_four_roles(paper: Standing) -> None:
    families = {each["Properties"]["Family"] for each in paper.all("AWS::ECS::TaskDefinition")}
    roles = [text(each["Properties"][role]) for each in paper.all("AWS::ECS::TaskDefinition") for role in ROLES]

    assert {each["Properties"]["ServiceName"] for each in paper.all("AWS::ECS::Service")} == set(SERVICES)
    assert families == {f"ops-pipeline-paper-{name}-template" for name in SERVICES}
    assert len(set(roles)) == 4


def test_no_template_task_definition_is_ever_deregistered(paper: Standing) -> None:
    """CloudFormation would deregister the one before, under a release that was made from it."""
    policies = [(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in paper.all("AWS::ECS::TaskDefinition")]

    assert policies == [("Retain", "Retain")] * 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_the_revision_that_a_parameter_names(paper: Standing, name: str) -> None:
    condition, revision, template = service(paper, name)["TaskDefinition"]["Fn::If"]
    stack = paper.templates[StackRole.SERVICES]

    assert paper.parameter(StackRole.SERVICES, revision) == f"/ops-pipeline/paper/{name}/running"
    assert stack["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [revision, "none"]}]}
    assert stack["Resources"][template["Ref"]]["Properties"]["Family"] == f"ops-pipeline-paper-{name}-template"


@pytest.mark.parametrize("name", SERVICES)
def test_before_the_first_release_a_service_runs_nothing_and_afterwards_one_task(paper: Standing, name: str) -> None:
    released, *_ = service(paper, name)["TaskDefinition"]["Fn::If"]

    assert service(paper, name)["DesiredCount"] == {"Fn::If": [released, 1, 0]}


def test_no_revision_parameter_is_made_by_a_stack_so_no_stack_can_reset_one(paper: Standing) -> None:
    assert paper.all("AWS::SSM::Parameter") == []


def test_a_new_task_starts_beside_the_old_one_and_a_failing_one_is_taken_back_early(paper: Standing) -> None:
    how = service(paper, "dispatcher-large")["DeploymentConfiguration"]

    assert (how["MinimumHealthyPercent"], how["MaximumPercent"]) == (100, 200)
    assert how["DeploymentCircuitBreaker"] == {
        "Enable": True,
        "Rollback": True,
        "ResetOnHealthyTask": False,
        "ThresholdConfiguration": {"Type": "COUNT", "Value": 2},
    }


def test_no_second_task_is_started_to_balance_zones(paper: Standing) -> None:
    assert service(paper, "dispatcher-large")["AvailabilityZoneRebalancing"] == "DISABLED"


def test_a_container_may_do_no_more_than_it_must(paper: Standing) -> None:
    what = container(paper, "dispatcher-large")

    assert what["User"] == "10001:10001"
    assert what["ReadonlyRootFilesystem"] is True
    assert what["Privileged"] is False
    assert what["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True}
    assert service(paper, "dispatcher-large")["EnableExecuteCommand"] is False


def test_a_container_can_run_commands_of_the_image_and_no_other_program(paper: Standing) -> None:
    """Who starts a one-off task may replace the command, and not the entry point."""
    what = container(paper, "dispatcher-large")

    assert what["EntryPoint"] == ["python", "-m", "dispatcher"]
    assert what["Command"] == ["run"]


def test_a_container_is_asked_whether_it_lives_and_given_time_to_let_go(paper: Standing) -> None:
    what = container(paper, "dispatcher-large")

    assert what["HealthCheck"]["Command"] == ["CMD", "python", "-m", "dispatcher", "health"]
    assert what["HealthCheck"]["Interval"] == 10
    assert what["StopTimeout"] == 30


@pytest.mark.parametrize(("heartbeat", "interval", "retries"), [(1, 5, 6), (7, 7, 5), (30, 10, 3)])
def test_it_is_asked_as_often_as_it_gives_a_sign_of_life_and_given_up_after_half_a_minute(
    heartbeat: int, interval: int, retries: int
) -> None:
    check = health_check(heartbeat)

    assert check.interval is not None
    assert (check.interval.to_seconds(), check.retries) == (interval, retries)
    assert interval * retries >= 30


def test_a_task_is_told_from_the_name_of_its_log_stream_and_a_slow_log_does_not_stop_it(paper: Standing) -> None:
    log = container(paper, "dispatcher-large")["LogConfiguration"]

    assert log["LogDriver"] == "awslogs"
    assert log["Options"]["awslogs-stream-prefix"] == paper.names.stream_prefix("dispatcher-large")
    assert log["Options"]["mode"] == "non-blocking"
    assert "awslogs-create-group" not in log["Options"]


def test_a_template_says_which_processors_it_is_for(paper: Standing, sandbox: Standing) -> None:
    platforms = [
        standing.properties("AWS::ECS::TaskDefinition", Family=standing.names.template_family("dispatcher-large"))
        for standing in (paper, sandbox)
    ]

    assert [each["RuntimePlatform"]["CpuArchitecture"] for each in platforms] == ["ARM64", "X86_64"]


def test_a_template_names_an_image_that_nobody_ever_pushes(paper: Standing) -> None:
    assert text(container(paper, "dispatcher-large")["Image"]).endswith(':unreleased"]]}')


def test_a_new_variable_changes_the_template_and_nothing_of_the_service(
    paper: Standing, synthesise: Callable[[Declared], Standing]
) -> None:
    accounts = dict(paper.declared.accounts)
    accounts["large"] = replace(accounts["large"], max_recommendation_age_seconds=17)
    changed = synthesise(replace(paper.declared, accounts=accounts))

    assert container(changed, "dispatcher-large") != container(paper, "dispatcher-large")
    assert container(changed, "dispatcher-tiny") == container(paper, "dispatcher-tiny")
    assert service(changed, "dispatcher-large") == service(paper, "dispatcher-large")
    assert changed.templates[StackRole.SCHEDULES] == paper.templates[StackRole.SCHEDULES]


def test_no_other_stack_imports_a_template_because_an_export_in_use_can_never_change(paper: Standing) -> None:
    stack = paper.templates[StackRole.SERVICES]
    templates = {name for name, each in stack["Resources"].items() if each["Type"] == "AWS::ECS::TaskDefinition"}
    exported = {reference for each in stack.get("Outputs", {}).values() for reference in _referred(each["Value"])}

    assert templates & exported == set()


def _referred(value: dict[str, Any]) -> set[str]:
    return {value["Ref"]} if "Ref" in value else {value["Fn::GetAtt"][0]}


ROLES = ("ExecutionRoleArn", "TaskRoleArn")
