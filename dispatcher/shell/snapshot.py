"""The day's volatilities, one underlying after another, at a pace that leaves the broker's requests to trading."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from contract.events import VolatilityMissing, VolatilityRecorded
from contract.options import Volatility
from dispatcher.core.options.chain import Underlying
from dispatcher.core.options.volatility import DAYS, NEAREST_DAYS, NoVolatility, Thirty, thirty
from dispatcher.core.order import NEW_YORK, trading_day
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Complete, OptionBroker, VolatilityDay, VolatilityStore, Window
from dispatcher.ports import BrokerRefusedError, BrokerUnavailableError, Say

REACH = Decimal("0.12")
"""How far from the money strikes are asked for, as a fraction of the price: the widest of them are this far apart."""
CENTS = Decimal("0.01")
RECOMMENDED_WITHIN = timedelta(days=90)
A_REQUEST_EVERY_SECONDS = 0.6
"""100 a minute of the broker's 200: the rest is for trading."""
TRIES = 3
"""Of one underlying, before it is left out."""


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

    def ask(self) -> None:
        """Before each request: the pace."""
        if self.requests:
            self.pause(A_REQUEST_EVERY_SECONDS)
        self.requests += 1


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
    job.ask()
    return job.broker.quotes(underlyings) if underlyings else {}


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
    """Ask, and again after the broker's own time where it was away."""
    for left in reversed(range(TRIES)):
        job.ask()
        now = job.now()
        try:
            told = job.broker.snapshots(underlying, window(spot, now))
        except BrokerUnavailableError as error:
            if not left or isinstance(error, BrokerRefusedError):
                raise
            job.pause(error.retry_seconds)
            continue
        today = trading_day(now)
        fresh = [each for each in told if each.quote and each.quote.at.astimezone(NEW_YORK).date() == today]
        chain = [job.complete(each, spot, job.policy.interest_rate, now) for each in fresh]
        return thirty(chain, spot, now)
    raise AssertionError("a last try that neither answered nor raised")


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
