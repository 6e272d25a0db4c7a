"""The SIMULATED broker: chosen by EXECUTION_MODE, never fallen into. It reads the real market and sends nothing."""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal

from dispatcher.core.entries import Entry
from dispatcher.core.held import Position, Resting
from dispatcher.core.options.order import SpreadOrder
from dispatcher.core.order import Side
from dispatcher.core.outcome import Absent, Accepted, BrokerOrder, Duplicate, Found, NotSent, Outcome
from dispatcher.core.positions.instrument import multiplier
from dispatcher.core.standing import Account, Asset, Quote, Session
from dispatcher.ports import Broker, BrokerUnavailableError


class SimulatedBroker:
    """Reads from a real broker; every order is filled whole at its limit, in memory, and forgotten with the process."""

    def __init__(self, reads: Broker) -> None:
        self._reads = reads
        self.account: Callable[[], Account] = reads.account
        self.clock: Callable[[], datetime] = reads.clock
        self.session: Callable[..., Session | None] = reads.session
        self.quotes: Callable[[tuple[str, ...]], dict[str, Quote]] = reads.quotes
        self.asset: Callable[[str], Asset | None] = reads.asset
        self.assets: Callable[[], dict[str, Asset]] = reads.assets
        self._orders: dict[str, BrokerOrder] = {}
        self._positions: dict[str, Position] = {}

    def positions(self) -> dict[str, Position]:
        """What was simulated; the real account's positions are another matter."""
        return dict(self._positions)

    def resting(self) -> tuple[Resting, ...]:
        """Nothing rests: what is simulated is filled at once."""
        return ()

    def submit(self, order: Entry) -> Outcome:
        """Fill it at its limit, once."""
        if order.client_order_id in self._orders:
            return Duplicate()
        try:
            now = self._reads.clock()
        except BrokerUnavailableError as error:
            return NotSent(str(error))
        filled = BrokerOrder(
            id=f"simulated-{order.client_order_id}",
            client_order_id=order.client_order_id,
            status="filled",
            symbol=None if isinstance(order, SpreadOrder) else order.symbol,
            side=None if isinstance(order, SpreadOrder) else order.side.value,
            quantity=Decimal(order.quantity),
            limit_price=order.limit.amount,
            filled_quantity=Decimal(order.quantity),
            filled_average_price=order.limit.amount,
            submitted_at=now,
        )
        self._orders[order.client_order_id] = filled
        self._hold(order)
        return Accepted(filled)

    def find(self, client_order_id: str) -> Found:
        """Look in memory."""
        return self._orders.get(client_order_id, Absent())

    def orders_since(self, moment: datetime, among: Collection[str] | None = None) -> dict[str, BrokerOrder]:
        """Everything simulated since."""
        del among
        recent = (each for each in self._orders.values() if each.submitted_at and each.submitted_at > moment)
        return {each.id: each for each in recent}

    def cancel(self, broker_order_id: str) -> None:
        """Nothing rests, so nothing can be cancelled."""

    def _hold(self, order: Entry) -> None:
        """A spread's whole price stands on its first leg: its legs have none of their own here."""
        if not isinstance(order, SpreadOrder):
            self._add(order.symbol, order.side, order.quantity, order.limit.amount)
            return
        for number, leg in enumerate(order.legs):
            self._add(leg.symbol, leg.intent.side, order.quantity, order.limit.amount if number == 0 else Decimal(0))

    def _add(self, symbol: str, side: Side, quantity: int, price: Decimal) -> None:
        before = self._positions.get(symbol, Position(Decimal(0), Decimal(0)))
        bought = Decimal(quantity if side is Side.BUY else -quantity)
        value = before.market_value + bought * price * multiplier(symbol)
        self._positions[symbol] = Position(before.quantity + bought, value)
