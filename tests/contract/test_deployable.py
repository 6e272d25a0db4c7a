"""What an inventory says about where things run and what runs: places, services, schedules."""

import re
from pathlib import Path

import pytest

from contract.inventory import Inventory, load, read
from contract.limits import CEILINGS
from contract.strict import DocumentError
from contract.workload import ScheduleState
from tests.inventories import DECLARED, serving


def problems(text: str) -> list[str]:
    """Everything that is wrong with the document, in the words its author reads."""
    with pytest.raises(DocumentError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load(Path("pipeline.toml"))


def test_every_service_of_this_repository_serves_declared_accounts(inventory: Inventory) -> None:
    served = {account for service in inventory.services.values() for account in service.accounts}

    assert served == inventory.accounts.keys()


def test_the_schedules_that_doubled_the_dispatcher_are_declared_off(inventory: Inventory) -> None:
    states = {name: each.state for name, each in inventory.external_schedules.items()}

    assert states == {
        "ops-pipeline-dispatcher-tiny": ScheduleState.DISABLED,
        "ops-pipeline-classifier": ScheduleState.DISABLED,
    }


def test_an_environment_in_aws_says_where_it_stands() -> None:
    text = re.sub(r"^\[environments\.paper\.place(?:[^\n]*\n(?!\[))*[^\n]*\n", "", DECLARED, flags=re.MULTILINE)

    assert problems(text) == [
        "environments.paper: is in AWS but has no place; declare the account, region, network, database and broker"
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        (
            'cidr = "10.73.0.0/20"',
            'vpc = "vpc-1"',
            "environments.sandbox.place.network: needs one of subnets for each of availability_zones",
        ),
        (
            'cidr = "10.73.0.0/20"',
            'cidr = "10.73.0.0/20"\nvpc = "vpc-1"',
            "environments.sandbox.place.network: is either ours or there already; give cidr, or vpc and subnets",
        ),
        (
            'public_ip = true\ncidr = "10.73.0.0/20"',
            'public_ip = false\ncidr = "10.73.0.0/20"',
            (
                "environments.sandbox.place.network: ours has no NAT; set public_ip = true, or give the vpc and "
                "subnets that have one"
            ),
        ),
        (
            'host = "127.0.0.1"',
            'host = "127.0.0.1"\ninstance = "t4g.micro"',
            (
                "environments.sandbox.place.database: has a host, so it is there already; drop instance, storage_gib "
                "and version"
            ),
        ),
        (
            'version = "17"',
            "",
            "environments.paper.place.database: needs either host, or all of instance, storage_gib and version",
        ),
        (
            'environments = ["paper"] ',
            "branches = []",
            "environments.paper.place.delivery: names neither branches nor environments; say whose jobs may deploy",
        ),
        (
            'environments = ["paper"] ',
            'branches = ["*"]',
            "environments.paper.place.delivery: * would admit jobs that are not named; name each",
        ),
        (
            'stack_environments = ["paper-stacks"]',
            'stack_environments = ["paper"]',
            "environments.paper.place.delivery: paper may deploy releases and stacks; give the stacks their own",
        ),
        (
            'account = "111122223333"',
            'account = "paper"',
            "environments.paper.place.account: is not the number of an AWS account, which has 12 digits",
        ),
        (
            "log_retention_days = 90",
            "log_retention_days = 91",
            "environments.paper.place.log_retention_days: is no retention CloudWatch knows",
        ),
        (
            "memory = 512 ",
            "memory = 4096 ",
            (
                "services.positions-tiny: no task has 256 CPU units and 4096 MiB; there are 256 with 512 to 2048; "
                "512 with 1024 to 4096; 1024 with 2048 to 8192; 2048 with 4096 to 16384"
            ),
        ),
        (
            "stop_seconds = 30",
            "stop_seconds = 300",
            "services.positions-tiny.stop_seconds: must be from 1 to 120, the most that Fargate waits",
        ),
        (
            'accounts = ["large"]',
            'accounts = ["large", "huge"]',
            "services.positions-large.accounts: no account is called huge; declare [accounts.huge]",
        ),
        (
            'accounts = ["large"]',
            "accounts = []",
            "services.positions-large: serves no account; name at least one in accounts",
        ),
        (
            'rules = "default"',
            'rules = "strict"',
            "services.dispatcher-tiny.rules: no rule set is called strict; declare [verification.strict]",
        ),
        (
            'command = ["run"]',
            "command = []",
            "services.dispatcher-tiny.command: is empty; name a command of the image, such as run",
        ),
        (
            'service = "dispatcher-large"',
            'service = "dispatcher"',
            "schedules.preopen-check.service: no service is called dispatcher; declare [services.dispatcher]",
        ),
        (
            'expression = "cron(0 9 ? * MON-FRI *)"',
            'expression = "0 9 * * 1-5"',
            "schedules.preopen-check-tiny.expression: is not cron(…), rate(…) or at(…)",
        ),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(was: str, becomes: str, problem: str) -> None:
    assert was in DECLARED
    assert problems(DECLARED.replace(was, becomes, 1)) == [problem]


def test_two_services_that_do_the_same_for_one_account_are_refused() -> None:
    again = DECLARED.replace("[schedules.preopen-check]", "[services.second]\n" + SECOND + "[schedules.preopen-check]")

    assert problems(again) == ["services.second: dispatcher-large already does run for large; one of each is enough"]


def test_a_service_may_not_be_called_like_a_template() -> None:
    text = DECLARED.replace("dispatcher-large", "dispatcher-large-template")

    assert problems(text) == ["services.dispatcher-large-template: ends like the template of another; rename it"]


def test_an_environment_may_not_begin_like_another() -> None:
    text = DECLARED.replace("environments.paper", "environments.sandbox-two")

    assert problems(text) == [
        "environments.sandbox-two: begins like sandbox, whose roles would reach into it; rename it"
    ]


def test_an_inventory_may_declare_that_nothing_runs() -> None:
    nothing = read(serving())

    assert (nothing.services, nothing.schedules) == ({}, {})


def test_what_looks_after_positions_comes_before_what_opens_them_and_the_small_account_before_the_large(
    inventory: Inventory,
) -> None:
    """The order of a deployment: whatever fails on the small account never reaches the large one."""
    order = [(each.command, each.accounts) for each in inventory.services.values()]

    assert order == [
        (("positions",), ("tiny",)),
        (("positions",), ("large",)),
        (("run",), ("tiny",)),
        (("run",), ("large",)),
    ]


def test_the_small_account_may_never_do_more_than_the_large_one(inventory: Inventory) -> None:
    tiny, large = inventory.accounts["tiny"], inventory.accounts["large"]

    for limit in (*CEILINGS, "halt_after_rejections", "entry_life_seconds"):
        assert getattr(tiny, limit) <= getattr(large, limit), limit
    assert tiny.max_notional_per_order * 10 < large.max_notional_per_order


SECOND = """
command = ["run"]
accounts = ["large"]
rules = "default"
cpu = 256
memory = 512
heartbeat_seconds = 30
stop_seconds = 30
"""
