"""The day's volatilities, one underlying after another, from requests that nobody else needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from contract.events import VolatilityMissing, VolatilityRecorded
from contract.options import Volatility
from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.volatility import DAYS, NEAREST_DAYS, NoVolatility, Thirty, thirty
from dispatcher.core.order import trading_day
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Complete, OptionBroker, VolatilityDay, VolatilityStore, Window
from dispatcher.ports import BrokerRefusedError, BrokerThrottledError, BrokerUnavailableError, Say

REACH = Decimal("0.12")
"""How far from the money strikes are asked for, as a fraction of the price: the widest of them are this far apart."""
CENTS = Decimal("0.01")
RECOMMENDED_WITHIN = timedelta(days=90)
TRIES = 3
"""Of one question to a broker that is away, before its underlying is left out."""
PATIENCE_SECONDS = 3_600.0
"""How long the whole may wait for requests that nobody else needs."""
T = TypeVar("T")


@dataclass(slots=True)
class Job:
    """What a snapshot is taken with. `pause` waits for seconds, `monotonic` tells how long it took."""

    broker: OptionBroker
    complete: Complete
    store: VolatilityStore
    policy: Volatility
    say: Say
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    monotonic: Callable[[], float]
    requests: int = 0

    waited: float = 0.0

    def ask(self, question: Callable[[], T]) -> T:
        """Ask; while the account's budget has no request for it wait, and where the broker is away a few times more.

        Raises:
            BrokerUnavailableError: it is away for longer, refuses, or nothing was left for us for too long.
        """
        tries = TRIES
        while True:
            try:
                answer = question()
            except BrokerThrottledError as error:
                self.waited += error.retry_seconds
                if self.waited > PATIENCE_SECONDS:
                    raise
                self.pause(error.retry_seconds)
            except BrokerUnavailableError as error:
                self.requests, tries = self.requests + 1, tries - 1
                if not tries or isinstance(error, BrokerRefusedError):
                    raise
                self.pause(error.retry_seconds)
            else:
                self.requests += 1
                return answer


def take(job: Job, declared: Iterable[str], *, again: bool = False) -> VolatilityRecorded:
    """Take and keep the day's volatilities; what was taken before only `again`."""
    began, now = job.monotonic(), job.now()
    day = trading_day(now)
    wanted = job.store.underlyings(now - RECOMMENDED_WITHIN) | frozenset(declared)
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
        requests=job.requests,
        seconds=Decimal(f"{job.monotonic() - began:.1f}"),
    )


def _quotes(job: Job, underlyings: tuple[str, ...]) -> dict[str, Quote]:
    return job.ask(lambda: job.broker.quotes(underlyings)) if underlyings else {}


def _taken(job: Job, underlying: str, quote: Quote | None) -> bool:
    if quote is None or not quote.two_sided:
        return _missing(job, underlying, "the stock has no two-sided quote")
    spot = Underlying((quote.bid + quote.ask) / 2)
    try:
        found = _look(job, underlying, spot)
    except BrokerUnavailableError as error:
        return _missing(job, underlying, str(error))
    if isinstance(found, NoVolatility):
        return _missing(job, underlying, found.why)
    job.store.record(_day(underlying, spot, found, job.now()), job.now())
    return True


def _missing(job: Job, underlying: str, why: str) -> bool:
    job.say(VolatilityMissing(day=trading_day(job.now()).isoformat(), underlying=underlying, why=why))
    return False


def _look(job: Job, underlying: str, spot: Underlying) -> Thirty | NoVolatility:
    told = job.ask(lambda: job.broker.snapshots(underlying, window(spot, job.now())))
    now = job.now()
    fresh = [each for each in told if each.quote and trading_day(each.quote.at) == trading_day(now)]
    chain = [job.complete(each, spot, job.policy.interest_rate, now) for each in fresh]
    return thirty(chain, spot, now)


def window(spot: Underlying, now: datetime) -> Window:
    """The part of a chain that the 30-day volatility lies in."""
    today, reach = trading_day(now), spot.amount * REACH
    return Window(
        today=today,
        first_expiry=today + timedelta(days=NEAREST_DAYS),
        last_expiry=today + timedelta(days=2 * DAYS),
        lowest_strike=(spot.amount - reach).quantize(CENTS),
        highest_strike=(spot.amount + reach).quantize(CENTS),
    )


def _day(underlying: str, spot: Underlying, found: Thirty, now: datetime) -> VolatilityDay:
    return VolatilityDay(
        underlying=underlying,
        day=trading_day(now),
        iv=found.iv,
        spot=spot.amount,
        near_days=found.near.days,
        near_iv=found.near.iv,
        far_days=None if found.far is None else found.far.days,
        far_iv=None if found.far is None else found.far.iv,
        modelled=found.modelled,
    )
