"""What an image is built from: a commit, or a dirty tree told as one. Never the working tree itself.

A build reads an export of git objects, so what is built is what has a name, whatever happens to the files meanwhile.
"""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.errors import Exit, OpsError
from ops.programs import run

LOCK = Path("requirements/dispatcher.lock")
PATHS = ("contract", "dispatcher", str(LOCK))
"""All of the repository that an image is made of."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A tree of files that git knows by name."""

    repository: Path
    revision: str
    """The commit, 40 hex digits."""
    created: datetime
    """When it was committed, in UTC: the one time of a build that is the same each time."""
    tree: str
    """The git object that is exported."""
    dirty: bool
    """Whether it has changes that no commit has."""

    @property
    def tag(self) -> str:
        """How the image is tagged: the revision; with changes also the first 12 hex digits of their tree's hash."""
        return f"{self.revision}-dirty-{self.tree[:12]}" if self.dirty else self.revision


def source(folder: Path, *, allow_dirty: bool) -> Source:
    """What is built when `ops build` is called in the folder: HEAD.

    Raises:
        OpsError: it is no git repository, has no commit, or has changes and `allow_dirty` is not given.
    """
    repository = Path(_git(folder, "rev-parse", "--show-toplevel"))
    revision = _git(repository, "rev-parse", "--verify", "HEAD^{commit}")
    changed = _git(repository, "status", "--porcelain").splitlines()
    if changed and not allow_dirty:
        raise OpsError(
            f"the working tree has changes that no commit has: {_names(changed)}",
            next_step="commit or stash them, or build them under a tag of their own with --allow-dirty",
            exit_code=Exit.NOT_DONE,
        )
    created = datetime.fromtimestamp(int(_git(repository, "show", "--no-patch", "--format=%ct", revision)), UTC)
    tree = _snapshot(repository) if changed else _git(repository, "rev-parse", f"{revision}^{{tree}}")
    return Source(repository=repository, revision=revision, created=created, tree=tree, dirty=bool(changed))


@contextmanager
def exported(source: Source) -> Iterator[Path]:
    """A folder with the files of the source that an image is made of, for the length of a `with` block.

    Raises:
        OpsError: the source lacks one of `PATHS`.
    """
    words = ["git", "-C", str(source.repository), "archive", "--format=tar", source.tree, "--", *PATHS]
    archive = run(words).out
    with TemporaryDirectory(prefix="ops-build-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def _names(changed: list[str]) -> str:
    shown = ", ".join(line[3:] for line in changed[:_SHOWN])
    return f"{shown} and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else shown


def _snapshot(repository: Path) -> str:
    """The working tree as a git tree, untracked files included, ignored ones not. The real index is not touched."""
    with TemporaryDirectory(prefix="ops-index-") as folder:
        own_index = {**environ, "GIT_INDEX_FILE": str(Path(folder) / "index")}
        git = ["git", "-C", str(repository)]
        run([*git, "read-tree", "HEAD"], environment=own_index)
        run([*git, "add", "--all"], environment=own_index)
        return run([*git, "write-tree"], environment=own_index).text


def _git(folder: Path, *words: str) -> str:
    return run(["git", "-C", str(folder), *words]).text
