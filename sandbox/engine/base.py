"""A base image out of this machine's own Python: no registry, no download, no privilege.

It holds the interpreter that runs this, its standard library, the shared libraries that it and its wheels load, pip,
and the certificates this machine trusts. Nobody else could name it again, so it is for images that stay on this
machine: `ops push` refuses to send one that stands on it to AWS.
"""

import ctypes
import hashlib
import io
import os
import re
import ssl
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped] # it ships no types

NAME = "ops-pipeline/base"

_FORM = "2"
"""Another one when what goes into the image changes, so that an older image is not taken for it."""
_LEFT_OUT = re.compile(
    r"/(site-packages|dist-packages|tests?|idlelib|turtledemo|tkinter|lib2to3|ensurepip|config-[^/]+)/"
    r"|/_tkinter\.|/EXTERNALLY-MANAGED$|\.opt-[12]\.pyc$|\.a$"
)
_WHEELS_EXPECT = (
    *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1", "libresolv.so.2"),
    *("libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
)
"""What the manylinux rules let a wheel take from the system, as far as no screen is needed for it."""
_NAMES_NEED = ("libnss_dns.so.2", "libnss_files.so.2")
"""What looks up host names, where the C library keeps it apart."""
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_TEXTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/\nnobody:x:65534:65534:nobody:/:/\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
    "/etc/pip.conf": f"[global]\ncert = {_CERTIFICATES}\n",
}


class BaseError(RuntimeError):
    """The base image cannot be made. Says why."""


def base_image(client: Any) -> str:
    """The name of the base image in this engine; it is made when it is not there.

    Raises:
        BaseError: this machine's Python is not one to make it of, or the engine does not take it.
    """
    if not sys.platform.startswith("linux"):
        raise BaseError(f"a base image is made of Linux programs, and this is {sys.platform}")
    wanted = tag()
    try:
        if not client.images.list(f"{NAME}:{wanted}"):
            _make(client, wanted)
    except docker.errors.DockerException as error:
        raise BaseError(f"the engine does not take a base image: {error}") from error
    return f"{NAME}:{wanted}"


def tag() -> str:
    """Which Python, and a fingerprint of all that the image is made of: the same machine makes the same one."""
    certificates = hashlib.sha256(_trusted().read_bytes()).hexdigest()
    made_of = (_FORM, sys.version, sys.base_prefix, version("pip"), certificates)
    number = ".".join(map(str, sys.version_info[:3]))
    return f"python{number}-{hashlib.sha256(repr(made_of).encode()).hexdigest()[:12]}"


def _make(client: Any, wanted: str) -> None:
    python = _python()
    modules = [each for each in _standard_library().glob("lib-dynload/*.so") if not _LEFT_OUT.search(str(each))]
    libraries = _libraries([python, *modules])
    folders = dict.fromkeys(str(Path(each).parent) for each in libraries)
    changes = [
        "ENV PATH=/usr/local/bin:/usr/bin:/bin",
        # Only root could make the cache that tells the loader where libraries are.
        f"ENV LD_LIBRARY_PATH={':'.join(folders)}",
        'CMD ["python"]',
    ]
    with tempfile.TemporaryFile() as kept:
        with tarfile.open(fileobj=kept, mode="w") as archive:
            _write(archive, dict(_files(python, libraries)), {"/usr/local/bin/python": str(python)})
        kept.seek(0)
        client.api.import_image(kept, repository=NAME, tag=wanted, changes=changes)


def _files(python: Path, libraries: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Everything that is copied: where to, and from where."""
    yield str(python), python
    yield from libraries.items()
    yield _CERTIFICATES, _trusted()
    yield from _tree(_standard_library(), _standard_library())
    # Beside the standard library, where every Python finds it, whatever a distribution calls the place for packages.
    yield from _tree(_pip(), _standard_library() / "pip")


def _tree(folder: Path, target: Path) -> Iterator[tuple[str, Path]]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(place, name)
            inside = file.relative_to(folder)
            if not _LEFT_OUT.search(f"/{inside}") and file.is_file():
                yield str(target / inside), file


def _python() -> Path:
    """The interpreter itself, behind the virtual environment and its links."""
    return Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}").resolve(strict=True)


def _standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib")).resolve(strict=True)


def _pip() -> Path:
    found = find_spec("pip")
    if found is None or found.origin is None:
        raise BaseError("this environment has no pip. Next: make setup")
    return Path(found.origin).parent


def _trusted() -> Path:
    """The certificates this machine trusts: a build downloads through whatever stands between it and the world."""
    told = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if not told or not Path(told).is_file():
        raise BaseError("this machine has no file of certificates that Python knows. Next: name it in SSL_CERT_FILE")
    return Path(told)


def _libraries(programs: Sequence[Path]) -> dict[str, Path]:
    """The shared libraries of programs and modules, and those that wheels expect; each where it is looked for."""
    asked = subprocess.run(  # noqa: S603 - the system's own tool, on files of this Python
        ["ldd", *map(str, programs)],  # noqa: S607 - wherever this system has it
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"(?:=> |^\s+)(/\S+) \(0x", asked.stdout, re.MULTILINE)
    if not found:
        raise BaseError(f"`ldd` does not tell what Python loads: {asked.stderr.strip()[:200]}")
    named = [place for name in (*_WHEELS_EXPECT, *_NAMES_NEED) if (place := _loaded(name)) is not None]
    return {each: Path(each).resolve(strict=True) for each in [*found, *named]}


def _loaded(name: str) -> str | None:
    """Where the loader finds a library; None where there is none."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    # The file behind it may have more of a version in its name, or, as in libstdc++.so.6.0.30, all of it.
    stem = re.escape(name)
    found = re.search(rf"(/\S*)/{stem}[\d.]*$", maps, re.MULTILINE)
    return f"{found[1]}/{name}" if found else None


def _write(archive: tarfile.TarFile, files: Mapping[str, Path], links: Mapping[str, str]) -> None:
    """Everything root's and readable by all; each folder before what is in it."""
    for folder in sorted({str(each) for target in (*files, *links, *_TEXTS) for each in Path(target).parents} - {"/"}):
        archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
    archive.addfile(_entry("/tmp", tarfile.DIRTYPE, 0o1777))  # noqa: S108 - the image's own
    for target, to in links.items():
        link = _entry(target, tarfile.SYMTYPE, 0o777)
        link.linkname = to
        archive.addfile(link)
    for target, text in _TEXTS.items():
        small = _entry(target, tarfile.REGTYPE, 0o644)
        small.size = len(text.encode())
        archive.addfile(small, io.BytesIO(text.encode()))
    for target, source in files.items():
        with source.open("rb") as content:
            facts = os.fstat(content.fileno())
            file = _entry(target, tarfile.REGTYPE, 0o755 if facts.st_mode & 0o111 else 0o644)
            # A compiled module counts only beside a source of the very same time.
            file.size, file.mtime = facts.st_size, int(facts.st_mtime)
            archive.addfile(file, content)


def _entry(target: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(target.lstrip("/"))
    entry.type, entry.mode = kind, mode
    return entry
