"""What halts an account though nothing is recommended: its losses, and orders on which books and broker differ.

A halt is for a person to look at and to end. Each difference is told once under a lease: resumed, the account trades.
"""

from collections.abc import Collection
from datetime import timedelta

from dispatcher.core.gates import losses
from dispatcher.core.order import recommendation_of
from dispatcher.core.outcome import Absent
from dispatcher.ports import OpenOrder
from dispatcher.shell.desk import Desk
from dispatcher.shell.truth import day_began


def halt_for_losses(desk: Desk) -> None:
    """Halt when the account has lost its daily limit, as the standing says that the gates look at."""
    check = losses(desk.truth.standing(), desk.limits)
    if not check.passed:
        desk.switch.halt(f"daily loss {check.observed}, limit {check.threshold}")


def halt_for_vanished(desk: Desk, unlisted: Collection[OpenOrder]) -> None:
    """Halt for an order that the books have as open and the broker neither lists nor finds under our id.

    A broker may take a moment to list what it has just taken: an order younger than the grace period proves nothing.
    """
    grace = timedelta(seconds=desk.limits.absence_grace_seconds)
    for each in unlisted:
        identity = each.order.client_order_id
        if identity in desk.differences or desk.now() - each.since < grace:
            continue
        if isinstance(desk.broker.find(identity), Absent):
            desk.differences.add(identity)
            desk.switch.halt(f"order {identity} is {each.state} in the books, and the broker does not know it")


def halt_for_unbooked(desk: Desk) -> None:
    """Halt for an order of today under an id of ours where the books say that the recommendation has none.

    Books that were put back to an earlier day, or a second database that trades in the same account.
    """
    listed = {each.client_order_id for each in desk.broker.orders_since(day_began(desk.now())).values()}
    meant = {identity: number for identity in listed if (number := recommendation_of(identity)) is not None}
    booked = desk.ledger.ordered(tuple(set(meant.values()))) if meant else frozenset()
    for identity in sorted(identity for identity, number in meant.items() if number not in booked):
        if identity not in desk.differences:
            desk.differences.add(identity)
            desk.switch.halt(f"the broker has order {identity}, and the books know of none for that recommendation")
