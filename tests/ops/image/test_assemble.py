"""Images assembled from a small repository: what is in them, and what stops them."""

import json
import socket
import tarfile
from pathlib import Path

import pytest

from contract.names import ENTRY_POINT, IMAGE_USER
from ops.errors import Exit, OpsError
from ops.image import probe
from ops.image.assemble import assemble
from ops.image.layers import host_platform
from ops.image.oci import blobs_of, digest_of
from ops.image.source import source
from ops.image.store import Built, Store, expect_built, home
from tests.ops.image.lamp import Lamp


def build(lamp: Lamp, store: Store, *, allow_dirty: bool = False) -> Built:
    return assemble(source(lamp.folder, allow_dirty=allow_dirty), store, None)


# ----------------------------------------------------------------------------------------------------- what is in it


def test_the_image_is_one_manifest_of_two_layers_for_one_platform(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)

    content = store.manifest(built.digest)
    document = json.loads(content)
    *layers, config = blobs_of(document)
    assert digest_of(content) == built.digest
    assert document["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert len(layers) == 2
    assert all(store.has(blob) for blob in (*layers, config))
    assert built.size_bytes == sum(layer.size for layer in layers)


def test_the_configuration_says_how_it_runs_and_what_it_is(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)

    *_, named = blobs_of(json.loads(store.manifest(built.digest)))
    document = json.loads(store.path(named.digest).read_text("utf-8"))
    assert f"{document['os']}/{document['architecture']}" == host_platform()
    assert document["created"] == "2026-11-20T15:00:00+00:00"
    assert document["config"] == {
        "User": IMAGE_USER,
        "Env": ["PYTHONPATH=/app/lib", "PYTHONUNBUFFERED=1", f"BUILD_REVISION={built.tag}"],
        "Entrypoint": list(ENTRY_POINT),
        "WorkingDir": "/app",
        "Volumes": {"/tmp": {}},  # noqa: S108 - the image's own
        "Labels": {
            "org.opencontainers.image.revision": built.revision,
            "org.opencontainers.image.created": "2026-11-20T15:00:00+00:00",
            "org.opencontainers.image.base.name": "none",
            "ops-pipeline.dirty": "false",
            "ops-pipeline.schema-head": "0007",
            "ops-pipeline.schema-min": "0004",
        },
    }


def test_our_code_lies_compiled_in_the_library_and_the_recipe_does_not(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)

    code = blobs_of(json.loads(store.manifest(built.digest)))[1]
    with tarfile.open(store.path(code.digest)) as tar:
        names = tar.getnames()
    assert "app/lib/dispatcher/price.py" in names
    assert any(name.startswith("app/lib/dispatcher/__pycache__/price.") for name in names)
    assert "app/lib/dispatcher/Dockerfile" not in names


def test_the_same_commit_gives_the_same_digest_anywhere(lamp: Lamp, store: Store, tmp_path: Path) -> None:
    there = Lamp(tmp_path / "elsewhere")

    assert build(lamp, store).digest == build(there, Store(tmp_path / "other store")).digest


def test_a_dirty_build_says_so_in_tag_label_and_lines(lamp: Lamp, store: Store) -> None:
    lamp.write("dispatcher/price.py", "TICK = 2\n")

    built = build(lamp, store, allow_dirty=True)

    assert (built.dirty, built.labels["ops-pipeline.dirty"]) == (True, "true")
    assert built.tag.startswith(f"{built.revision}-dirty-")


def test_what_was_built_is_found_again_by_its_tag_until_its_content_is_gone(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)
    found = store.built(built.tag)
    store.path(built.digest).unlink()

    assert found == built
    assert store.built(built.tag) is None
    assert store.built("another") is None


def test_the_same_files_are_asked_once(lamp: Lamp, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(lamp, store)

    def never(*_: object) -> str:
        raise AssertionError("asked twice")

    monkeypatch.setattr(probe, "ask", never)

    assert build(lamp, store) == built


def test_other_tools_find_the_image_by_its_tag(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)

    index = json.loads((store.layout / "index.json").read_text("utf-8"))
    assert json.loads((store.layout / "oci-layout").read_text("utf-8")) == {"imageLayoutVersion": "1.0.0"}
    assert [(row["digest"], row["annotations"]) for row in index["manifests"]] == [
        (built.digest, {"org.opencontainers.image.ref.name": built.tag})
    ]


def test_nothing_is_left_of_the_making(lamp: Lamp, store: Store) -> None:
    build(lamp, store)

    assert {path.name for path in store.home.iterdir()} == {".gitignore", "builds", "images", "layers"}


def test_all_worktrees_of_a_repository_share_what_was_built(lamp: Lamp, tmp_path: Path) -> None:
    lamp.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "beside"))

    assert home(tmp_path / "beside", {}) == home(lamp.folder, {}) == lamp.folder / ".ops"
    assert home(lamp.folder, {"OPS_HOME": "/elsewhere"}) == Path("/elsewhere")


