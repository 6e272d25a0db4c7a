"""A control table in memory, where a person says what an account may do."""

from dataclasses import dataclass, field

from contract.control import TradingOrder
from dispatcher.ports import ControlUnavailableError


@dataclass
class FakeControl:
    """See ports.Control. `away` makes it unreadable."""

    said: TradingOrder | None = None
    away: bool = False
    written: list[TradingOrder] = field(default_factory=list)

    def read(self) -> TradingOrder | None:
        self._reach()
        return self.said

    def write(self, order: TradingOrder) -> None:
        self._reach()
        self.written.append(order)
        self.said = order

    def _reach(self) -> None:
        if self.away:
            raise ControlUnavailableError("throttled")
