"""The SIMULATED broker: chosen by EXECUTION_MODE, never fallen into. It reads the real market and sends nothing."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from dispatcher.core.order import Order
from dispatcher.core.outcome import Absent, Accepted, BrokerOrder, Found, Outcome
from dispatcher.core.standing import Account, Asset, Quote, Session
from dispatcher.ports import Broker


class SimulatedBroker:
    """Reads from a real broker; every order is filled whole at its limit, in memory, and forgotten with the process."""

    def __init__(self, reads: Broker) -> None:
        self._reads = reads
        self.account: Callable[[], Account] = reads.account
        self.clock: Callable[[], datetime] = reads.clock
        self.session: Callable[..., Session | None] = reads.session
        self.quote: Callable[[str], Quote | None] = reads.quote
        self.asset: Callable[[str], Asset | None] = reads.asset
        self._orders: dict[str, BrokerOrder] = {}
        self._positions: dict[str, Decimal] = {}

    def positions(self) -> dict[str, Decimal]:
        """What was simulated; the real account's positions are another matter."""
        return dict(self._positions)

    def open_symbols(self) -> frozenset[str]:
        """Nothing rests: what is simulated is filled at once."""
        return frozenset()

    def submit(self, order: Order) -> Outcome:
        """Fill it at its limit."""
        filled = BrokerOrder(
            id=f"simulated-{order.client_order_id}",
            client_order_id=order.client_order_id,
            status="filled",
            symbol=order.symbol,
            side=order.side.value,
            quantity=Decimal(order.quantity),
            limit_price=order.limit.amount,
            filled_quantity=Decimal(order.quantity),
            filled_average_price=order.limit.amount,
            submitted_at=self._reads.clock(),
        )
        self._orders[order.client_order_id] = filled
        signed = Decimal(order.quantity) if order.side.value == "buy" else -Decimal(order.quantity)
        self._positions[order.symbol] = self._positions.get(order.symbol, Decimal(0)) + signed
        return Accepted(filled)

    def find(self, client_order_id: str) -> Found:
        """Look in memory."""
        return self._orders.get(client_order_id, Absent())

    def orders_since(self, moment: datetime) -> dict[str, BrokerOrder]:
        """Everything simulated since."""
        recent = (each for each in self._orders.values() if each.submitted_at and each.submitted_at > moment)
        return {each.id: each for each in recent}

    def cancel(self, broker_order_id: str) -> None:
        """Nothing rests, so nothing can be cancelled."""
