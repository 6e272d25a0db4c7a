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
from benchmarks.torture.slices import SliceError, resume, save

WORKERS = 28
"""Side by side on two cores: a run is seconds of waiting for leases, graces and restarts, and 0.4 s of CPU."""
INTERRUPTED, MISUSED = 130, 2


def main(arguments: list[str] | None = None) -> int:
    """Exit 0 when nothing was doubled, lost, made up, left unknown or ended unasked, and all was reached; else 1."""
    options = _options(arguments)
    program: Program = import_module(options.dispatcher).main
    gc.freeze()  # what was imported is shared with every fork; a collection would copy it
    try:
        tally = resume(options.tally, options.seed) if options.tally else Tally(options.seed, first=options.first)
    except SliceError as error:
        sys.stderr.write(f"torture: {error}\n")
        return MISUSED
    numbers = _numbers(options, tally)
    folder: Path = options.logs or Path(tempfile.mkdtemp(prefix="torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    orders = Orders(program, options.seed, folder, options.workers, options.patience)
    try:
        _play(orders, numbers, tally)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        return INTERRUPTED
    except CrewError as error:
        sys.stderr.write(f"torture: the harness failed; logs in {folder}\n{error}\n")
        return 1
    if options.tally:
        save(options.tally, tally)
    for row in tables(tally):
        print(row)
    if tally.clean and options.only_run is None:
        shutil.rmtree(folder)
    else:
        print(f"\nlogs: {folder}")
    print(line(tally), flush=True)
    return 0 if tally.clean else 1


def _numbers(options: argparse.Namespace, tally: Tally) -> range:
    if options.only_run is not None:
        return range(options.only_run, options.only_run + 1)
    begin = tally.first + tally.runs
    return range(begin, begin + options.runs)


def _play(orders: Orders, numbers: range, tally: Tally) -> None:
    """Add the runs to the tally."""
    began, before = monotonic(), tally.seconds
    for played, outcome in enumerate(outcomes(orders, numbers), 1):
        tally.add(outcome)
        for words in failure(outcome):
            print(words, flush=True)
        if played % 50 == 0:
            print(f"{played} of {len(numbers)} runs, {monotonic() - began:.0f} s", flush=True)
    tally.seconds = before + monotonic() - began


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="decides every plan; printed, so that it can be repeated")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--first", type=int, default=0, metavar="N", help="begin with run N of the seed")
    which.add_argument("--only-run", type=int, metavar="N", help="play run N of the seed alone")
    which.add_argument("--tally", type=Path, metavar="FILE", help="go on where FILE's runs end; add these to its sum")
    parser.add_argument("--workers", type=int, default=WORKERS, help="runs side by side")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until a recommendation counts as lost")
    parser.add_argument("--logs", type=Path, help="an empty folder for the dispatchers' logs; kept when a run fails")
    parser.add_argument("--dispatcher", default="dispatcher.commands.run", help="module with main(arguments, environ)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
