"""From a commit of this repository to a digest in a registry, by the verbs, with the real lock and a real endpoint."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from contract.names import Names
from ops.aws.ecr import EcrImages
from ops.aws.session import Aws, Call
from ops.cli.root import ops
from ops.image.layers import dependencies
from ops.image.source import LOCK
from ops.image.store import Store
from sandbox.aws.run import running

pytestmark = pytest.mark.world

REPOSITORY = Names("sandbox").repository
ROOT = Path.cwd()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for the module: the locked dependencies, half a minute's work on a busy machine, are laid once."""
    folder = tmp_path_factory.mktemp("kept")
    dependencies(Store(folder), ROOT / LOCK)
    return folder


@pytest.fixture(scope="module")
def images() -> Iterator[EcrImages]:
    """The repository of a local endpoint; its tags may not move."""
    with running() as local:
        aws = Aws(endpoint_url=local.url, region=local.settings.region)
        request = {"repositoryName": REPOSITORY, "imageTagMutability": "IMMUTABLE"}
        aws.ask(Call("ecr", "CreateRepository", request))
        yield EcrImages(aws, REPOSITORY)


@pytest.fixture
def clone(tmp_path: Path, kept: Path, images: EcrImages, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of this repository, with the verbs pointed at the endpoint."""
    folder = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPS_HOME", str(kept))
    monkeypatch.setenv("AWS_ENDPOINT_URL", images.aws.endpoint_url or "")
    return folder


def git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{what}": "lamp@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, env={**os.environ, **who}, capture_output=True, text=True, check=True).stdout.strip()


def said(*words: str, exit_code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(ops, ["--json", *words])
    assert result.exit_code == exit_code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def commit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")


def test_what_was_built_from_the_commit_is_what_the_registry_has(clone: Path, images: EcrImages) -> None:
    built = said("build", "--builder", "layers")["image"]
    pushed = said("push")
    again = said("push")

    assert built["tag"] == built["revision"] == git(clone, "rev-parse", "HEAD")
    assert (built["dirty"], built["builder"]) == (False, "layers")
    assert images.digest(built["tag"]) == built["digest"] == pushed["image"]["digest"]
    assert images.labels(built["digest"]) == built["labels"]
    assert images.has(built["digest"])
    assert (pushed["new"], again["new"]) == (True, False)
    assert pushed["uri"] == f"{images.uri()}@{built['digest']}"
    for _ in range(2):
        images.tag(built["digest"], f"verified-{built['tag']}")
    assert images.digest(f"verified-{built['tag']}") == built["digest"]


def test_an_import_that_no_lock_pins_stops_the_build_and_nothing_can_be_pushed(clone: Path) -> None:
    """It is the original's defect: this machine has the package, every test passes, and the image lacks it."""
    commit(clone, "dispatcher/core/greeks.py", "import hypothesis\n")

    refused = said("build", "--builder", "layers", exit_code=1)["error"]
    unbuilt = said("push", exit_code=1)["error"]

    assert refused["message"] == "the image does not hold: dispatcher.core.greeks: No module named 'hypothesis'"
    assert unbuilt["message"].startswith("nothing was built under the tag ")
    assert unbuilt["next"].startswith("ops build")


def test_changes_are_not_built_by_accident(clone: Path) -> None:
    (clone / "README.md").write_text("changed\n", "utf-8")

    refused = said("build", "--builder", "layers", exit_code=1)["error"]

    assert refused["message"] == "the working tree has changes that no commit has: README.md"


def test_the_engine_builds_on_a_base_only(clone: Path) -> None:
    del clone
    refused = said("build", "--builder", "engine", exit_code=2)["error"]

    assert refused["message"] == "a container engine builds on a base image, and none is given"
