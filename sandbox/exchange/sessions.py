"""When the market is open: the NYSE calendar with holidays and half days.

Extended sessions as Alpaca documents them (Eastern time): overnight 20:00 to 04:00,
pre-market 04:00 to 09:30, after-hours 16:00 to 20:00 (earlier after a half day's close).
"""

import warnings
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars

from sandbox.exchange.text import SECOND, moment, nanoseconds

EASTERN = ZoneInfo("America/New_York")
FIRST, LAST = date(2016, 1, 4), date(2030, 12, 31)
_BEYOND = date(2032, 12, 31)  # what lies behind the last day is still asked for its session
_PRE, _POST_END = time(4), time(20)


class Phase(Enum):
    """What part of the trading day a moment lies in."""

    CORE = "core"
    EXTENDED = "extended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day: its date (Eastern), opening and closing in nanoseconds UTC."""

    day: date
    opens: int
    closes: int

    @property
    def early(self) -> int:
        """When the pre-market begins, 04:00 Eastern."""
        return nanoseconds(datetime.combine(self.day, _PRE, EASTERN))

    @property
    def late(self) -> int:
        """When the after-hours session ends, 20:00 Eastern."""
        return nanoseconds(datetime.combine(self.day, _POST_END, EASTERN))


@lru_cache(maxsize=1)
def _sessions() -> tuple[tuple[Session, ...], tuple[int, ...], tuple[int, ...]]:
    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses a pandas attribute that pandas 3.1 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        schedule = exchange_calendars.get_calendar("XNYS", start=FIRST, end=_BEYOND).schedule
    days = tuple(
        Session(day.date(), opens.value, closes.value)
        for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    )
    return days, tuple(s.opens for s in days), tuple(s.closes for s in days)


@lru_cache(maxsize=4096)
def _eastern(seconds: int) -> datetime:
    return moment(seconds * SECOND).astimezone(EASTERN)


def eastern_day(at: int) -> date:
    """Tell the calendar day in New York."""
    return _eastern(at // SECOND).date()


def eastern_time(at: int) -> time:
    """Tell the wall-clock time in New York, to the second."""
    return _eastern(at // SECOND).time()


def midnight(day: date) -> int:
    """Tell when a calendar day begins in New York."""
    return nanoseconds(datetime.combine(day, time(0), EASTERN))


def is_known(at: int) -> bool:
    """Tell whether the calendar reaches a moment."""
    _, opens, _ = _sessions()
    return opens[0] <= at <= midnight(LAST)


def is_open(at: int) -> bool:
    """Tell whether the regular session is on."""
    _, opens, closes = _sessions()
    return bisect_right(opens, at) > bisect_right(closes, at)


def next_open(at: int) -> int:
    """Tell when the regular session opens next, after this moment."""
    _, opens, _ = _sessions()
    return opens[bisect_right(opens, at)]


def next_close(at: int) -> int:
    """Tell when the regular session closes next, after this moment."""
    _, _, closes = _sessions()
    return closes[bisect_right(closes, at)]


def last_close(at: int) -> int:
    """Tell when the regular session closed last, at or before this moment."""
    _, _, closes = _sessions()
    return closes[bisect_right(closes, at) - 1]


def trading_session(at: int) -> Session:
    """Give the session an order sent now lives in: today's until it closes, else the next."""
    days, _, closes = _sessions()
    return days[bisect_right(closes, at)]


def extended_session(at: int) -> Session:
    """Give the session an extended-hours order lives in: today's until 20:00 Eastern."""
    days, _, closes = _sessions()
    previous = days[bisect_right(closes, at) - 1]
    return previous if at < previous.late else trading_session(at)


def settlement(session: Session) -> date:
    """Tell when a day's trades settle: the next trading day."""
    return trading_session(session.closes).day


def session_on(day: date) -> Session | None:
    """Give a day's session, or None when the market rests."""
    found = sessions_between(day, day)
    return found[0] if found else None


def sessions_between(first: date, last: date) -> tuple[Session, ...]:
    """List the trading days from one date to another, both included."""
    days, opens, _ = _sessions()
    start = bisect_right(opens, midnight(first))
    end = bisect_right(opens, nanoseconds(datetime.combine(last, time(23, 59), EASTERN)))
    return days[start:end]


def is_overnight(at: int) -> bool:
    """Tell whether the clock in New York stands between 20:00 and 04:00."""
    here = eastern_time(at)
    return here >= _POST_END or here < _PRE


def phase(at: int) -> Phase:
    """Tell the part of the day. The overnight session leads into a trading day."""
    if is_open(at):
        return Phase.CORE
    here = moment(at).astimezone(EASTERN)
    ahead = here.date() + timedelta(days=1) if here.time() >= _POST_END else here.date()
    return Phase.EXTENDED if session_on(ahead) else Phase.CLOSED
