"""`python -m benchmarks.torture --runs N --seed S`; `--only-run N` plays one run of a seed again and keeps its log."""

import argparse
import gc
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from time import monotonic

from benchmarks.torture.crew import CrewError, Orders, outcomes
from benchmarks.torture.nursery import Program
from benchmarks.torture.report import Tally, failure, line, tables

WORKERS = 20
"""Side by side on two cores: a run is seconds of waiting for leases, graces and restarts, and 0.3 s of CPU."""
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Exit 0 when nothing was doubled, lost, made up, left unknown or ended unasked, and all was reached; else 1."""
    options = _options(arguments)
    program: Program = import_module(options.dispatcher).main
    gc.freeze()  # what was imported is shared with every fork; a collection would copy it
    numbers = range(options.runs) if options.only_run is None else range(options.only_run, options.only_run + 1)
    folder: Path = options.logs or Path(tempfile.mkdtemp(prefix="torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    orders = Orders(program, options.seed, folder, options.workers, options.patience)
    try:
        tally, seconds = _play(orders, numbers)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        return INTERRUPTED
    except CrewError as error:
        sys.stderr.write(f"torture: the harness failed; logs in {folder}\n{error}\n")
        return 1
    for row in tables(tally):
        print(row)
    if tally.clean and options.only_run is None:
        shutil.rmtree(folder)
    else:
        print(f"\nlogs: {folder}")
    print(line(tally, seconds), flush=True)
    return 0 if tally.clean else 1


def _play(orders: Orders, numbers: range) -> tuple[Tally, float]:
    tally, began = Tally(orders.seed), monotonic()
    for outcome in outcomes(orders, numbers):
        tally.add(outcome)
        for words in failure(outcome):
            print(words, flush=True)
        if tally.runs % 50 == 0:
            print(f"{tally.runs} of {len(numbers)} runs, {monotonic() - began:.0f} s", flush=True)
    return tally, monotonic() - began


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="decides every plan; printed, so that it can be repeated")
    parser.add_argument("--only-run", type=int, metavar="N", help="play run N of the seed alone")
    parser.add_argument("--workers", type=int, default=WORKERS, help="runs side by side")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until a recommendation counts as lost")
    parser.add_argument("--logs", type=Path, help="an empty folder for the dispatchers' logs; kept when a run fails")
    parser.add_argument("--dispatcher", default="dispatcher.commands.run", help="module with main(arguments, environ)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
