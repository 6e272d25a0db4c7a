"""Lay the layers of an image over each other in a folder, and let nothing out of that folder.

Whiteouts are honoured. Owners, devices and set-id bits are dropped: the files belong to whoever runs the endpoint.
"""

import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

_GZIP = b"\x1f\x8b"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class UnsafeLayerError(ValueError):
    """A layer tried to write outside its folder, or is no archive."""


def unpack(layers: Sequence[bytes], folder: Path) -> None:
    """Unpack gzip- or uncompressed layers into `folder`, the first one lowest.

    Raises:
        UnsafeLayerError: a name, a link or a whiteout leads outside, or a layer cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    for layer in layers:
        try:
            # Whole in memory: an archive is read twice, and a compressed one would be decompressed twice.
            plain = gzip.decompress(layer) if layer.startswith(_GZIP) else layer
            with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
                _lay(archive, root)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise UnsafeLayerError(f"a layer cannot be unpacked: {error}") from error


def _lay(archive: tarfile.TarFile, root: Path) -> None:
    """One layer. Its whiteouts remove what lower layers left, so they go first."""
    members = archive.getmembers()
    places = _Places(root)
    for member in members:
        if _is_whiteout(member.name):
            _white_out(places.of(member.name))
    for member in members:
        if not _is_whiteout(member.name):
            _write(archive, member, places)


def _is_whiteout(name: str) -> bool:
    return name.rpartition("/")[2].startswith(_WHITEOUT)


class _Places:
    """Where the entries of a layer are written: below the root, whatever links lie on the way.

    A folder is looked at once, until a link is laid that could lead it elsewhere.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, Path] = {}

    def of(self, name: str) -> Path:
        """The place of an entry.

        Raises:
            UnsafeLayerError: it lies outside the root.
        """
        steps = [step for step in name.split("/") if step not in {"", "."}]
        if ".." in steps:
            raise UnsafeLayerError(f"{name} leads out of the image")
        return self._folder("/".join(steps[:-1]), name) / steps[-1] if steps else self.root

    def forget(self) -> None:
        """A link was laid."""
        self._known.clear()

    def _folder(self, path: str, name: str) -> Path:
        if path not in self._known:
            folder = (self.root / path).resolve()
            if folder != self.root and self.root not in folder.parents:
                raise UnsafeLayerError(f"{name} leads out of the image through a link")
            self._known[path] = folder
        return self._known[path]


def _white_out(place: Path) -> None:
    if place.name == _OPAQUE:
        for each in place.parent.iterdir() if place.parent.is_dir() else ():
            _remove(each)
    elif (hidden := place.name.removeprefix(_WHITEOUT)) not in {"", ".", ".."}:
        _remove(place.with_name(hidden))


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, places: _Places) -> None:
    place = places.of(member.name)
    if place == places.root:
        return
    if member.isdir():
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
        place.mkdir(parents=True, exist_ok=True)
        return
    if not place.parent.is_dir():
        place.parent.mkdir(parents=True)
    _remove(place)
    _write_file(archive, member, place, places)


def _write_file(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path, places: _Places) -> None:
    if member.issym():
        place.symlink_to(_target(member, place, places.root))
        places.forget()
    elif member.islnk():
        shutil.copy2(places.of(member.linkname), place, follow_symlinks=False)
    elif member.isfile():
        source = archive.extractfile(member)
        if source is None:
            raise UnsafeLayerError(f"{member.name} has no content")
        with source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
        place.chmod(0o755 if member.mode & 0o111 else 0o644)


def _target(member: tarfile.TarInfo, place: Path, root: Path) -> str:
    """Where a link points: an absolute one means the image's root, not the host's; one that climbs out is refused."""
    link = member.linkname
    if link.startswith("/"):
        link = os.path.relpath(root / link.lstrip("/"), place.parent)
    resolved = (place.parent / link).resolve()
    if resolved != root and root not in resolved.parents:
        raise UnsafeLayerError(f"{member.name} links to {member.linkname}, outside the image")
    return link


def _remove(place: Path) -> None:
    try:
        place.unlink()
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(place)
