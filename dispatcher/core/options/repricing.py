"""An entry's limit on its way from the middle of the quote to the bound, step by step, each an order of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from contract.options import Entry
from dispatcher.core.options.order import OptionOrder, SingleOrder, SpreadOrder
from dispatcher.core.options.premium import Increment, Limit, Net, Premium
from dispatcher.core.outcome import BrokerOrder

STEP = re.compile(r"-s\d+$")


@dataclass(frozen=True, slots=True)
class Repricing:
    """How far an entry's limit may still be moved: the bound, and the step that the order in force is.

    `filled` contracts (or units of a spread) for `paid` USD per share times contracts were filled before this step.
    """

    bound: Limit
    step: int = 0
    filled: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    def document(self) -> dict[str, object]:
        """As JSON has it; a premium's increment with it, so that every step lies on its tick."""
        so_far = {"filled": str(self.filled), "paid": str(self.paid)}
        return {"bound": str(self.bound), "step": self.step} | _increment(self.bound) | so_far

    def after(self, order: BrokerOrder) -> "Repricing":
        """When another order has taken this one's place: a step further, with what it filled."""
        paid = order.filled_quantity * (order.filled_average_price or Decimal(0))
        return replace(self, step=self.step + 1, filled=self.filled + order.filled_quantity, paid=self.paid + paid)

    def whole(self, order: BrokerOrder) -> BrokerOrder:
        """The order in force as the entry that it is a part of: with what was filled before it."""
        if not self.filled:
            return order
        filled = self.filled + order.filled_quantity
        paid = self.paid + order.filled_quantity * (order.filled_average_price or Decimal(0))
        return replace(order, filled_quantity=filled, filled_average_price=paid / filled)


def restore(document: Mapping[str, Any]) -> Repricing:
    """What a document was made from."""
    bound, filled, paid = _bound(document), Decimal(document["filled"]), Decimal(document["paid"])
    return Repricing(bound, int(document["step"]), filled, paid)


def _increment(bound: Limit) -> dict[str, str]:
    if isinstance(bound, Net):
        return {}
    moves = bound.increment
    return {"below_three": str(moves.below_three), "from_three": str(moves.from_three)}


def _bound(document: Mapping[str, Any]) -> Limit:
    """A net price moves in cents throughout, so only a premium has an increment beside it."""
    bound = Decimal(document["bound"])
    if "below_three" not in document:
        return Net(bound)
    return Premium(bound, Increment(Decimal(document["below_three"]), Decimal(document["from_three"])))


def next_order(
    order: OptionOrder, repricing: Repricing, policy: Entry, *, priced_at: datetime, now: datetime
) -> OptionOrder | None:
    """The order that takes this one's place now; None while none is due, and at the bound.

    Its id is that of the entry and the step's number: asked twice, the broker makes it once.
    """
    left = policy.steps - repricing.step
    if left <= 0 or now - priced_at < timedelta(seconds=policy.step_seconds):
        return None
    bound, stands = repricing.bound, order.limit.amount
    meant = stands + (bound.amount - stands) / left
    limit = bound.no_more_than(min(bound.amount, max(meant, stands + bound.step(stands))))
    if limit is None or limit.amount <= stands:
        return None
    return at(order, limit, f"{STEP.sub('', order.client_order_id)}-s{repricing.step + 1}", order.quantity)


def at(order: OptionOrder, limit: Limit, client_order_id: str, quantity: int) -> OptionOrder:
    """The same at another limit, under another id."""
    match order, limit:
        case SingleOrder(), Premium():
            return replace(order, client_order_id=client_order_id, quantity=quantity, limit=limit)
        case SpreadOrder(), Net():
            return replace(order, client_order_id=client_order_id, quantity=quantity, limit=limit)
    raise AssertionError(f"{limit!r} is no limit of {order!r}")


def moved_on(order: OptionOrder, found: BrokerOrder) -> OptionOrder:
    """The order as the broker tells its replacement, whoever asked for that: the part not filled, at another limit."""
    limit: Limit = order.limit
    if found.limit_price is not None:
        told = found.limit_price
        limit = Premium(told, order.limit.increment) if isinstance(order, SingleOrder) else Net(told)
    quantity = order.quantity if found.quantity is None else int(found.quantity)
    return at(order, limit, found.client_order_id, quantity)
