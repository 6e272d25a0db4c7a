"""An entry's limit on its way from the middle of the quote to the bound, step by step, each an order of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from contract.options import Entry
from dispatcher.core.options.order import SingleOrder
from dispatcher.core.options.premium import Increment, Premium, no_more_than
from dispatcher.core.outcome import BrokerOrder

STEP = re.compile(r"-s\d+$")


@dataclass(frozen=True, slots=True)
class Repricing:
    """How far an entry's limit may still be moved: the bound, and the step that the order in force is.

    `filled` contracts for `paid` USD per share times contracts were filled before this step.
    """

    bound: Premium
    step: int = 0
    filled: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    def document(self) -> dict[str, object]:
        """As JSON has it; the increment with it, so that every step lies on its tick."""
        moves = self.bound.increment
        steps = {"below_three": str(moves.below_three), "from_three": str(moves.from_three)}
        so_far = {"filled": str(self.filled), "paid": str(self.paid)}
        return {"bound": str(self.bound), "step": self.step} | steps | so_far

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
    moves = Increment(Decimal(document["below_three"]), Decimal(document["from_three"]))
    bound = Premium(Decimal(document["bound"]), moves)
    return Repricing(bound, int(document["step"]), Decimal(document["filled"]), Decimal(document["paid"]))


def next_order(
    order: SingleOrder, repricing: Repricing, policy: Entry, *, priced_at: datetime, now: datetime
) -> SingleOrder | None:
    """The order that takes this one's place now; None while none is due, and at the bound.

    Its id is that of the entry and the step's number: asked twice, the broker makes it once.
    """
    left = policy.steps - repricing.step
    if left <= 0 or now - priced_at < timedelta(seconds=policy.step_seconds):
        return None
    moves, bound = repricing.bound.increment, repricing.bound.amount
    meant = order.limit.amount + (bound - order.limit.amount) / left
    at_least = order.limit.amount + moves.step(order.limit.amount)
    limit = no_more_than(min(bound, max(meant, at_least)), moves)
    if limit is None or limit.amount <= order.limit.amount:
        return None
    identity = f"{STEP.sub('', order.client_order_id)}-s{repricing.step + 1}"
    return replace(order, client_order_id=identity, limit=limit)


def moved_on(order: SingleOrder, found: BrokerOrder) -> SingleOrder:
    """The order as the broker tells its replacement, whoever asked for that: the part not filled, at another limit."""
    limit = order.limit if found.limit_price is None else Premium(found.limit_price, order.limit.increment)
    quantity = order.quantity if found.quantity is None else int(found.quantity)
    return replace(order, client_order_id=found.client_order_id, quantity=quantity, limit=limit)
