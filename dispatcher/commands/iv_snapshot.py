"""`iv-snapshot`: the day's implied volatility of every underlying, so that tomorrow knows where it stands."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from contract.options import Volatility
from contract.strict import DocumentError
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.database import Connections
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.session import of_snapshot
from dispatcher.adapters.voice import voice
from dispatcher.adapters.volatility import PostgresVolatility
from dispatcher.commands import trading
from dispatcher.core.options import volatility_file
from dispatcher.core.order import trading_day
from dispatcher.option_ports import Source, VolatilityDay
from dispatcher.ports import BrokerUnavailableError, DatabaseAuthenticationError, DatabaseUnavailableError, Say
from dispatcher.shell import settings as reading
from dispatcher.shell.backfill import fill
from dispatcher.shell.clock import BrokerClock
from dispatcher.shell.patience import Asker
from dispatcher.shell.settings import Settings
from dispatcher.shell.snapshot import B, Job, take

WRONG_USAGE = 2
BARS_BEGIN = date(2024, 2, 1)
"""The broker has no option bars of earlier days (docs/broker-rules.md, "Options")."""
FILE_COLUMNS = ",".join(volatility_file.HEADER)


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when every underlying has its day, or there is no session; 1 when one is missing; 2 on wrong usage."""
    parser = argparse.ArgumentParser("python -m dispatcher iv-snapshot", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--again", action="store_true", help="take again what was taken today")
    which.add_argument(
        "--backfill",
        nargs=2,
        type=date.fromisoformat,
        metavar=("FROM", "TO"),
        help=f"past days from the broker's bars, {BARS_BEGIN} at the earliest; days that are there are left alone",
    )
    which.add_argument(
        "--import", dest="file", type=Path, metavar="FILE", help=f"past days from a CSV file: {FILE_COLUMNS}"
    )
    try:
        asked = parser.parse_args(arguments)
    except SystemExit as end:
        return WRONG_USAGE if end.code else 0
    try:
        settings = reading.read(environ)
        if asked.file:
            return _import(settings, asked.file)
        with _work(settings) as work:
            if asked.backfill:
                return _backfill(work, voice(reading.speaker(environ)), *asked.backfill)
            return _take(work, voice(reading.speaker(environ)), again=asked.again)
    except (DocumentError, DatabaseUnavailableError, DatabaseAuthenticationError, BrokerUnavailableError) as error:
        sys.stderr.write(f"iv-snapshot: {error}\n  next: python -m dispatcher check\n")
        return 1


@dataclass(frozen=True, slots=True)
class _Work:
    """Any account's key reads the market; the first one's does, out of that account's budget of requests."""

    broker: AlpacaBroker
    store: PostgresVolatility
    policy: Volatility
    clock: BrokerClock
    declared: frozenset[str]

    def job(self, broker: B, say: Say) -> Job[B]:
        """What today's days are taken with, or past ones."""
        asker = Asker(time.sleep)
        return Job(broker, complete, self.store, self.policy, say, self.clock.now, asker, time.monotonic)


@contextmanager
def _work(settings: Settings) -> Iterator[_Work]:
    account = settings.accounts[0]
    declared = frozenset(each for one in settings.accounts for each in one.limits.options.volatility.underlyings)
    connections = Connections(partial(trading.connected, settings, "iv-snapshot budget"), 1)
    try:
        broker = trading.alpaca(settings, account, connections, of_snapshot)
        clock = BrokerClock(broker, time.monotonic)
        with trading.connection(settings, "iv-snapshot") as opened:
            yield _Work(broker, PostgresVolatility(opened), account.limits.options.volatility, clock, declared)
    finally:
        connections.close()


def _take(work: _Work, say: Say, *, again: bool) -> int:
    now = work.clock.now()
    session = work.broker.session(trading_day(now))
    if session is None or now < session.opens:
        sys.stderr.write(f"iv-snapshot: no session yet on {trading_day(now)}, so there is no volatility of the day\n")
        return 0
    taken = take(work.job(work.broker, say), work.declared, again=again)
    say(taken)
    return 1 if taken.missing else 0


def _backfill(work: _Work, say: Say, first: date, last: date) -> int:
    today = trading_day(work.clock.now())
    if not BARS_BEGIN <= first <= last < today:
        sys.stderr.write(
            f"iv-snapshot: --backfill {first} {last}: from {BARS_BEGIN} on, when the broker's option bars begin, and "
            f"before today, {today}\n  next: name the first and the last day in this order; without --backfill today's "
            f"is taken\n"
        )
        return WRONG_USAGE
    filled = fill(work.job(work.broker.history(), say), work.declared, first, last)
    say(filled)
    return 1 if filled.missing else 0


def _import(settings: Settings, file: Path) -> int:
    now = trading.alpaca(settings, settings.accounts[0]).clock()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"iv-snapshot: {file}: {error}\n  next: name a CSV file with the header {FILE_COLUMNS}\n")
        return 1
    days = [VolatilityDay(*each) for each in volatility_file.read(lines, name=str(file), before=trading_day(now))]
    with trading.connection(settings, "iv-snapshot") as opened:
        new = PostgresVolatility(opened).backfill(days, Source.FILE, now)
    sys.stdout.write(f"{len(days)} days read, {new} were new\n")
    return 0
