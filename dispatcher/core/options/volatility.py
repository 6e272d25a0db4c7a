"""The implied volatility of an underlying: at the money, 30 days, one number a day; and where it stands in its history.

One definition. At each expiry the volatility at the money is interpolated in strike between the two strikes around the
underlying's price, calls and puts averaged; between the two expiries around 30 days the total variance (volatility²
times time) is interpolated in time, as the Cboe's volatility index method does for its two terms. Where 30 days lie
outside of all expiries, the nearest one within EDGE_DAYS stands alone; where there is none, there is no number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from contract.options import Volatility
from dispatcher.core.options.chain import Listed, Underlying, years_left

DAYS = 30
EDGE_DAYS = 7
"""How far a single expiry may be from 30 days to stand alone."""
NEAREST_DAYS = 5
"""Nothing nearer: in the last days a premium holds hardly any volatility."""
FURTHEST_DAYS = 120
YEAR = Decimal(365)
PERCENT = Decimal(100)
PLACES = Decimal("0.000001")
HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Term:
    """One expiry: days left (with their fraction), and the volatility at the money there."""

    expires: date
    days: Decimal
    iv: Decimal


@dataclass(frozen=True, slots=True)
class Thirty:
    """The 30-day volatility at the money, and the expiries it is between; `far` is None where one stands alone."""

    iv: Decimal
    near: Term
    far: Term | None
    modelled: int
    """How many of the contracts' volatilities were ours, because the broker gave none."""


@dataclass(frozen=True, slots=True)
class NoVolatility:
    """There is no such number, and why."""

    why: str


def thirty(chain: Iterable[Listed], spot: Underlying, now: datetime) -> Thirty | NoVolatility:
    """The 30-day volatility at the money of a chain."""
    known = [each for each in chain if each.iv is not None and each.two_sided]
    terms = _terms(known, spot, now)
    if not terms:
        return NoVolatility("no expiry between 5 and 120 days has quoted contracts with a volatility on both sides")
    near = max((each for each in terms if each.days <= DAYS), key=_days, default=None)
    far = min((each for each in terms if each.days > DAYS), key=_days, default=None)
    if near is not None and far is not None:
        used = {near.expires, far.expires}
        return Thirty(_between(near, far), near, far, _modelled(known, used))
    alone = near or far
    if alone is None or abs(alone.days - DAYS) > EDGE_DAYS:
        shown = ", ".join(f"{each.days:.0f}" for each in terms)
        return NoVolatility(f"no expiries around 30 days, and none within {EDGE_DAYS} days of them: {shown} days")
    return Thirty(alone.iv, alone, None, _modelled(known, {alone.expires}))


def _days(term: Term) -> Decimal:
    return term.days


def _modelled(known: list[Listed], used: set[date]) -> int:
    return sum(each.modelled for each in known if each.contract.expires in used)


def _between(near: Term, far: Term) -> Decimal:
    """Linear in total variance, so that a volatility of constant maturity carries no jump of the calendar."""
    weight = (far.days - DAYS) / (far.days - near.days)
    variance = weight * near.iv**2 * near.days + (1 - weight) * far.iv**2 * far.days
    return (variance / DAYS).sqrt().quantize(PLACES)


def _terms(known: list[Listed], spot: Underlying, now: datetime) -> list[Term]:
    found = []
    for expires in sorted({each.contract.expires for each in known}):
        there = [each for each in known if each.contract.expires == expires]
        days = years_left(there[0].contract, now) * YEAR
        iv = _at_the_money(there, spot)
        if iv is not None and NEAREST_DAYS <= days <= FURTHEST_DAYS:
            found.append(Term(expires, days.quantize(PLACES), iv))
    return found


def _at_the_money(there: list[Listed], spot: Underlying) -> Decimal | None:
    """Calls and puts averaged at each strike, then between the strike below the price and the one above."""
    by_strike: dict[Decimal, list[Decimal]] = {}
    for each in there:
        if each.iv is not None:
            by_strike.setdefault(each.contract.strike, []).append(each.iv)
    below = max((strike for strike in by_strike if strike <= spot.amount), default=None)
    above = min((strike for strike in by_strike if strike >= spot.amount), default=None)
    if below is None or above is None:
        return None
    low, high = (sum(by_strike[strike], Decimal(0)) / len(by_strike[strike]) for strike in (below, above))
    weight = Decimal(0) if below == above else (spot.amount - below) / (above - below)
    return (low + (high - low) * weight).quantize(PLACES)


@dataclass(frozen=True, slots=True)
class Past:
    """A window of days before today, summed up: how many, the lowest and highest, how many were below what is now."""

    days: int
    low: Decimal | None
    high: Decimal | None
    below: int
    newest: date | None


@dataclass(frozen=True, slots=True)
class Ranked:
    """Where the volatility stands in its history, in per cent. The two are often confused.

    `rank` is the place between the lowest and the highest day, 100 × (now - low) / (high - low), held within 0 and 100;
    `percentile` is the share of days that were below now. Today is not part of its own history.
    """

    iv: Decimal
    rank: Decimal
    percentile: Decimal
    days: int
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Unranked:
    """The rank is undefined, and why. Not 0, not 50: undefined."""

    why: str
    days: int = 0


def rank(iv: Decimal, past: Past, today: date, policy: Volatility) -> Ranked | Unranked:
    """Rank and percentile of a volatility, behind their guards."""
    if past.low is None or past.high is None or past.newest is None or past.days < policy.min_observations:
        return Unranked(f"{past.days} days of history, at least {policy.min_observations} are needed", past.days)
    if today - past.newest > timedelta(days=policy.max_age_days):
        return Unranked(
            f"the newest day is {past.newest}, at most {policy.max_age_days} days may have passed", past.days
        )
    if past.high - past.low < policy.min_range:
        flat = f"between {past.low} and {past.high} over {past.days} days; {policy.min_range} apart is needed"
        return Unranked(flat, past.days)
    place = PERCENT * (iv - past.low) / (past.high - past.low)
    return Ranked(
        iv=iv,
        rank=min(PERCENT, max(Decimal(0), place)).quantize(HUNDREDTH),
        percentile=(PERCENT * past.below / past.days).quantize(HUNDREDTH),
        days=past.days,
        low=past.low,
        high=past.high,
    )
