import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.inventory import EnvironmentKind, Inventory
from contract.names import StackRole
from infra.declared import Declared, UndeclaredError, at, of
from tests.infra.standing import Standing
from tests.infra.test_variables import told

NOTHING_BUT_LOOPBACK = shutil.which("unshare")
NO_CREDENTIALS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def tags(standing: Standing) -> Iterator[dict[str, str]]:
    """Every tag of every resource, however the type writes it."""
    for each in standing.resources():
        given: Any = each.get("Properties", {}).get("Tags", [])
        yield from given if isinstance(given, list) else [{"Key": key, "Value": given[key]} for key in given]


def test_the_same_inventory_makes_the_same_templates(
    synthesise: Callable[[Declared], Standing], paper: Standing
) -> None:
    assert synthesise(paper.declared).templates == paper.templates


def test_an_environment_has_its_six_stacks_and_the_sandbox_no_delivery(paper: Standing, sandbox: Standing) -> None:
    assert paper.templates.keys() == set(StackRole)
    assert sandbox.templates.keys() == set(StackRole) - {StackRole.DELIVERY}


def test_no_tag_carries_a_revision_because_it_would_move_every_resource(paper: Standing) -> None:
    known = {
        ("ops-pipeline:project", "ops-pipeline"),
        ("ops-pipeline:environment", "paper"),
        ("ops-pipeline:service", "dispatcher-large"),
        ("ops-pipeline:service", "dispatcher-tiny"),
    }
    ours = {(each["Key"], each["Value"]) for each in tags(paper) if each["Key"].startswith("ops-pipeline")}

    assert ours == known


def test_the_sandboxs_addresses_reach_its_services(
    synthesise: Callable[[Declared], Standing], sandbox: Standing
) -> None:
    where = at(sandbox.declared, database_url="postgresql://u@127.0.0.1:5499/world", broker_url="http://127.0.0.1:8099")
    given = told(synthesise(where), "dispatcher-large")

    assert given["DATABASE_URL"] == "postgresql://u@127.0.0.1:5499/world"
    assert given["ALPACA_BASE_URL"] == given["ALPACA_DATA_URL"] == "http://127.0.0.1:8099"


def test_an_environment_in_aws_takes_its_addresses_from_the_inventory_only(paper: Standing) -> None:
    with pytest.raises(UndeclaredError, match="paper is not the sandbox; its addresses are what the inventory says"):
        at(paper.declared, database_url=None, broker_url="http://127.0.0.1:8099")


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:5432/world", "mysql://u@127.0.0.1:1/w", "5432", ""])
def test_an_address_that_is_none_is_refused(sandbox: Standing, url: str) -> None:
    with pytest.raises(UndeclaredError, match="is not postgresql://user@host:port/name"):
        at(sandbox.declared, database_url=url, broker_url=None)


def test_an_environment_without_a_place_cannot_be_stood_up(inventory: Inventory) -> None:
    nowhere = replace(inventory.environments["sandbox"], kind=EnvironmentKind.SANDBOX, place=None)
    placeless = replace(inventory, environments={"sandbox": nowhere})

    with pytest.raises(
        UndeclaredError, match=r"sandbox has no place to stand; declare \[environments\.sandbox\.place\]"
    ):
        of(placeless, None)


def test_no_environment_means_the_default_one(inventory: Inventory) -> None:
    assert of(inventory, None) == of(inventory, "sandbox")


@pytest.mark.skipif(
    NOTHING_BUT_LOOPBACK is None
    or subprocess.run([NOTHING_BUT_LOOPBACK, "-rn", "true"], check=False, capture_output=True).returncode != 0,
    reason="this machine lets nobody make a network namespace, so the absence of a network cannot be arranged",
)
def test_a_synthesis_needs_no_account_no_network_and_no_credentials(tmp_path: Path) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}
    words = [str(NOTHING_BUT_LOOPBACK), "-rn", sys.executable, "-m", "infra.app"]
    made = subprocess.run(
        words,
        env=bare | NO_CREDENTIALS | {"CDK_OUTDIR": str(tmp_path), "CDK_VALIDATION": "false"},
        check=False,
        capture_output=True,
        text=True,
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))

    assert made.returncode == 0, made.stderr
    assert "missing" not in manifest
    assert (tmp_path / "ops-pipeline-sandbox-services.template.json").exists()
