"""What becomes of an order in the books: the row of `dispatch_executions` and the words that are true of it."""

from dataclasses import dataclass
from decimal import Decimal

from contract.environment import ExecutionMode
from contract.events import ExecutionStatus
from dispatcher.core.entries import Entry
from dispatcher.core.options.repricing import Repricing
from dispatcher.core.order import Sendable
from dispatcher.core.outcome import BrokerOrder
from dispatcher.core.state import LIVE, State


@dataclass(frozen=True, slots=True)
class Execution:
    """An accepted order, as recorded. Quantities in shares or contracts, prices in USD per share."""

    order: Entry
    broker_order_id: str
    state: State
    status: ExecutionStatus
    mode: ExecutionMode
    filled_quantity: Decimal
    filled_average_price: Decimal | None
    repricing: Repricing | None = None
    """How its limit may still be moved, where another order has taken the first one's place."""


def conclude(order: Entry, broker: BrokerOrder, state: State, mode: ExecutionMode) -> Execution:
    """Say what is true: EXECUTED means that something was filled, and nothing else does."""
    return Execution(
        order,
        broker.id,
        state,
        status(state, broker.filled_quantity),
        mode,
        broker.filled_quantity,
        broker.filled_average_price,
    )


def status(state: State, filled: Decimal) -> ExecutionStatus:
    """The word for an accepted order in `state` with `filled` shares."""
    if filled > 0:
        return ExecutionStatus.EXECUTED
    return ExecutionStatus.ACCEPTED if state in LIVE else ExecutionStatus.ENDED_UNFILLED


def same(order: Sendable, broker: BrokerOrder) -> bool:
    """Whether the broker's order is the one we meant. What the broker left out cannot contradict."""
    ours = (order.symbol, order.side.value, Decimal(order.quantity), order.limit.amount)
    theirs = (broker.symbol, broker.side, broker.quantity, broker.limit_price)
    return all(their is None or our == their for our, their in zip(ours, theirs, strict=True))
