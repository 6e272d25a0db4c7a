"""`iv-snapshot`: the day's implied volatility of every underlying, so that tomorrow knows where it stands."""

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from contract.strict import DocumentError
from dispatcher.adapters.database import Connections
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.session import of_snapshot
from dispatcher.adapters.voice import voice
from dispatcher.adapters.volatility import PostgresVolatility
from dispatcher.commands import trading
from dispatcher.core.options import backfill
from dispatcher.core.order import trading_day
from dispatcher.option_ports import VolatilityDay
from dispatcher.ports import BrokerUnavailableError, DatabaseAuthenticationError, DatabaseUnavailableError
from dispatcher.shell import settings as reading
from dispatcher.shell.clock import BrokerClock
from dispatcher.shell.settings import Settings
from dispatcher.shell.snapshot import Job, take

WRONG_USAGE = 2


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 when every underlying has its day, or there is no session; 1 when one is missing; 2 on wrong usage."""
    parser = argparse.ArgumentParser("python -m dispatcher iv-snapshot", description=__doc__)
    parser.add_argument("--again", action="store_true", help="take again what was taken today")
    parser.add_argument("--backfill", metavar="FILE", help="past days from a CSV file: underlying,day,iv")
    try:
        asked = parser.parse_args(arguments)
    except SystemExit as end:
        return WRONG_USAGE if end.code else 0
    try:
        settings = reading.read(environ)
        return (
            _backfill(settings, Path(asked.backfill)) if asked.backfill else _take(settings, environ, again=asked.again)
        )
    except (DocumentError, DatabaseUnavailableError, DatabaseAuthenticationError, BrokerUnavailableError) as error:
        sys.stderr.write(f"iv-snapshot: {error}\n  next: python -m dispatcher check\n")
        return 1


def _take(settings: Settings, environ: Mapping[str, str], *, again: bool) -> int:
    """Any account's key reads the market; the first one's does, out of that account's budget of requests."""
    account, say = settings.accounts[0], voice(reading.speaker(environ))
    connections = Connections(partial(trading.connected, settings, "iv-snapshot budget"), 1)
    try:
        broker = trading.alpaca(settings, account, connections, of_snapshot)
        clock = BrokerClock(broker, time.monotonic)
        now = clock.now()
        session = broker.session(trading_day(now))
        if session is None or now < session.opens:
            sys.stderr.write(
                f"iv-snapshot: no session yet on {trading_day(now)}, so there is no volatility of the day\n"
            )
            return 0
        declared = {each for one in settings.accounts for each in one.limits.options.volatility.underlyings}
        with trading.connection(settings, "iv-snapshot") as opened:
            policy, store = account.limits.options.volatility, PostgresVolatility(opened)
            job = Job(broker, complete, store, policy, say, clock.now, time.sleep, time.monotonic)
            taken = take(job, declared, again=again)
    finally:
        connections.close()
    say(taken)
    return 1 if taken.missing else 0


def _backfill(settings: Settings, file: Path) -> int:
    broker = trading.alpaca(settings, settings.accounts[0])
    now = broker.clock()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"iv-snapshot: {file}: {error}\n  next: name a CSV file with the header underlying,day,iv\n")
        return 1
    days = [VolatilityDay(*row) for row in backfill.read(lines, name=str(file), before=trading_day(now))]
    with trading.connection(settings, "iv-snapshot") as opened:
        new = PostgresVolatility(opened).backfill(days, now)
    sys.stdout.write(f"{len(days)} days read, {new} were new\n")
    return 0
