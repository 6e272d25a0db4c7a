"""Progress on stderr: live on a terminal, plain lines elsewhere; and a summary where GitHub wants one."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ops.world import Tell


@contextmanager
def progress() -> Iterator[Tell]:
    """How steps are told. Colours obey NO_COLOR; nothing is drawn where stderr is no terminal."""
    # A CI job that is cancelled is told so by a signal that is not Ctrl-C; the record is closed for both.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _teller() as tell:
            yield tell
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _teller() -> Iterator[Tell]:
    console = Console(stderr=True, highlight=False)
    begun = time.monotonic()
    if not console.is_terminal:
        yield lambda step, detail: _write(console, _line(begun, step, detail))
        return
    with console.status("") as status:

        def tell(step: str, detail: str) -> None:
            console.print(Text(_line(begun, step, detail)), soft_wrap=True)
            status.update(Text(f"{step} …"))

        yield tell


def _write(console: Console, line: str) -> None:
    console.file.write(f"{line}\n")
    console.file.flush()


def _line(begun: float, step: str, detail: str) -> str:
    return f"{time.monotonic() - begun:7.1f} s  {step}{f': {detail}' if detail else ''}"


def summarise(title: str, lines: Iterable[str]) -> None:
    """Add to the step summary of GitHub Actions, when this runs there."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    body = "\n".join(f"    {line}" for line in lines)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"### {title}\n\n{body}\n\n")
