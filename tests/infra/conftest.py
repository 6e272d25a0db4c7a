"""Synthesised once for the session: two accounts and their two services, in AWS and in the sandbox."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import infra  # noqa: F401  chooses Node, before the library below starts it

# isort: split
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from contract.inventory import Inventory, load
from contract.names import StackRole
from infra.app import SETTINGS, Stacks, flags, stand_up
from infra.declared import Declared, of
from tests.infra.standing import Standing


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    """The dispatchers of what this repository declares, with numbers that tell the environments apart."""
    declared = load(Path("pipeline.toml"))
    environments = {
        name: replace(each, account_numbers={"large": f"PA1{name.upper()}", "tiny": f"PA2{name.upper()}"})
        for name, each in declared.environments.items()
    }
    return replace(
        declared,
        environments=environments,
        services={name: declared.services[name] for name in ("dispatcher-tiny", "dispatcher-large")},
        schedules={name: declared.schedules[name] for name in ("preopen-check", "iv-snapshot")},
    )


@pytest.fixture(scope="session")
def synthesise() -> Callable[[Declared], Standing]:
    """Makes the templates of an environment."""
    return _synthesise


@pytest.fixture(scope="session")
def paper(inventory: Inventory) -> Standing:
    """The environment in AWS."""
    return _synthesise(of(inventory, "paper"))


@pytest.fixture(scope="session")
def sandbox(inventory: Inventory) -> Standing:
    """The sandbox."""
    return _synthesise(of(inventory, "sandbox"))


def _synthesise(declared: Declared) -> Standing:
    # The library's own check of every template takes longer than all of these tests; `make synth` has it on.
    app = App(context=flags(Path(SETTINGS)), builtin_cloud_formation_validation=False)
    stacks = stand_up(app, declared)
    return Standing(declared, {role: Template.from_stack(stack).to_json() for role, stack in _by_role(stacks).items()})


def _by_role(stacks: Stacks) -> dict[StackRole, Stack]:
    found: dict[StackRole, Stack | None] = {role: getattr(stacks, role.value) for role in StackRole}
    return {role: stack for role, stack in found.items() if stack is not None}
