"""Lay the layers of an image over each other in a folder, and let nothing out of that folder.

Whiteouts are honoured. Owners, devices and set-id bits are dropped: the files belong to whoever runs the endpoint.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

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
            with tarfile.open(fileobj=io.BytesIO(layer), mode="r:*") as archive:
                _lay(archive, root)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UnsafeLayerError(f"a layer cannot be unpacked: {error}") from error


def _lay(archive: tarfile.TarFile, root: Path) -> None:
    """One layer. Its whiteouts remove what lower layers left, so they go first."""
    members = archive.getmembers()
    for member in members:
        if PurePosixPath(member.name).name.startswith(_WHITEOUT):
            _white_out(member.name, root)
    for member in members:
        if not PurePosixPath(member.name).name.startswith(_WHITEOUT):
            _write(archive, member, root)


def _white_out(name: str, root: Path) -> None:
    place = _place(name, root)
    if place.name == _OPAQUE:
        for each in place.parent.iterdir() if place.parent.is_dir() else ():
            _remove(each)
    else:
        _remove(_place(str(PurePosixPath(name).with_name(place.name.removeprefix(_WHITEOUT))), root))


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    place = _place(member.name, root)
    if place == root:
        return
    if member.isdir():
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove(place)
    _write_file(archive, member, place, root)


def _write_file(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path, root: Path) -> None:
    if member.issym():
        place.symlink_to(_target(member, place, root))
    elif member.islnk():
        shutil.copy2(_place(member.linkname, root), place, follow_symlinks=False)
    elif member.isfile():
        source = archive.extractfile(member)
        if source is None:
            raise UnsafeLayerError(f"{member.name} has no content")
        with source, place.open("wb") as target:
            shutil.copyfileobj(source, target)
        place.chmod(0o755 if member.mode & 0o111 else 0o644)


def _place(name: str, root: Path) -> Path:
    """Where an entry is written: below the root, with its parent resolved through links already laid."""
    steps = PurePosixPath("/", name).relative_to("/")
    if ".." in steps.parts:
        raise UnsafeLayerError(f"{name} leads out of the image")
    parent = (root / steps).parent.resolve()
    if parent != root and root not in parent.parents and root / steps != root:
        raise UnsafeLayerError(f"{name} leads out of the image through a link")
    return root if root / steps == root else parent / steps.name


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
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
