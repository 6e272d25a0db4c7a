"""What is released: HEAD, in a worktree of its own, so that no change without a commit gets in by accident."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.parts import Finished
from sandbox.record import StepFailedError
from sandbox.stage import done
from sandbox.world import FOLDER, World

BROKEN = Path(__file__).parent / "broken.patch"
"""Takes the tick rule out of the dispatcher. No setting, flag or branch of it could."""


@dataclass(frozen=True, slots=True)
class Source:
    """A worktree at a commit."""

    world: World
    folder: Path
    revision: str
    changed: bool
    """Whether the checkout has changes that no commit has; they are not in the worktree."""

    def break_ticks(self) -> str:
        """Apply the patch of the broken release; what it changes, in git's words."""
        done("git apply broken.patch", _git(self.world, self.folder, "apply", "--whitespace=nowarn", str(BROKEN)))
        return _git(self.world, self.folder, "diff", "--shortstat").stdout.strip()

    def mend(self) -> None:
        """Be the commit again."""
        done("git checkout", _git(self.world, self.folder, "checkout", "--quiet", "--", "."))


@contextmanager
def head(world: World) -> Iterator[Source]:
    """HEAD in a worktree, for the length of a `with` block.

    Raises:
        StepFailedError: the checkout is no git repository, or has no commit.
    """
    _clear(world)
    folder = world.folder / "source"
    revision = _commit(world)
    changed = bool(_git(world, world.checkout, "status", "--porcelain").stdout.strip())
    done("git worktree add", _git(world, world.checkout, "worktree", "add", "--detach", str(folder), revision))
    try:
        yield Source(world, folder, revision, changed)
    finally:
        _git(world, world.checkout, "worktree", "remove", "--force", str(folder))


def _commit(world: World) -> str:
    found = _git(world, world.checkout, "rev-parse", "--verify", "HEAD^{commit}")
    if found.code != 0:
        raise StepFailedError(
            "a git repository with a commit, which is what is released",
            "none",
            next_step="run this in a clone of the repository",
            tail=found.output.tail(),
        )
    return found.stdout.strip()


def _clear(world: World) -> None:
    """Remove the worktrees of runs that were killed."""
    listed = _git(world, world.checkout, "worktree", "list", "--porcelain").stdout.splitlines()
    for line in listed:
        place = Path(line.removeprefix("worktree "))
        if line.startswith("worktree ") and world.checkout / FOLDER in place.parents:
            _git(world, world.checkout, "worktree", "remove", "--force", str(place))


def _git(world: World, folder: Path, *words: str) -> Finished:
    return world.run(f"git-{words[0]}", ["git", "-C", str(folder), *words], {}, seconds=60)
