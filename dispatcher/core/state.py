"""The life of a claim: one recommendation for one account. SQL guards it, where two processes cannot disagree."""

from collections.abc import Mapping
from enum import StrEnum

from dispatcher.core.outcome import BrokerOrder


class State(StrEnum):
    """Where a claim stands, or an order of the position manager. `WAYS` says what may follow."""

    CLAIMED = "claimed"  # given back when its process is gone
    INTENDED = "intended"  # sent, or about to be; looked up by our own id
    UNKNOWN = "unknown"  # nobody answered; looked up by our own id
    ACCEPTED = "accepted"  # followed at the broker
    PARTLY_FILLED = "partly_filled"  # followed at the broker
    REFUSED = "refused"  # the end: no order was meant
    REJECTED = "rejected"  # the end: the broker said no
    NOT_PLACED = "not_placed"  # the end: never at the broker, confirmed
    FILLED = "filled"  # the end of the entry
    CANCELED = "canceled"  # the end of the entry; something may have been filled
    EXPIRED = "expired"  # the end of the entry; something may have been filled


UNRESOLVED = (State.INTENDED, State.UNKNOWN)
"""An order may stand at the broker and we have no answer."""

LIVE = (State.ACCEPTED, State.PARTLY_FILLED)
"""The broker has the order and may still fill it."""

_ENDED_AT_BROKER = frozenset({State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED})
_ANSWERED = frozenset({*LIVE, *_ENDED_AT_BROKER, State.NOT_PLACED})

WAYS: Mapping[State, frozenset[State]] = {
    State.CLAIMED: frozenset({State.REFUSED, State.INTENDED}),
    State.INTENDED: _ANSWERED | {State.UNKNOWN},
    State.UNKNOWN: _ANSWERED | {State.INTENDED},
    State.ACCEPTED: _ENDED_AT_BROKER | {State.PARTLY_FILLED},
    State.PARTLY_FILLED: _ENDED_AT_BROKER | {State.ACCEPTED},  # the broker can bust a trade
    State.REFUSED: frozenset(),
    State.REJECTED: frozenset(),
    State.NOT_PLACED: frozenset(),
    State.FILLED: frozenset(),
    State.CANCELED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""What may follow each state, but for itself. What the broker once had is never meant again; only a confirmed absence
goes from unknown to intended."""

_BY_BROKER_STATUS = {
    "filled": State.FILLED,
    "canceled": State.CANCELED,
    "expired": State.EXPIRED,
    "rejected": State.REJECTED,
    # A replacement has a new id of its own; this order will fill no more.
    "replaced": State.CANCELED,
}


def of(order: BrokerOrder) -> State:
    """The claim's state that the broker's order implies. A status we do not know is not an end: keep watching."""
    ended = _BY_BROKER_STATUS.get(order.status)
    if ended is not None:
        return ended
    return State.PARTLY_FILLED if order.filled_quantity > 0 else State.ACCEPTED
