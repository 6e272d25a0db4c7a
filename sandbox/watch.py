"""What becomes of each recommendation, as the dispatcher's own log tells it, line by line."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from contract import events
from contract.events import Event
from sandbox.feed import End, Expected

_ENDED = frozenset({"refused", "rejected", "not_placed", "filled", "canceled", "expired"})

_STATES: dict[type[Event], str] = {
    events.RecommendationRefused: "refused",
    events.OrderAccepted: "accepted",
    events.OrderRejected: "rejected",
    events.OrderUnknown: "unknown",
    events.OrderDelayed: "delayed",
}
"""Events that are a state by themselves; `order_resolved` and `order_updated` name theirs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One recommendation's way so far: the states it went through, its order, the broker's or the gate's word."""

    states: tuple[str, ...] = ()
    client_order_id: str | None = None
    reason: str | None = None
    detail: str = ""
    statuses: tuple[str, ...] = ()
    modes: frozenset[str] = frozenset()
    filled: Decimal = Decimal(0)

    @property
    def state(self) -> str:
        """Where it stands now."""
        return self.states[-1] if self.states else "waiting"

    def at_its_end(self, expected: Expected) -> bool:
        """Whether nothing more is to be waited for: a resting order's end is that it rests."""
        if self.state in _ENDED:
            return self.state != "filled" or self.statuses[-1:] == ("EXECUTED",)
        return expected.end is End.RESTING and self.state == "accepted" and bool(self.statuses)

    def __str__(self) -> str:
        """The ending in a few words."""
        return f"{self.state}: {self.reason}" if self.reason else self.state


@dataclass(slots=True)
class Watch:
    """Folds the log of one account. `heard` holds every event that could be read."""

    seen: dict[int, Seen] = field(default_factory=dict)
    heard: list[Event] = field(default_factory=list)

    def hear(self, line: str) -> int | None:
        """Take in one line; gives the recommendation it is about, if it is about one."""
        event = events.parse(line).event
        if event is None:
            return None
        self.heard.append(event)
        number = getattr(event, "recommendation_id", None)
        if not isinstance(number, int):
            return None
        self.seen[number] = _after(self.seen.get(number, Seen()), event)
        return number

    def count(self, kind: type[Event]) -> int:
        """How many events of a kind were heard."""
        return sum(isinstance(each, kind) for each in self.heard)


def _after(seen: Seen, event: Event) -> Seen:
    """What is known after the event."""
    if isinstance(event, events.ExecutionRecorded):
        return _recorded(seen, event)
    state = _STATES.get(type(event)) or getattr(event, "state", None)
    if state is None:
        return seen
    return replace(
        seen,
        states=(*seen.states, str(state)),
        client_order_id=getattr(event, "client_order_id", seen.client_order_id),
        reason=_reason(event),
        detail=_detail(event),
    )


def _reason(event: Event) -> str | None:
    if isinstance(event, events.RecommendationRefused):
        return event.reason
    return f"HTTP {event.http_status}, code {event.code}" if isinstance(event, events.OrderRejected) else None


def _detail(event: Event) -> str:
    if isinstance(event, events.RecommendationRefused) and event.observed:
        return f"{event.detail.removesuffix('.')}: {event.observed}, against {event.threshold}"
    for field_name in ("detail", "message", "why", "how"):
        if told := getattr(event, field_name, ""):
            return str(told)
    return ""


def _recorded(seen: Seen, event: events.ExecutionRecorded) -> Seen:
    return replace(
        seen,
        statuses=(*seen.statuses, event.status.value),
        modes=seen.modes | {event.execution_mode.value},
        filled=event.filled_qty,
    )
