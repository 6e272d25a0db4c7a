"""Past days' volatilities, worked out from the broker's bars; what is there already is left alone.

An underlying's days are kept a quarter of a year at a time, so that whoever is interrupted goes on where it was.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from contract.events import VolatilityBackfilled, VolatilityMissing
from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.past import Closes, Grid, PastDay, around, grid, volatility
from dispatcher.core.options.volatility import NoVolatility
from dispatcher.core.standing import Session
from dispatcher.option_ports import OptionHistory, Source, VolatilityDay
from dispatcher.ports import BrokerThrottledError, BrokerUnavailableError
from dispatcher.position_ports import NAMES
from dispatcher.shell.snapshot import Job, kept, row, window

AT_ONCE = 63
"""Sessions of an underlying whose contracts are asked for together: a quarter of a year."""

Fills = Job[OptionHistory]
Found = dict[date, VolatilityDay | NoVolatility]


def fill(job: Fills, declared: Iterable[str], first: date, last: date) -> VolatilityBackfilled:
    """Fill in the days that are not there, of every underlying whose volatility is kept.

    Raises:
        BrokerThrottledError: nobody left us a request for too long. What was found is kept.
        BrokerUnavailableError: the sessions could not be asked for.
    """
    began = job.monotonic()
    underlyings = sorted(kept(job, declared))
    sessions = job.asker.ask(lambda: job.broker.sessions(first, last))
    counted: Counter[str] = Counter()
    for underlying in underlyings:
        for start in range(0, len(sessions), AT_ONCE):
            counted.update(_part(job, underlying, sessions[start : start + AT_ONCE]))
    return VolatilityBackfilled(
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        underlyings=len(underlyings),
        there=counted["there"],
        recorded=counted["recorded"],
        missing=counted["missing"],
        requests=job.asker.requests,
        seconds=Decimal(f"{job.monotonic() - began:.1f}"),
    )


def _part(job: Fills, underlying: str, sessions: Sequence[Session]) -> dict[str, int]:
    there = {day for day, _ in job.store.series(underlying, sessions[0].day, sessions[-1].day)}
    left = [each for each in sessions if each.day not in there]
    found = _found(job, underlying, left) if left else {}
    days = [each for each in found.values() if isinstance(each, VolatilityDay)]
    for day, each in found.items():
        if isinstance(each, NoVolatility):
            job.say(VolatilityMissing(day=day.isoformat(), underlying=underlying, why=each.why))
    new = job.store.backfill(days, Source.BARS, job.now())
    return {"there": len(there), "recorded": new, "missing": len(left) - len(days)}


def _found(job: Fills, underlying: str, left: Sequence[Session]) -> Found:
    try:
        return _worked_out(job, underlying, left)
    except BrokerThrottledError:
        raise
    except BrokerUnavailableError as error:
        return {each.day: NoVolatility(str(error)) for each in left}


def _worked_out(job: Fills, underlying: str, left: Sequence[Session]) -> Found:
    """What became of each day."""
    spots = job.asker.ask(lambda: job.broker.closes((underlying,), left[0], left[-1])).get(underlying, {})
    days = [PastDay(each, Underlying(spots[each.day])) for each in left if each.day in spots]
    found: Found = {each.day: NoVolatility("the stock was not traded") for each in left if each.day not in spots}
    if days:
        asked = window(days[0].session.day, days[-1].session.day, [each.spot for each in days])
        there = grid(job.asker.ask(lambda: job.broker.contracts(underlying, asked)), underlying)
        closes = _closes(job, days, there)
        found |= {day.session.day: _day(job, underlying, day, there, closes) for day in days}
    return found


def _closes(job: Fills, days: Sequence[PastDay], there: Grid) -> Closes:
    """The closes of every contract that any of the days looks at; those of one expiry are asked for together."""
    used: dict[str, list[Session]] = {}
    for day in days:
        for pair in around(day, there):
            for symbol in (pair.call, pair.put):
                used.setdefault(symbol, []).append(day.session)
    symbols, closes = sorted(used), dict[str, dict[date, Decimal]]()
    for start in range(0, len(symbols), NAMES):
        some = tuple(symbols[start : start + NAMES])
        sessions = sorted((each for symbol in some for each in used[symbol]), key=lambda each: each.day)
        closes |= job.asker.ask(lambda: job.broker.closes(some, sessions[0], sessions[-1]))  # noqa: B023  at once
    return closes


def _day(job: Fills, underlying: str, day: PastDay, there: Grid, closes: Closes) -> VolatilityDay | NoVolatility:
    rate, closed = job.policy.interest_rate, day.session.closes
    found = volatility(day, there, closes, lambda each: job.complete(each, day.spot, rate, closed))
    return found if isinstance(found, NoVolatility) else row(underlying, day.session.day, day.spot, found)
