"""The day's volatilities, one underlying after another, from requests that nobody else needs."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from contract.events import VolatilityMissing, VolatilityRecorded
from contract.options import Volatility
from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.volatility import DAYS, NEAREST_DAYS, NoVolatility, Thirty, thirty
from dispatcher.core.order import trading_day
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Complete, OptionBroker, OptionHistory, VolatilityDay, VolatilityStore, Window
from dispatcher.ports import BrokerUnavailableError, Say
from dispatcher.shell.patience import Asker

REACH = Decimal("0.12")
"""How far from the money strikes are asked for, as a fraction of the price: the widest of them are this far apart."""
CENTS = Decimal("0.01")
RECOMMENDED_WITHIN = timedelta(days=90)
"""What was recommended longer ago is no longer taken up, but what has days goes on."""
B = TypeVar("B", OptionBroker, OptionHistory)


@dataclass(slots=True)
class Job(Generic[B]):
    """What days are taken or worked out with. `broker` tells of today, or of the past; `monotonic` how long it took."""

    broker: B
    complete: Complete
    store: VolatilityStore
    policy: Volatility
    say: Say
    now: Callable[[], datetime]
    asker: Asker
    monotonic: Callable[[], float]


def take(job: Job[OptionBroker], declared: Iterable[str], *, again: bool = False) -> VolatilityRecorded:
    """Take and keep the day's volatilities; what was taken before only `again`."""
    began, now = job.monotonic(), job.now()
    day = trading_day(now)
    wanted = kept(job, declared)
    there = frozenset[str]() if again else job.store.recorded(day) & wanted
    left = tuple(sorted(wanted - there))
    quotes = _quotes(job, left)
    missing = [each for each in left if not _taken(job, each, quotes.get(each))]
    return VolatilityRecorded(
        day=day.isoformat(),
        underlyings=len(wanted),
        there=len(there),
        recorded=len(left) - len(missing),
        missing=len(missing),
        requests=job.asker.requests,
        seconds=Decimal(f"{job.monotonic() - began:.1f}"),
    )


def kept(job: Job[B], declared: Iterable[str]) -> frozenset[str]:
    """The underlyings whose volatility is kept: declared ones, those recommended lately, those with days already."""
    return job.store.underlyings(job.now() - RECOMMENDED_WITHIN) | frozenset(declared)


def _quotes(job: Job[OptionBroker], underlyings: tuple[str, ...]) -> dict[str, Quote]:
    return job.asker.ask(lambda: job.broker.quotes(underlyings)) if underlyings else {}


def _taken(job: Job[OptionBroker], underlying: str, quote: Quote | None) -> bool:
    if quote is None or not quote.two_sided:
        return _missing(job, underlying, "the stock has no two-sided quote")
    spot = Underlying((quote.bid + quote.ask) / 2)
    try:
        found = _look(job, underlying, spot)
    except BrokerUnavailableError as error:
        return _missing(job, underlying, str(error))
    if isinstance(found, NoVolatility):
        return _missing(job, underlying, found.why)
    job.store.record(row(underlying, trading_day(job.now()), spot, found), job.now())
    return True


def _missing(job: Job[OptionBroker], underlying: str, why: str) -> bool:
    job.say(VolatilityMissing(day=trading_day(job.now()).isoformat(), underlying=underlying, why=why))
    return False


def _look(job: Job[OptionBroker], underlying: str, spot: Underlying) -> Thirty | NoVolatility:
    today = trading_day(job.now())
    told = job.asker.ask(lambda: job.broker.snapshots(underlying, window(today, today, (spot,))))
    now = job.now()
    fresh = [each for each in told if each.quote and trading_day(each.quote.at) == trading_day(now)]
    chain = [job.complete(each, spot, job.policy.interest_rate, now) for each in fresh]
    return thirty(chain, spot, now)


def window(first: date, last: date, spots: Collection[Underlying]) -> Window:
    """The part of a chain that the 30-day volatilities of some days lie in, by the stock's prices on them."""
    return Window(
        today=first,
        first_expiry=first + timedelta(days=NEAREST_DAYS),
        last_expiry=last + timedelta(days=2 * DAYS),
        lowest_strike=(min(spots).amount * (1 - REACH)).quantize(CENTS),
        highest_strike=(max(spots).amount * (1 + REACH)).quantize(CENTS),
    )


def row(underlying: str, day: date, spot: Underlying, found: Thirty) -> VolatilityDay:
    """A day's volatility as it is kept."""
    return VolatilityDay(
        underlying=underlying,
        day=day,
        iv=found.iv,
        spot=spot.amount,
        near_days=found.near.days,
        near_iv=found.near.iv,
        far_days=None if found.far is None else found.far.days,
        far_iv=None if found.far is None else found.far.iv,
        modelled=found.modelled,
    )
