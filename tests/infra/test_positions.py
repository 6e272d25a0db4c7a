"""The position managers as they are declared: beside the dispatchers, with less in their hands."""

from pathlib import Path

import pytest

from contract.inventory import load
from contract.names import HEARTBEATS
from infra.declared import of
from tests.infra.conftest import _synthesise
from tests.infra.standing import Standing, text
from tests.infra.test_roles import reached
from tests.infra.test_variables import container, secret, told


@pytest.fixture(scope="module")
def whole() -> Standing:
    """All that is declared for the environment in AWS."""
    return _synthesise(of(load(Path("pipeline.toml")), "paper"))


@pytest.mark.parametrize("account", ["tiny", "large"])
def test_a_position_manager_is_the_same_image_with_another_command_and_one_account(
    whole: Standing, account: str
) -> None:
    what = container(whole, f"positions-{account}")

    assert (what["EntryPoint"], what["Command"]) == (["python", "-m", "dispatcher"], ["positions"])
    assert what["HealthCheck"]["Command"] == ["CMD", "python", "-m", "dispatcher", "health"]
    assert told(whole, f"positions-{account}")["TRADING_ACCOUNTS"] == account
    assert secret(whole, f"positions-{account}").keys() == {"DATABASE_PASSWORD", f"ALPACA_SECRET_{account.upper()}"}


def test_a_position_manager_reaches_its_own_account_only(whole: Standing) -> None:
    partitions, *_ = whole.statements("Is positions-tiny while it runs")
    secrets = reached(whole.statements("Starts tasks of positions-tiny"), "secretsmanager:GetSecretValue")

    assert partitions["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["account#tiny"]}}
    assert "Brokertiny" in text(secrets)
    assert "Brokerlarge" not in text(secrets)


def test_its_own_rules_make_its_alarms_and_take_its_deployment_back(whole: Standing) -> None:
    alarms = whole.properties("AWS::ECS::Service", ServiceName="positions-tiny")["DeploymentConfiguration"]["Alarms"]
    rules = whole.declared.rules("positions-tiny")
    told_of = {whole.names.alarm("positions-tiny", rule) for rule in (*rules.forbid, *rules.imply)}

    assert set(alarms["AlarmNames"]) == told_of
    assert rules is not whole.declared.rules("dispatcher-tiny")
    whole.properties("AWS::CloudWatch::Alarm", AlarmName=whole.names.alarm("positions-tiny", HEARTBEATS))


def test_an_audit_that_finds_something_is_heard(whole: Standing) -> None:
    """It is a task of the manager's family, so its words are in the manager's log group."""
    schedule = whole.properties("AWS::Scheduler::Schedule", Name="audit-tiny")
    found = whole.properties("AWS::Logs::MetricFilter", FilterName="positions-tiny.audit-differs")

    assert '"audit"' in schedule["Target"]["Input"]
    assert "positions-tiny-template" in text(schedule["Target"]["EcsParameters"])
    assert found["FilterPattern"] == '"broker and books differ"'
