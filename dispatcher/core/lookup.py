"""Whether an order that we meant stands at the broker: one answer for whoever asks by our own id."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.core.execution import same
from dispatcher.core.order import Sendable
from dispatcher.core.outcome import Absent, BrokerOrder, Found, Unknown

CLOCKS_APART = timedelta(seconds=2)
"""How far our reckoning of the broker's clock may be from its own."""


@dataclass(frozen=True, slots=True)
class Stands:
    """It is at the broker, and it is the one we meant."""

    order: BrokerOrder


@dataclass(frozen=True, slots=True)
class Anothers:
    """An order under our id that is not the one we meant."""


@dataclass(frozen=True, slots=True)
class Gone:
    """It never was there: absent for the whole grace period."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Ask again."""

    why: str


Answer = Stands | Anothers | Gone | Unclear


def judge(meant: Sendable, intended_at: datetime, found: Found, *, asked_for: timedelta, grace: timedelta) -> Answer:
    """What a look-up says. A 404 right after an unclear send proves nothing (docs/broker-rules.md, "Order ids").

    `asked_for` is how long nobody can have sent it any more and it was not found.
    """
    match found:
        case BrokerOrder():
            return Stands(found) if ours(meant, intended_at, found) else Anothers()
        case Absent():
            return Gone() if asked_for >= grace else Unclear("absent, but not for the grace period yet")
        case Unknown(why):
            return Unclear(why)


def ours(meant: Sendable, intended_at: datetime, found: BrokerOrder) -> bool:
    """Whether the broker's order is the one we meant, sent after we meant it."""
    in_time = found.submitted_at is None or found.submitted_at >= intended_at - CLOCKS_APART
    return in_time and same(meant, found)
