"""Which contract of the chain: every candidate is judged, and what was said of each is kept with the decision."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from contract.options import Choice
from dispatcher.core.options.chain import Listed, Underlying, days_left, distance
from dispatcher.core.positions.sight import AHEAD, Sight
from dispatcher.core.reasons import Word

ZERO, ONE = Decimal(0), Decimal(1)
TENTH = Decimal("0.1")
PLENTY = 10
"""Volume or open interest of this many times the minimum is as good as any."""
SPREAD_POINTS, DELTA_POINTS, DAYS_POINTS, LIQUIDITY_POINTS = Decimal(40), Decimal(30), Decimal(15), Decimal(15)
"""What a score of 100 is made of."""


class Exclusion(Word):
    """Why a contract cannot be chosen."""

    NOT_TRADABLE = "not_tradable", "The broker does not trade it."
    TOO_SOON = "expires_too_soon", "It expires before `min_days`."
    TOO_LATE = "expires_too_late", "It expires after `max_days`."
    STRIKE_TOO_FAR = "strike_too_far", "Its strike is further from the underlying than `max_strike_distance`."
    NO_QUOTE = "no_quote", "It has no two-sided, uncrossed quote."
    QUOTE_STALE = "quote_stale", "Its quote is older than `max_quote_age_seconds`, or from the future."
    SPREAD_TOO_WIDE = "spread_too_wide", "Its spread is wider than `max_spread_fraction` of its middle."
    VOLUME_TOO_LOW = "volume_too_low", "Fewer than `min_volume` contracts were traded today, or nobody says."
    OPEN_INTEREST_TOO_LOW = (
        "open_interest_too_low",
        "Fewer than `min_open_interest` contracts are open, or nobody says.",
    )
    DELTA_UNKNOWN = "delta_unknown", "The broker gives no delta, and none can be computed from its price."
    DELTA_OUT_OF_RANGE = "delta_out_of_range", "Its delta is outside of `min_delta` and `max_delta`."
    PREMIUM_TOO_LOW = "premium_too_low", "Its middle is below `min_premium`."
    NO_PARTNER = "no_partner", "No other contract makes a spread with it within `max_width` and at a fair price."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contract as judged. `score` is 0 to 100; None where something excludes it."""

    listed: Listed
    days: int
    spread: Decimal | None
    """The quote's spread as a fraction of its middle."""
    exclusions: tuple[Exclusion, ...]
    score: Decimal | None


def judge(
    chain: Iterable[Listed], spot: Underlying, policy: Choice, now: datetime, *, partner: bool = False
) -> tuple[Candidate, ...]:
    """Judge every contract. `partner`: as the further leg of a spread, whose delta and premium may be small."""
    return tuple(_judged(each, spot, policy, now, partner=partner) for each in chain)


def best(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Those that may be chosen, the best first; equal ones by symbol."""
    able = [each for each in candidates if each.score is not None]
    return tuple(sorted(able, key=lambda each: (-(each.score or ZERO), each.listed.symbol)))


def counts(candidates: Iterable[Candidate]) -> Mapping[Exclusion, int]:
    """How many contracts each reason excludes; one may be excluded by several."""
    counted = Counter(reason for each in candidates for reason in each.exclusions)
    return {reason: counted[reason] for reason in Exclusion if counted[reason]}


def _judged(listed: Listed, spot: Underlying, policy: Choice, now: datetime, *, partner: bool) -> Candidate:
    days = days_left(listed.contract, now)
    spread = spread_of(listed)
    reasons = [*_of_the_contract(listed, days, spot, policy), *_of_the_quote(listed.quote, spread, policy, now)]
    reasons += _of_the_trade(listed, policy)
    if not partner:
        reasons += [*_of_the_premium(listed, policy), *_of_the_delta(listed, policy)]
    score = None if reasons else _score(listed, days, spread or ZERO, policy)
    return Candidate(listed, days, spread, tuple(reasons), score)


def spread_of(listed: Listed) -> Decimal | None:
    """The spread of the quote as a fraction of its middle; None without a two-sided quote."""
    if listed.quote is None or not listed.two_sided:
        return None
    return (listed.quote.ask - listed.quote.bid) / listed.quote.middle


def _of_the_contract(listed: Listed, days: int, spot: Underlying, policy: Choice) -> Iterator[Exclusion]:
    if not listed.tradable:
        yield Exclusion.NOT_TRADABLE
    if days < policy.min_days:
        yield Exclusion.TOO_SOON
    if days > policy.max_days:
        yield Exclusion.TOO_LATE
    if distance(listed, spot) > policy.max_strike_distance:
        yield Exclusion.STRIKE_TOO_FAR


def _of_the_quote(quote: Sight | None, spread: Decimal | None, policy: Choice, now: datetime) -> Iterator[Exclusion]:
    if quote is None or spread is None:
        yield Exclusion.NO_QUOTE
        return
    if not -AHEAD <= now - quote.at <= timedelta(seconds=policy.max_quote_age_seconds):
        yield Exclusion.QUOTE_STALE
    if spread > policy.max_spread_fraction:
        yield Exclusion.SPREAD_TOO_WIDE


def _of_the_trade(listed: Listed, policy: Choice) -> Iterator[Exclusion]:
    if (listed.volume or 0) < policy.min_volume:
        yield Exclusion.VOLUME_TOO_LOW
    if (listed.open_interest or 0) < policy.min_open_interest:
        yield Exclusion.OPEN_INTEREST_TOO_LOW


def _of_the_premium(listed: Listed, policy: Choice) -> Iterator[Exclusion]:
    if listed.quote is not None and listed.two_sided and listed.quote.middle < policy.min_premium:
        yield Exclusion.PREMIUM_TOO_LOW


def _of_the_delta(listed: Listed, policy: Choice) -> Iterator[Exclusion]:
    if listed.greeks is None:
        yield Exclusion.DELTA_UNKNOWN
    elif not policy.min_delta <= abs(listed.greeks.delta) <= policy.max_delta:
        yield Exclusion.DELTA_OUT_OF_RANGE


def _score(listed: Listed, days: int, spread: Decimal, policy: Choice) -> Decimal:
    delta = abs(listed.greeks.delta) if listed.greeks is not None else ZERO
    near_delta = _nearness(delta, policy.min_delta, policy.target_delta, policy.max_delta)
    near_days = _nearness(
        Decimal(days), Decimal(policy.min_days), Decimal(policy.target_days), Decimal(policy.max_days)
    )
    liquid = (_plenty(listed.volume, policy.min_volume) + _plenty(listed.open_interest, policy.min_open_interest)) / 2
    points = (
        SPREAD_POINTS * (1 - spread / policy.max_spread_fraction)
        + DELTA_POINTS * near_delta
        + DAYS_POINTS * near_days
        + LIQUIDITY_POINTS * liquid
    )
    return points.quantize(TENTH)


def _nearness(value: Decimal, low: Decimal, target: Decimal, high: Decimal) -> Decimal:
    """1 at the target, 0 at the ends of the window and beyond."""
    reach = target - low if value < target else high - target
    return max(ZERO, ONE - abs(value - target) / reach) if reach else ONE if value == target else ZERO


def _plenty(count: int | None, minimum: int) -> Decimal:
    return min(ONE, Decimal(count or 0) / (PLENTY * minimum)) if minimum else ONE
