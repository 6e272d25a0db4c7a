"""The counterparty's chains in memory: answers what a test lists, and remembers every replacement it was asked for."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.outcome import Accepted, BrokerOrder, Outcome
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Window
from dispatcher.ports import BrokerUnavailableError
from dispatcher.shell.desk import OptionMeans
from tests.fakes.broker import FakeBroker


@dataclass
class FakeChains:
    """See option_ports.OptionBroker. A replacement takes its order's place in `broker` at once."""

    broker: FakeBroker
    listed: list[Listed] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    asked: list[OptionOrder] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    away: BrokerUnavailableError | None = None

    def chain(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        self.windows.append(window)
        if self.away is not None:
            raise self.away
        return tuple(each for each in self.listed if each.contract.underlying == underlying)

    def snapshots(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        return self.chain(underlying, window)

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        quoted = self.broker.quoted
        return {} if quoted is None else dict.fromkeys(symbols, quoted)

    def replace(self, broker_order_id: str, order: OptionOrder) -> Outcome:
        self.asked.append(order)
        if self.answers:
            return self.answers.pop(0)
        return Accepted(self.take_place(broker_order_id, order))

    def take_place(self, broker_order_id: str, order: OptionOrder) -> BrokerOrder:
        """Let the order take the other one's place at the broker, for what that one has not filled."""
        old = next(each for each in self.broker.orders.values() if each.id == broker_order_id)
        rest = Decimal(order.quantity) - old.filled_quantity
        new = self.broker.stand(order, id=f"broker-{order.client_order_id}", quantity=rest)
        self.broker.orders[old.client_order_id] = replace(old, status="replaced", replaced_by=new.id)
        return new

    def means(self) -> OptionMeans:
        """With a model that computes nothing."""
        return OptionMeans(self, as_told)


def as_told(listed: Listed, spot: Underlying, rate: Decimal, now: datetime) -> Listed:
    """See option_ports.Complete: the contract as the broker told it."""
    del spot, rate, now
    return listed
