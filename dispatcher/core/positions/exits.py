"""When a position in options is closed: a pure decision over position, quote, clock and declared policy.

Options have no stop at the broker, so these are supervised. What a clock decides needs no quote; what a price decides
is not decided on a quote that is stale, crossed or too wide, and that is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter

from contract.limits import Exits, OptionExits
from dispatcher.core.positions.book import Exit, ExitReason
from dispatcher.core.positions.instrument import contract
from dispatcher.core.positions.sight import Sight, unusable
from dispatcher.core.standing import Session

PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class Case:
    """One position in a contract at one moment. `entry` and `peak` in USD per share; `quantity` is signed."""

    symbol: str
    quantity: Decimal
    entry: Decimal | None
    opened_at: datetime
    peak: Decimal | None
    sight: Sight | None
    session: Session | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do. `next` is what ends it: the first exit by the clock, and the prices that come before."""

    next: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """A price would decide, and there is none that may."""

    why: str


Decision = Exit | Keep | Undecided


@dataclass(frozen=True, slots=True)
class Ahead:
    """What ends a position next: in words, and by its clock, where one runs. `due` is an instant."""

    words: str
    rule: ExitReason | None = None
    due: datetime | None = None


def decide(case: Case, policy: Exits) -> Decision:
    """Whether the position is to be closed now, and why."""
    session = case.session
    if session is None or not session.opens <= case.now < session.closes:
        return Keep("the market is closed")
    by_clock = next(_by_clock(case, session, policy.options), None)
    if by_clock is not None:
        return by_clock
    if case.entry is None:
        return Undecided("the broker knows no entry price")
    why = unusable(case.sight, case.now, policy) or _too_wide(case.sight, policy.options)
    if case.sight is None or why is not None:
        return Undecided(why or "no quote")
    by_price = _by_price(case, case.entry, case.sight, policy.options)
    return by_price or Keep(f"{_next(case, session, policy.options)}; {_levels(case, case.entry, policy.options)}")


def ahead(case: Case, policy: Exits) -> Ahead:
    """What ends the position next, as far as is known now."""
    decided, session = decide(case, policy), case.session
    match decided:
        case Exit():
            return Ahead(f"{decided.reason} ({decided.observed}; {decided.threshold})", decided.reason, case.now)
        case Keep(words):
            open_now = session is not None and session.opens <= case.now < session.closes
            due, rule = _clock(case, session, policy.options) if session is not None and open_now else (None, None)
            return Ahead(words, rule, due)
        case Undecided(why):
            if session is None:
                return Ahead(why)
            due, rule = _clock(case, session, policy.options)
            return Ahead(
                f"{_next(case, session, policy.options)}; a price decides before, but not now: {why}", rule, due
            )


def peak_of(case: Case, policy: Exits) -> Decimal | None:
    """The best price since the opening, USD; a quote that may not decide moves no peak either."""
    sight = case.sight
    if sight is None or unusable(sight, case.now, policy) or _too_wide(sight, policy.options):
        return case.peak
    if case.peak is None:
        return sight.middle
    return max(case.peak, sight.middle) if case.quantity > 0 else min(case.peak, sight.middle)


def _by_clock(case: Case, session: Session, policy: OptionExits) -> Iterator[Exit]:
    found = contract(case.symbol)
    cutoff = session.closes - timedelta(minutes=policy.expiry_cutoff_minutes)
    if found is not None and found.expires <= session.day and case.now >= cutoff:
        yield _at(case, ExitReason.EXPIRY_CUTOFF, f"expires {found.expires}", f"{cutoff:%H:%M %Z} on its last day")
    close = session.closes - timedelta(minutes=policy.before_close_minutes)
    if not policy.hold_overnight and case.now >= close:
        yield _at(case, ExitReason.END_OF_DAY, f"{case.now:%H:%M:%S %Z}", f"{close:%H:%M %Z}")
    held, most = case.now - case.opened_at, timedelta(minutes=policy.max_hold_minutes)
    if held >= most:
        yield _at(case, ExitReason.MAX_HOLD, _minutes(held), _minutes(most))


def _by_price(case: Case, entry: Decimal, sight: Sight, policy: OptionExits) -> Exit | None:
    gain = _gain(case, entry, sight.middle)
    if gain <= -policy.stop_fraction:
        return _at(case, ExitReason.STOP, _shown(gain), f"at most {_shown(-policy.stop_fraction)}")
    if gain >= policy.target_fraction:
        return _at(case, ExitReason.TARGET, _shown(gain), f"at least {_shown(policy.target_fraction)}")
    best = max(gain, _gain(case, entry, case.peak)) if case.peak is not None else gain
    kept = best * policy.trail_keep_fraction
    if best >= policy.trail_after_fraction and gain <= kept:
        return _at(case, ExitReason.TRAILING_STOP, _shown(gain), f"{_shown(kept)} of a peak of {_shown(best)}")
    return None


def _gain(case: Case, entry: Decimal, price: Decimal) -> Decimal:
    """The gain as a fraction of the entry price; a short position gains when the price falls."""
    return (price - entry) / entry * (1 if case.quantity > 0 else -1)


def _too_wide(sight: Sight | None, policy: OptionExits) -> str | None:
    if sight is None or sight.middle <= 0:
        return None
    spread = (sight.ask - sight.bid) / sight.middle
    if spread <= policy.max_spread_fraction:
        return None
    return f"the spread is {_shown(spread)} of the price, at most {_shown(policy.max_spread_fraction)} decides"


def _next(case: Case, session: Session, policy: OptionExits) -> str:
    at, reason = _clock(case, session, policy)
    return f"{reason.value} at {at.astimezone(session.closes.tzinfo):%Y-%m-%d %H:%M}"


def _clock(case: Case, session: Session, policy: OptionExits) -> tuple[datetime, ExitReason]:
    """The first exit by the clock, of two at once the one that decides; a contract's last day is as long as today."""
    moments = []
    found = contract(case.symbol)
    if found is not None:
        last = session.closes + (found.expires - session.day)
        moments.append((last - timedelta(minutes=policy.expiry_cutoff_minutes), ExitReason.EXPIRY_CUTOFF))
    if not policy.hold_overnight:
        moments.append((session.closes - timedelta(minutes=policy.before_close_minutes), ExitReason.END_OF_DAY))
    moments.append((case.opened_at + timedelta(minutes=policy.max_hold_minutes), ExitReason.MAX_HOLD))
    return min(moments, key=itemgetter(0))


def _levels(case: Case, entry: Decimal, policy: OptionExits) -> str:
    """The prices at which it is closed before, USD."""
    gains = {ExitReason.STOP: -policy.stop_fraction, ExitReason.TARGET: policy.target_fraction}
    best = _gain(case, entry, case.peak) if case.peak is not None else Decimal(0)
    if best >= policy.trail_after_fraction:
        gains[ExitReason.TRAILING_STOP] = best * policy.trail_keep_fraction
    sign = 1 if case.quantity > 0 else -1
    return ", ".join(f"{reason.value} at {entry * (1 + sign * gain):.2f}" for reason, gain in gains.items())


def _at(case: Case, reason: ExitReason, observed: str, threshold: str) -> Exit:
    return Exit(reason, observed, threshold, case.now)


def _shown(fraction: Decimal) -> str:
    return f"{fraction * PERCENT:.1f} %"


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"
