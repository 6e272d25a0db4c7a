"""An option's entry on its way: moved towards its bound while it rests, followed to whatever took its place."""

from dataclasses import replace

from contract.events import OrderRepriced
from dispatcher.core import state
from dispatcher.core.execution import Execution, conclude
from dispatcher.core.options.repricing import moved_on, next_order
from dispatcher.core.order import Order
from dispatcher.core.outcome import Accepted, BrokerOrder, Outcome, Rejected
from dispatcher.ports import OpenOrder
from dispatcher.shell.desk import Desk


def concluded(desk: Desk, each: OpenOrder, found: BrokerOrder, standing: dict[str, BrokerOrder]) -> Execution:
    """What the books are to say of an entry: of the order in force, with what was filled before it."""
    if each.repricing is None or isinstance(each.order, Order):
        return conclude(each.order, found, state.of(found), desk.mode)
    order, repricing, last = each.order, each.repricing, found
    while last.replaced_by is not None and last.replaced_by in standing:
        repricing, last = repricing.after(last), standing[last.replaced_by]
        order = moved_on(order, last)
    whole = repricing.whole(last)
    execution = conclude(order, whole, state.of(whole), desk.mode)
    return execution if repricing is each.repricing else replace(execution, repricing=repricing)


def reprice(desk: Desk, each: OpenOrder) -> None:
    """Ask for the next step where one is due. Its id is committed before it is asked for, like an intent.

    What became of it is not believed from the answer: the order itself says what took its place.
    """
    if each.repricing is None or isinstance(each.order, Order) or each.broker_order_id is None:
        return
    if each.filled_quantity or not desk.lease.holds():
        return  # what has begun to fill is left to fill
    now, policy = desk.now(), desk.limits.options.entry
    order = next_order(each.order, each.repricing, policy, priced_at=each.priced_at or each.intended_at, now=now)
    if order is None:
        return
    desk.ledger.reprice(each.recommendation_id, order, now)
    answer = desk.options.broker.replace(each.broker_order_id, order)
    desk.say(
        OrderRepriced(
            account=desk.name,
            recommendation_id=each.recommendation_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            limit_price=order.limit.amount,
            was=each.order.limit.amount,
            bound=each.repricing.bound.amount,
            answer=_words(answer),
        )
    )


def _words(answer: Outcome) -> str:
    match answer:
        case Accepted():
            return "accepted"
        case Rejected(message=message):
            return f"rejected: {message}"
        case _:
            return type(answer).__name__.lower()
