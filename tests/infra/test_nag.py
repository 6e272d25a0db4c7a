"""cdk-nag's AWS Solutions rules over everything that stands."""

from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from contract.inventory import Inventory, load
from infra.app import SETTINGS, flags, stand_up
from infra.declared import of


def checked(inventory: Inventory, environment: str, out: Path) -> App:
    """An app that is checked when it is synthesised."""
    app = App(context=flags(Path(SETTINGS)), builtin_cloud_formation_validation=False, outdir=str(out))
    stand_up(app, of(inventory, environment))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


@pytest.mark.parametrize("environment", ["paper", "sandbox"])
def test_no_finding_stands_without_a_reason(tmp_path: Path, environment: str) -> None:
    checked(load(Path("pipeline.toml")), environment, tmp_path).synth()


def test_the_check_finds_what_is_wrong(inventory: Inventory, tmp_path: Path) -> None:
    app = checked(inventory, "sandbox", tmp_path)
    sqs.Queue(Stack(app, "Other"), "InTheClear", encryption=sqs.QueueEncryption.UNENCRYPTED)

    with pytest.raises(RuntimeError, match="The SQS Queue does not have server-side encryption enabled"):
        app.synth()
