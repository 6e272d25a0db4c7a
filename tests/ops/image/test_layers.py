import io
import os
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.image.layers import archive, compile_words, dependencies, host_python, install_words
from ops.image.oci import Layer, digest_of
from ops.image.store import Store


def packed(folder: Path) -> tuple[Layer, bytes]:
    target = io.BytesIO()
    layer = archive(folder, "/app/lib", target)
    return layer, target.getvalue()


def a_tree(folder: Path, *, names: tuple[str, ...] = ("b.py", "a/c.py", "a.py")) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n", "utf-8")
    return folder


def test_the_same_files_are_the_same_layer_whenever_and_in_whatever_order_they_were_written(tmp_path: Path) -> None:
    one = a_tree(tmp_path / "one")
    two = a_tree(tmp_path / "two", names=("a.py", "a/c.py", "b.py"))
    os.utime(two / "a.py", (1, 1))
    (two / "a.py").chmod(0o600)

    assert packed(one) == packed(two)


def test_another_content_is_another_layer(tmp_path: Path) -> None:
    one, two = a_tree(tmp_path / "one"), a_tree(tmp_path / "two")
    (two / "a.py").write_text("# b.py\n", "utf-8")

    assert packed(one)[0].diff_id != packed(two)[0].diff_id


def test_a_layer_is_named_by_what_it_is(tmp_path: Path) -> None:
    layer, content = packed(a_tree(tmp_path / "tree"))

    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
        owners = {(member.uid, member.gid, member.uname, member.mtime) for member in tar}
    assert (layer.blob.digest, layer.blob.size) == (digest_of(content), len(content))
    assert names == ["app", "app/lib", "app/lib/a", "app/lib/a/c.py", "app/lib/a.py", "app/lib/b.py"]
    assert owners == {(0, 0, "", 0)}


def test_what_may_be_run_may_still_be_run_and_a_link_stays_one(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree", names=("tool",))
    (tree / "tool").chmod(0o744)
    (tree / "link").symlink_to("tool")

    with tarfile.open(fileobj=io.BytesIO(packed(tree)[1])) as tar:
        assert tar.getmember("app/lib/tool").mode == 0o755
        assert tar.getmember("app/lib/link").linkname == "tool"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000), number=st.integers())
def test_every_content_comes_out_as_it_went_in(tmp_path: Path, content: bytes, number: int) -> None:
    tree = tmp_path / str(number)
    tree.mkdir(exist_ok=True)
    (tree / "file").write_bytes(content)

    with tarfile.open(fileobj=io.BytesIO(packed(tree)[1])) as tar:
        file = tar.extractfile("app/lib/file")
        assert file is not None
        assert file.read() == content


def test_dependencies_are_installed_by_hash_and_from_wheels_only() -> None:
    lock, target = Path("requirements/dispatcher.lock"), Path("target")
    same = ["--quiet", "--target", "target", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]

    assert install_words(lock, target, uv="uv") == ["uv", "pip", "install", "--python", str(host_python()), *same]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
    assert install_words(lock, target, uv=None) == [*pip, *same]


def test_files_are_compiled_as_they_will_lie_in_the_image() -> None:
    words = compile_words(Path("tree"))

    assert words[words.index("-m") : words.index("-m") + 2] == ["-m", "compileall"]
    assert words[words.index("-s") :] == ["-s", "tree", "-p", "/app/lib", "tree"]
    assert words[words.index("--invalidation-mode") + 1] == "unchecked-hash"


def test_the_layer_of_dependencies_is_made_once_per_lock(store: Store, tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("# nothing is needed\n", "utf-8")
    first = dependencies(store, lock)
    stamp = first.folder.stat().st_ino

    again = dependencies(store, lock)
    lock.write_text("# nothing at all is needed\n", "utf-8")
    other = dependencies(store, lock)

    assert (again, again.folder.stat().st_ino) == (first, stamp)
    assert other.folder != first.folder


def test_a_layer_that_was_lost_is_made_again(store: Store, tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("# nothing is needed\n", "utf-8")
    first = dependencies(store, lock)
    store.path(first.layer.blob.digest).unlink()

    assert dependencies(store, lock) == first
    assert store.has(first.layer.blob)


@pytest.mark.parametrize("line", ["voluptuous==0.16.0\n", "no such package\n"])
def test_a_lock_without_a_hash_or_without_sense_stops_the_build(store: Store, tmp_path: Path, line: str) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(line, "utf-8")

    with pytest.raises(Exception, match="ended with"):
        dependencies(store, lock)

    assert list((store.home / "layers").glob("*")) == [] if (store.home / "layers").exists() else True
