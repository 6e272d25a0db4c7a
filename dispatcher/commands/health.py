"""`health`: cheap enough for a health check every few seconds on the smallest task."""

import sys
from collections.abc import Mapping
from pathlib import Path

from contract.environment import HEALTH_FILE
from dispatcher.adapters.pulse import STALE_SECONDS, age_seconds


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when there was a sign of life within STALE_SECONDS, else 1 and why."""
    del arguments
    file = environ.get(HEALTH_FILE.name)
    if not file:
        sys.stderr.write(f"{HEALTH_FILE.name} is not set; {HEALTH_FILE.meaning}\n")
        return 2
    age = age_seconds(Path(file))
    if age is not None and age <= STALE_SECONDS:
        return 0
    seen = "no sign of life yet" if age is None else f"last sign of life {age:.0f} s ago"
    sys.stderr.write(f"{seen}; it must be within {STALE_SECONDS:.0f} s. Next: read the service's log\n")
    return 1
