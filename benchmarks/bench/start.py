"""How long the command line takes to start, beside what cannot be undercut."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter

from benchmarks.bench.measure import Measure

RUNS = 15
EMPTY_GROUP = "import click\n@click.group()\ndef main(): 'Nothing.'\nmain()"


def measures() -> Iterator[Measure]:
    """`ops --help`, interleaved with its peers so that a busy moment hits all alike."""
    commands = {
        "ops": [sys.executable, "-m", "ops", "--help"],
        "click": [sys.executable, "-c", EMPTY_GROUP, "--help"],
        "python": [sys.executable, "-c", "pass"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            seconds[name].append(_seconds(command))
    median = {name: statistics.median(each) * 1000 for name, each in seconds.items()}
    yield Measure("ops_help_ms", median["ops"], median["click"], "ms, median", "an empty click group")
    yield Measure("ops_help_over_python_ms", median["ops"], median["python"], "ms, median", "python -c pass")


def _seconds(command: list[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return perf_counter() - began
