"""Run another program: words in, what it wrote out, or an error with its own last words."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import Exit, OpsError

LAST_WORDS = 2000
"""Characters of a program's complaint that an error repeats."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended."""

    code: int
    out: bytes
    complaint: str
    """What it wrote to stderr, at most `LAST_WORDS` characters of it."""

    @property
    def text(self) -> str:
        """What it wrote to stdout, without the line end."""
        return self.out.decode("utf-8", errors="replace").rstrip("\n")


def attempt(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Ran:
    """Run a program to its end, whatever that is. Nothing is asked of a terminal, and no shell is between.

    Args:
        words: the program and its arguments.
        folder: where it runs; this process's folder if not given.
        environment: all of its environment; this process's if not given.
        seconds: how long it may take.

    Raises:
        OpsError: it cannot be started, or takes longer.
    """
    try:
        ended = subprocess.run(  # noqa: S603 - no shell, and the words are ours
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise OpsError(
            f"{words[0]} is not installed", next_step=f"install {words[0]}, and run the same again"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise OpsError(
            f"{words[0]} did not end within {seconds:.0f} seconds: {' '.join(words)}",
            next_step="run it by hand to see what it waits for",
            exit_code=Exit.NOT_DONE,
        ) from error
    return Ran(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", errors="replace").strip()[-LAST_WORDS:])


def run(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Ran:
    """Run a program that has to succeed. Arguments as `attempt`.

    Raises:
        OpsError: it failed; with the words it was started by and its complaint.
    """
    ran = attempt(words, folder=folder, environment=environment, seconds=seconds)
    if ran.code != 0:
        raise OpsError(
            f"{' '.join(words)} ended with {ran.code}: {ran.complaint or ran.text[-LAST_WORDS:]}",
            next_step="correct what it complains of, and run the same again",
            exit_code=Exit.NOT_DONE,
        )
    return ran
