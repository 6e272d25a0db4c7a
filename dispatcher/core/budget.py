"""How many requests an account may make in a minute: exits before reconciliation before entries before chores.

The broker counts by account, whoever asks (200 a minute, then 429 until the minute is over). So the
processes of an account share one count. Each draws a few requests at a time; what a less urgent purpose may draw ends
well before the minute's limit, so that something is always left for the more urgent ones.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

MINUTE = 60.0
SHARES_OF_A_DRAW = 20
"""A process draws this part of the limit at once: few enough to leave the others theirs."""


class Priority(IntEnum):
    """What a request is for, the most urgent first."""

    EXITS = 0
    """Closing and protecting what is held."""
    RECONCILE = 1
    """Finding out what is true."""
    ENTRIES = 2
    """Opening something new."""
    CHORES = 3
    """What can as well be asked in an hour, like the day's volatility."""


KEPT = {Priority.EXITS: 0.0, Priority.RECONCILE: 0.25, Priority.ENTRIES: 0.4, Priority.CHORES: 0.5}
"""The part of the limit that a purpose leaves to those before it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the broker said with its last answer. `seconds` until its minute is over."""

    limit: int
    remaining: int
    seconds: float
    refused: bool = False
    """It answered 429."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One account's minute. Times are seconds on the clock of whoever keeps it."""

    ends_at: float = float("-inf")
    drawn: int = 0
    """Requests given out, used or not."""
    closed_until: float = float("-inf")
    """After a 429 nobody asks before this."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Requests that may be made, or 0 and how many seconds to wait."""

    requests: int
    wait_seconds: float = 0.0


def ceiling(limit: int, priority: Priority) -> int:
    """How many requests of a minute may have been drawn when something of this priority draws; at least 1."""
    return max(1, limit - int(limit * KEPT[priority]))


def hear(minute: Minute, told: Told, now: float) -> Minute:
    """Believe the broker: when its minute ends, and that more was used than was drawn here."""
    ends_at = now + told.seconds
    if told.refused:
        return Minute(ends_at, max(minute.drawn, told.limit), closed_until=max(minute.closed_until, ends_at))
    used = told.limit - told.remaining
    # The end that we know lies up to two seconds late (whole seconds, and one for safety): an answer of the broker's
    # next minute comes before it, and what was drawn of the last one is no part of it.
    begins_another = ends_at - minute.ends_at >= MINUTE / 2
    return replace(minute, ends_at=ends_at, drawn=used if begins_another else max(minute.drawn, used))


def give_back(minute: Minute, requests: int, of: float, now: float) -> Minute:
    """Put back what was drawn and not used; nothing once the minute it was drawn of, which ended at `of`, is over."""
    return replace(minute, drawn=max(0, minute.drawn - requests)) if now < of else minute


def draw(minute: Minute, limit: int, priority: Priority, now: float) -> tuple[Minute, Draw]:
    """Draw requests, as many as a process takes at once and there are left."""
    if now < minute.closed_until:
        return minute, Draw(0, minute.closed_until - now)
    if now >= minute.ends_at:
        minute = Minute(now + MINUTE)
    left = ceiling(limit, priority) - minute.drawn
    if left <= 0:
        return minute, Draw(0, minute.ends_at - now)
    taken = min(left, max(1, limit // SHARES_OF_A_DRAW))
    return replace(minute, drawn=minute.drawn + taken), Draw(taken)
