"""What a container is told, handed to the same functions the service reads it with."""

import json
from typing import Any

import pytest

from contract import environment, limits
from contract.environment import ExecutionMode
from tests.infra.standing import Standing

FOLLOWS = {
    "BUILD_REVISION": "from the image, which says it itself",
    "ALPACA_STREAM_URL": "from ALPACA_BASE_URL, whose host has the stream as well",
}


def container(standing: Standing, service: str) -> dict[str, Any]:
    """The one container of a service's template."""
    template = standing.properties("AWS::ECS::TaskDefinition", Family=standing.names.template_family(service))
    (only,) = template["ContainerDefinitions"]
    return dict(only)


def told(standing: Standing, service: str) -> dict[str, Any]:
    """The container's plain variables."""
    return {each["Name"]: each["Value"] for each in container(standing, service)["Environment"]}


def secret(standing: Standing, service: str) -> dict[str, str]:
    """The container's secret variables, and as text what fills them."""
    return {each["Name"]: json.dumps(each["ValueFrom"]) for each in container(standing, service)["Secrets"]}


@pytest.mark.parametrize(("service", "account"), [("dispatcher-large", "large"), ("dispatcher-tiny", "tiny")])
def test_a_service_is_told_its_accounts_limits_as_they_are_declared(
    paper: Standing, service: str, account: str
) -> None:
    variable = environment.limits_document(account).name

    assert limits.parse(told(paper, service)[variable], name=variable) == paper.declared.accounts[account]


def test_a_service_is_told_every_variable_but_what_follows_from_something_else(paper: Standing) -> None:
    given = told(paper, "dispatcher-tiny").keys() | secret(paper, "dispatcher-tiny").keys()
    of_the_account = {
        each("tiny").name
        for each in (environment.broker_secret, environment.limits_document, environment.account_number)
    }

    assert given == {each.name for each in environment.VARIABLES} - FOLLOWS.keys() | of_the_account


def test_a_service_is_told_nothing_of_another_account(paper: Standing) -> None:
    words = json.dumps(container(paper, "dispatcher-tiny")["Environment"]) + "".join(secret(paper, "dispatcher-tiny"))

    assert "large" not in words.lower()


def test_a_service_knows_its_name_its_accounts_and_the_brokers_numbers(paper: Standing) -> None:
    given = told(paper, "dispatcher-tiny")

    assert given[environment.SERVICE_NAME.name] == "dispatcher-tiny"
    assert given[environment.TRADING_ACCOUNTS.name] == "tiny"
    assert given[environment.CONTROL_TABLE.name] == paper.names.control_table
    assert given[environment.account_number("tiny").name] == "PA2PAPER"
    assert ExecutionMode(given[environment.EXECUTION_MODE.name]) is ExecutionMode.ALPACA_PAPER


def test_the_databases_address_has_no_password_in_it(paper: Standing, sandbox: Standing) -> None:
    assert told(sandbox, "dispatcher-large")["DATABASE_URL"] == "postgresql://dispatcher@127.0.0.1:5432/ops"
    assert "resolve:secretsmanager" not in json.dumps(told(paper, "dispatcher-large")["DATABASE_URL"])


def test_secrets_come_from_the_secret_store_by_reference(paper: Standing) -> None:
    given = secret(paper, "dispatcher-tiny")

    assert given.keys() == {"DATABASE_PASSWORD", "ALPACA_SECRET_TINY"}
    assert ":password::" in given["DATABASE_PASSWORD"]
    assert "Brokertiny" in given["ALPACA_SECRET_TINY"]


def test_signs_of_life_are_written_where_the_container_may_write(paper: Standing) -> None:
    what = container(paper, "dispatcher-large")
    (mount,) = what["MountPoints"]

    assert told(paper, "dispatcher-large")["HEALTH_FILE"].startswith(f"{mount['ContainerPath']}/")
    assert mount["ReadOnly"] is False
