"""The sign of life that the container's health check reads: a file younger than it may be old."""

import time
from pathlib import Path

STALE_SECONDS = 60.0
"""Longer than the broker may keep us waiting for one answer."""


def beat(file: Path) -> None:
    """Give a sign of life."""
    file.touch()


def age_seconds(file: Path) -> float | None:
    """How old the last sign of life is; None when there never was one."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return None