def test_a_build_leaves_the_tree_clean(lamp: Lamp) -> None:
    build(lamp, Store(home(lamp.folder, {})))

    assert lamp.git("status", "--porcelain") == ""


# ------------------------------------------------------------------------------------------------- what stops a build


def refused(lamp: Lamp, store: Store) -> str:
    lamp.commit()
    with pytest.raises(OpsError) as raised:
        build(lamp, store)
    assert raised.value.exit_code is Exit.NOT_DONE
    assert not (store.home / "builds").exists(), "an image that does not hold was never built"
    return raised.value.message


def test_an_import_that_is_missing_only_in_the_image_stops_the_build(lamp: Lamp, store: Store) -> None:
    """Here, click is installed. In the image it is not: no lock pins it."""
    lamp.write("dispatcher/options.py", "import click\n")

    assert refused(lamp, store) == "the image does not hold: dispatcher.options: No module named 'click'"


def test_a_module_that_was_deleted_under_its_importer_stops_the_build(lamp: Lamp, store: Store) -> None:
    lamp.write("dispatcher/order.py", "from dispatcher.price import TICK\n")
    (lamp.folder / "dispatcher/price.py").unlink()

    assert refused(lamp, store) == "the image does not hold: dispatcher.order: No module named 'dispatcher.price'"


def test_a_name_that_is_not_defined_stops_the_build_and_is_shown_where_it_is(lamp: Lamp, store: Store) -> None:
    lamp.write("dispatcher/order.py", "side = action\n")

    message = refused(lamp, store)

    assert message == (
        "the image does not hold: NameError: name 'action' is not defined "
        '(File "/app/lib/dispatcher/order.py", line 1, in <module>)'
    )


def test_an_image_that_needs_the_network_to_import_stops_the_build(lamp: Lamp, store: Store) -> None:
    if not probe.no_network():
        pytest.skip("NOT TESTED: this machine does not let us take the network from a program")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lamp.write("dispatcher/quotes.py", f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)\n")

        assert "dispatcher/quotes.py" in refused(lamp, store)


def test_layers_for_another_platform_are_refused(lamp: Lamp, store: Store) -> None:
    with pytest.raises(OpsError, match="without a container engine an image is for this machine"):
        assemble(source(lamp.folder, allow_dirty=False), store, "linux/riscv64")


def test_a_digest_that_is_not_the_one_built_is_refused_and_both_are_named(lamp: Lamp, store: Store) -> None:
    built = build(lamp, store)
    other = f"sha256:{'0' * 64}"

    expect_built(built, built.digest, "task 1f2e")
    with pytest.raises(OpsError) as raised:
        expect_built(built, other, "task 1f2e")

    assert raised.value.message == f"task 1f2e has {other} under tag {built.tag}, but {built.digest} was built"
