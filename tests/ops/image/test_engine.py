import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.environment import BUILD_REVISION
from contract.names import ENTRY_POINT, IMAGE_USER, SCRATCH
from ops.image import engine
from ops.image.oci import HOME, LIBRARY
from ops.image.source import PATHS, Source, source
from ops.image.store import Store
from sandbox.engine.base import base_image
from sandbox.engine.client import answering

DOCKERFILE = Path("dispatcher/Dockerfile").read_text("utf-8")
SOURCE = Source(
    repository=Path("/lamp"),
    revision="1f" * 20,
    created=datetime(2026, 11, 20, tzinfo=UTC),
    tree="2e" * 20,
    dirty=False,
)


def test_the_engine_is_told_base_tag_and_labels() -> None:
    words = engine.build_words(SOURCE, Path("/export"), {"a": "b"}, base="python@sha256:1", platform=None, network=None)

    assert words == [
        *("docker", "build", "--quiet", "--file", "/export/dispatcher/Dockerfile"),
        *("--tag", f"ops-pipeline/dispatcher:{SOURCE.tag}"),
        *("--build-arg", "BASE=python@sha256:1", "--build-arg", f"BUILD_REVISION={SOURCE.tag}"),
        *("--label", "a=b", "/export"),
    ]


def test_platform_and_network_are_handed_on() -> None:
    words = engine.build_words(SOURCE, Path("/e"), {}, base="python", platform="linux/arm64", network="host")

    assert words[words.index("--platform") + 1] == "linux/arm64"
    assert words[words.index("--network") + 1] == "host"


def test_the_check_runs_without_network_and_writes_nowhere() -> None:
    assert engine.probe_words("sha256:1f2e") == (
        *("docker", "run", "--rm", "--network", "none", "--read-only"),
        *("--entrypoint", "python", "sha256:1f2e"),
    )


def test_the_dockerfile_says_what_the_layers_configuration_says() -> None:
    final = DOCKERFILE.rpartition("FROM ${BASE}")[2]

    assert f"USER {IMAGE_USER}\n" in final
    assert f"WORKDIR {HOME}\n" in final
    assert f'VOLUME ["{SCRATCH}"]\n' in final
    assert f"ENV PYTHONPATH={LIBRARY} PYTHONUNBUFFERED=1 {BUILD_REVISION.name}=${{{BUILD_REVISION.name}}}\n" in final
    assert "ENTRYPOINT [" + ", ".join(f'"{word}"' for word in ENTRY_POINT) + "]" in final


def test_the_dockerfile_needs_no_shell_and_nothing_that_is_not_exported() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)

    assert set(copied) == set(PATHS)
    assert [line for line in re.findall(r"^RUN (.)", DOCKERFILE, re.MULTILINE) if line != "["] == []
    assert "RUN" not in DOCKERFILE.rpartition("FROM ${BASE}")[2]
    assert "--require-hashes" in DOCKERFILE


@pytest.mark.containers
def test_an_engine_builds_this_repository(tmp_path: Path) -> None:
    client = answering()
    base = base_image(client)
    built = engine.build(
        source(Path.cwd(), allow_dirty=True), Store(tmp_path), base=base, platform=None, network="host"
    )

    assert built.builder == "engine"
    assert built.labels["ops-pipeline.schema-head"]
    assert Store(tmp_path).built(built.tag) == built
