"""Images made without an engine, and unpacked without trusting them."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from sandbox.aws.images import Description, ImageError, Layer, assemble, read, write
from sandbox.aws.unpack import UnsafeLayerError, unpack

_RUNS = Description(entrypoint=("python", "-m", "app"), labels={"org.opencontainers.image.revision": "abc"})


def _folder(place: Path, names: tuple[str, ...] = ("b.py", "a/c.py")) -> Path:
    for name in names:
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}", encoding="utf-8")
    return place


def _layer(*entries: tuple[str, bytes | str]) -> bytes:
    """A layer of files (bytes), links (text that starts with `->`) and folders (empty text)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
            else:
                entry.type = tarfile.SYMTYPE if content.startswith("->") else tarfile.DIRTYPE
                entry.linkname = content.removeprefix("->")
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def test_the_same_files_make_the_same_digest(tmp_path: Path) -> None:
    one, two = _folder(tmp_path / "one"), _folder(tmp_path / "two", ("a/c.py", "b.py"))
    os.utime(two / "b.py", (1, 1))
    (two / "b.py").chmod(0o600)
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "b.pyc").write_bytes(b"compiled")

    assert assemble([Layer(one, "/app/lib")], _RUNS).digest == assemble([Layer(two, "/app/lib")], _RUNS).digest


def test_another_file_label_or_place_makes_another_digest(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "one")
    first = assemble([Layer(folder, "/app/lib")], _RUNS).digest

    assert assemble([Layer(folder, "/app/other")], _RUNS).digest != first
    assert assemble([Layer(folder, "/app/lib")], Description(entrypoint=("python",))).digest != first
    (folder / "b.py").write_text("changed", encoding="utf-8")
    assert assemble([Layer(folder, "/app/lib")], _RUNS).digest != first


def test_what_is_assembled_unpacks_to_the_same_files(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "one")
    (folder / "run").write_text("#!/bin/sh", encoding="utf-8")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("a/c.py")
    image = assemble([Layer(folder, "/app/lib"), Layer(_folder(tmp_path / "top", ("b.py",)), "/app/lib")], _RUNS)

    unpack([blob.content for blob in image.layers], tmp_path / "root")

    lib = tmp_path / "root" / "app" / "lib"
    assert (lib / "a" / "c.py").read_text(encoding="utf-8") == "# a/c.py"
    assert (lib / "link").read_text(encoding="utf-8") == "# a/c.py"
    assert os.access(lib / "run", os.X_OK)
    assert not os.access(lib / "b.py", os.X_OK)


def test_an_image_can_be_kept_and_read_again(tmp_path: Path) -> None:
    image = assemble([Layer(_folder(tmp_path / "one"), "/app/lib")], _RUNS)

    write(image, tmp_path / "layout")

    assert read(tmp_path / "layout") == image
    blob = tmp_path / "layout" / "blobs" / "sha256" / image.config.digest.removeprefix("sha256:")
    blob.write_bytes(b"{}")
    with pytest.raises(ImageError, match="hashes to"):
        read(tmp_path / "layout")


def test_a_layer_without_its_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="has no folder"):
        assemble([Layer(tmp_path / "nowhere", "/app")], _RUNS)


def test_whiteouts_remove_what_lower_layers_left(tmp_path: Path) -> None:
    lower = _layer(("app/gone", b"1"), ("app/kept", b"2"), ("dir/a", b"3"), ("dir/b", b"4"))
    upper = _layer(("app/.wh.gone", b""), ("dir/c", b"5"), ("dir/.wh..wh..opq", b""))

    unpack([lower, upper], tmp_path)

    assert sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()) == [
        "app/kept",
        "dir/c",
    ]


@pytest.mark.parametrize(
    "entries",
    [
        (("../out", b"x"),),
        (("app/../../out", b"x"),),
        (("link", "->../.."),),
        (("app/.wh.../x", b""), ("../.wh.out", b"")),
    ],
)
def test_nothing_is_written_outside_the_image(tmp_path: Path, entries: tuple[tuple[str, bytes | str], ...]) -> None:
    (tmp_path / "out").write_text("untouched", encoding="utf-8")

    with pytest.raises(UnsafeLayerError, match="image"):
        unpack([_layer(*entries)], tmp_path / "root")

    assert (tmp_path / "out").read_text(encoding="utf-8") == "untouched"


def test_an_absolute_name_or_link_means_the_images_root(tmp_path: Path) -> None:
    unpack([_layer(("/app/file", b"x"), ("etc/link", "->/app/file"))], tmp_path / "root")

    assert (tmp_path / "root" / "etc" / "link").read_bytes() == b"x"


def test_a_layer_that_is_no_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnsafeLayerError, match="cannot be unpacked"):
        unpack([b"nonsense"], tmp_path)
