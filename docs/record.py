"""Play a rehearsal and write down what it says: `python -m docs.record [OPTIONS of ops rehearse]`, or `make recording`.

The page is docs/rehearsal.md. Nothing in it is written by hand, and nothing is left out.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("docs") / "rehearsal.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when the rehearsal was done and proven, and the page is written; else 1, and the page stays as it was."""
    options = list(sys.argv[1:] if arguments is None else arguments)
    words = [sys.executable, "-m", "ops", "--json", "rehearse", *options]
    with subprocess.Popen(  # noqa: S603 - our own program
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as played:
        if played.stdout is None or played.stderr is None:
            raise AssertionError("pipes were asked for")
        story = [_heard(line) for line in played.stderr]
        told: dict[str, Any] = json.loads(played.stdout.read())
    if not told["ok"]:
        return 1
    (ROOT / PAGE).write_text(page(told, story), encoding="utf-8")
    return 0


def page(told: dict[str, Any], story: Sequence[str]) -> str:
    """The page: what the rehearsal's document says, and every line of its story."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    orders = ", ".join(f"{count} {name}" for name, count in told["orders"].items())
    verdicts = ", then ".join(each["verdict"] for each in told["verdicts"])
    machine = f"Service in {told['mode']}, {python}, {os.cpu_count()} processors, {told['seconds']:.0f} s."
    lines = [
        "# A rehearsal",
        "",
        "What `make rehearse` says, recorded by `make recording`. A terminal wraps or cuts the long lines.",
        "",
        f"{machine} Orders: {orders}. Verdicts: {verdicts}.",
        "",
        "```text",
        *story,
        "```",
        "",
    ]
    return "\n".join(lines)


def _heard(line: str) -> str:
    sys.stderr.write(line)
    return line.rstrip()


if __name__ == "__main__":
    sys.exit(main())
