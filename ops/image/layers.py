"""Layers without a container engine: a folder becomes an archive that is the same each time.

Names are sorted, owners, times and modes are set, so that the digest depends on the content alone. The locked
dependencies are one layer, made once per lock, Python and platform; our own code is another.
"""

import gzip
import json
import os
import platform as machine
import shutil
import stat
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Protocol

from ops.image.oci import LAYER, LIBRARY, Blob, Layer
from ops.image.store import Store
from ops.programs import run

RECIPE = 1
"""Raised when the way in which the dependency layer is made changes, so that a kept one is made again."""

_COMPRESSION = 1
"""A dependency layer of 200 MB is written in half the time of level 6, for a tenth more bytes."""


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int:
        """Take the bytes."""


class Hashing:
    """Passes bytes on, and knows their digest and number."""

    def __init__(self, inner: _Writable) -> None:
        self._inner = inner
        self._hash = sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        """Pass the bytes on."""
        self._hash.update(data)
        self.size += len(data)
        return self._inner.write(data)

    def flush(self) -> None:
        """The file below is flushed when it is closed."""

    @property
    def digest(self) -> str:
        """Of all that was passed on so far."""
        return f"sha256:{self._hash.hexdigest()}"


def archive(folder: Path, prefix: str, target: IO[bytes]) -> Layer:
    """Write everything in the folder as a compressed layer, below the absolute path `prefix`."""
    stored = Hashing(target)
    # A stream without a name or a time in its header, or the same files would give two digests.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=stored, mtime=0) as packed:
        inside = Hashing(packed)
        with tarfile.open(fileobj=inside, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload] # the same
            for parent in _parents(prefix):
                tar.addfile(_entry(tarfile.TarInfo(parent), tarfile.DIRTYPE, 0o755))
            for path in _walk(folder):
                _add(tar, path, f"{prefix.strip('/')}/{path.relative_to(folder).as_posix()}")
    return Layer(Blob(LAYER, stored.digest, stored.size), inside.digest)


def _parents(prefix: str) -> Iterator[str]:
    steps = prefix.strip("/").split("/")
    return ("/".join(steps[: count + 1]) for count in range(len(steps)))


def _walk(folder: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - sorted as text, the same on every platform
        path = folder / name
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    if path.is_symlink():
        info.linkname = str(path.readlink())
        tar.addfile(_entry(info, tarfile.SYMTYPE, 0o777))
    elif path.is_dir():
        tar.addfile(_entry(info, tarfile.DIRTYPE, 0o755))
    else:
        info.size = path.stat().st_size
        executable = path.stat().st_mode & stat.S_IXUSR
        with path.open("rb") as content:
            tar.addfile(_entry(info, tarfile.REGTYPE, 0o755 if executable else 0o644), content)


def _entry(info: tarfile.TarInfo, kind: bytes, mode: int) -> tarfile.TarInfo:
    """What would differ from build to build is the same each time: TarInfo's own owner and time are root and 1970."""
    info.type, info.mode = kind, mode
    return info


# ----------------------------------------------------------------------------------------------------- what goes in


@dataclass(frozen=True, slots=True)
class Laid:
    """A layer, and the folder it was made of."""

    layer: Layer
    folder: Path


def host_platform() -> str:
    """The platform of what this machine's Python installs, as images name it."""
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    return f"linux/{names.get(machine.machine().lower(), machine.machine().lower())}"


def host_python() -> Path:
    """This machine's Python outside of any virtual environment: what knows only its standard library under -S."""
    return Path(getattr(sys, "_base_executable", "") or sys.executable)


def install_words(lock: Path, target: Path, *, uv: str | None) -> list[str]:
    """The command that installs what the lock pins, checked against its hashes, wheels only: nothing runs."""
    installer = [uv, "pip", "install", "--python", str(host_python())] if uv else [*_PIP, "install", "--no-compile"]
    return [
        *installer,
        "--quiet",
        "--target",
        str(target),
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        str(lock),
    ]


_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def compile_words(folder: Path) -> list[str]:
    """The command that compiles the folder as it will lie in the image.

    The image's file system is read-only, so that what is not compiled here would be at each start of a task. Compiled
    files are bound to their source by nothing that changes from build to build, a time least of all. Tests of
    dependencies are never imported and are left alone.
    """
    own = ["-s", str(folder), "-p", LIBRARY, str(folder)]
    program = [str(host_python()), "-I", "-S", "-m", "compileall"]
    return [*program, "-q", "-x", "/tests/", "--invalidation-mode", "unchecked-hash", *own]


def dependencies(store: Store, lock: Path) -> Laid:
    """The layer of what the lock pins. Made once; a second build finds it.

    Raises:
        OpsError: a package cannot be had, or is not what its hash says.
    """
    kept = store.home / "layers" / _key(lock)
    if not _whole(store, kept):
        with store.workshop() as workshop:
            _make(store, lock, workshop)
            _keep(store, workshop / "kept", kept)
    return Laid(_read(kept), kept / "tree")


def _keep(store: Store, made: Path, kept: Path) -> None:
    """Put the layer in its place, unless another build has just done so: its tree may be in use already."""
    if _whole(store, kept):
        return
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    made.rename(kept)


def own_code(store: Store, export: Path, packages: Sequence[str]) -> Layer:
    """The layer of our own packages. They are compiled where they lie."""
    with store.workshop() as workshop:
        tree = workshop / "tree"
        for name in packages:
            shutil.copytree(export / name, tree / name, ignore=shutil.ignore_patterns("Dockerfile"))
        _compile(tree)
        return _pack(store, tree, workshop)


def _key(lock: Path) -> str:
    python = f"{sys.implementation.cache_tag} {host_platform()} {sys.platform} {RECIPE}"
    return sha256(lock.read_bytes() + python.encode()).hexdigest()[:16]


def _whole(store: Store, kept: Path) -> bool:
    return (kept / "layer.json").exists() and store.has(_read(kept).blob)


def _read(kept: Path) -> Layer:
    document = json.loads((kept / "layer.json").read_text("utf-8"))
    return Layer(Blob(**document["blob"]), document["diff_id"])


def _make(store: Store, lock: Path, workshop: Path) -> None:
    kept = workshop / "kept"
    tree = kept / "tree"
    tree.mkdir(parents=True)
    run(install_words(lock, tree, uv=_uv()))
    _without_what_names_this_machine(tree)
    _compile(tree)
    layer = _pack(store, tree, workshop)
    (kept / "layer.json").write_text(json.dumps(asdict(layer)), "utf-8")


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _without_what_names_this_machine(tree: Path) -> None:
    """Drop the scripts, whose first line is a path of this machine, and their lines in the lists of files."""
    shutil.rmtree(tree / "bin", ignore_errors=True)
    (tree / ".lock").unlink(missing_ok=True)
    for record in tree.glob("*.dist-info/RECORD"):
        lines = record.read_text("utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith(("bin/", "../../bin/"))), "utf-8")


def _compile(tree: Path) -> None:
    # The order in a set's constant follows the hash seed.
    run(compile_words(tree), environment={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")})


def _pack(store: Store, tree: Path, workshop: Path) -> Layer:
    file = workshop / "layer"
    with file.open("wb") as target:
        layer = archive(tree, LIBRARY, target)
    store.adopt(file, layer.blob)
    return layer
