from pathlib import Path

import pytest

from ops.cli.root import Session
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
