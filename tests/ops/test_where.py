import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ops.cli.root import Session, ops
from ops.cli.where import where
from ops.errors import OpsError


@pytest.mark.parametrize(("architecture", "platform"), [("X86_64", "linux/amd64"), ("ARM64", "linux/arm64")])
def test_an_environment_in_aws_declares_the_platform_of_its_images(
    tmp_path: Path, architecture: str, platform: str
) -> None:
    inventory = tmp_path / "pipeline.toml"
    declared = Path("pipeline.toml").read_text("utf-8").replace('architecture = "X86_64"', 'architecture = "ARM64"')
    inventory.write_text(declared.replace('"ARM64"', f'"{architecture}"'), "utf-8")

    there = where(Session(env="paper", config=inventory))

    assert (there.name, there.here, there.platform) == ("paper", False, platform)
    assert there.region is not None


def test_the_environment_of_this_machine_takes_this_machines_images() -> None:
    there = where(Session())

    assert (there.name, there.here, there.platform) == ("sandbox", True, None)


def test_an_environment_that_nobody_declares_is_told() -> None:
    with pytest.raises(OpsError, match="no environment is called 'lab'"):
        where(Session(env="lab"))


ASKING_AWS = (
    *("init", "preflight", "deploy", "verify", "rollback --plan", "rollback", "restart", "status", "history"),
    *("logs dispatcher-large", "schedules list", "schedules audit", "schedules sync", "positions"),
    *("trading show", "trading halt large --why test", "trading flatten large --why test"),
)


@pytest.mark.parametrize("words", ASKING_AWS)
def test_no_verb_on_this_machine_ever_speaks_to_an_aws_account(words: str) -> None:
    """Somebody who is logged in to AWS and forgets the endpoint stops nobody's trading there."""
    nowhere = {"AWS_ENDPOINT_URL": None, "AWS_ENDPOINT_URL_DYNAMODB": None}

    result = CliRunner(env=nowhere).invoke(ops, ["--json", "--env", "sandbox", *words.split()])

    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["message"] == (
        "the environment is one of this machine, and AWS is not on it"
    )
