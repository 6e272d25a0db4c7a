"""`make bench`: every measure, printed side by side and written to `benchmarks/latest.json`."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bench import (
    claiming,
    dispatching,
    exchanging,
    exits,
    halting,
    judging,
    morning,
    ranking,
    sharing,
    start,
)
from benchmarks.bench.measure import Measure

LATEST = Path("benchmarks/latest.json")
MODULES = {
    "start": start,
    "judging": judging,
    "claiming": claiming,
    "morning": morning,
    "ranking": ranking,
    "exchanging": exchanging,
    "dispatching": dispatching,
    "exits": exits,
    "halting": halting,
    "sharing": sharing,
}


def main(chosen: list[str]) -> None:
    """Run the chosen measures, or all. A part of them does not overwrite the whole."""
    found = [measure for name in chosen or MODULES for measure in MODULES[name].measures()]
    Console().print(_table(found))
    if not chosen:
        LATEST.write_text(json.dumps({each.name: each.document() for each in found}, indent=2) + "\n", encoding="utf-8")


def _table(found: list[Measure]) -> Table:
    table = Table("measure", "ours", "peer", "ratio", "unit", "peer is")
    for each in found:
        table.add_row(
            each.name, f"{each.ours:,.1f}", f"{each.peer:,.1f}", f"{each.ratio:.2f}", each.unit, each.peer_name
        )
    return table


def _chosen() -> list[str]:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    asked.add_argument("measure", nargs="*", metavar="measure", help=f"only these: {', '.join(MODULES)}; else all")
    given: list[str] = asked.parse_args().measure
    for name in given:
        if name not in MODULES:
            asked.error(f"no measure {name!r}; there are {', '.join(MODULES)}")
    return given


if __name__ == "__main__":
    main(_chosen())
