"""The life of a claim: one recommendation for one account. SQL guards it, where two processes cannot disagree."""

from enum import StrEnum

from dispatcher.core.outcome import BrokerOrder


class State(StrEnum):
    """Where a claim stands. The comment of each member says what may follow."""

    CLAIMED = "claimed"  # refused, intended
    INTENDED = "intended"  # accepted (or beyond), rejected, unknown, not_placed
    UNKNOWN = "unknown"  # accepted (or beyond), rejected, intended again, not_placed
    ACCEPTED = "accepted"  # partly_filled, filled, canceled, expired, rejected
    PARTLY_FILLED = "partly_filled"  # filled, canceled, expired
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
