"""A broker in memory that answers what a test tells it to, and remembers every order it was sent."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from dispatcher.core.entries import Entry
from dispatcher.core.held import Position, Resting
from dispatcher.core.outcome import Absent, Accepted, BrokerOrder, Duplicate, Found, Outcome, Unknown
from dispatcher.core.standing import Account, Asset, Quote, Session
from dispatcher.ports import BrokerUnavailableError
from tests.dispatcher.cases import account, at_broker, session

LIVE = {"new", "accepted", "pending_new", "partially_filled", "pending_cancel"}


@dataclass
class FakeBroker:
    """See ports.Broker. An order rests as `new`, unless `outcomes` says how the next ones are answered.

    `lost`: of each answer that is unknown, the order came to stand nevertheless.
    """

    now: Callable[[], datetime]
    outcomes: list[Outcome] = field(default_factory=list)
    lost: bool = False
    sent: list[Entry] = field(default_factory=list)
    orders: dict[str, BrokerOrder] = field(default_factory=dict)
    held: dict[str, Position] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    finds: list[Found] = field(default_factory=list)
    truth: Account = field(default_factory=account)
    quoted: Quote | None = field(default_factory=lambda: Quote(Decimal("199.98"), Decimal("200.02")))
    known: bool = True
    listed: dict[str, Asset] = field(default_factory=dict)
    away: BrokerUnavailableError | None = None
    asked: list[str] = field(default_factory=list)
    before_submit: Callable[[], object] = lambda: None
    before_orders: Callable[[], object] = lambda: None

    def account(self) -> Account:
        self._ask("account")
        return self.truth

    def clock(self) -> datetime:
        self._ask("clock")
        return self.now()

    def session(self, day: date) -> Session | None:
        self._ask("session")
        return session(day) if day.weekday() < 5 else None

    def positions(self) -> dict[str, Position]:
        self._ask("positions")
        return dict(self.held)

    def resting(self) -> tuple[Resting, ...]:
        self._ask("resting")
        live = [each for each in self.orders.values() if each.status in LIVE]
        return tuple(
            Resting(
                (each.symbol,), buys=each.side == "buy", cost=(each.limit_price or 0) * (each.quantity or Decimal(0))
            )
            for each in live
            if each.symbol
        )

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        self._ask(f"quotes of {', '.join(symbols)}")
        return {} if self.quoted is None else dict.fromkeys(symbols, self.quoted)

    def asset(self, symbol: str) -> Asset | None:
        self._ask(f"asset {symbol}")
        return Asset(symbol, tradable=True, shortable=True) if self.known else None

    def assets(self) -> dict[str, Asset]:
        self._ask("assets")
        return dict(self.listed)

    def submit(self, order: Entry) -> Outcome:
        self.before_submit()
        self.sent.append(order)
        outcome = self._taken(order) if not self.outcomes else self.outcomes.pop(0)
        if isinstance(outcome, Accepted) and order.client_order_id not in self.orders:
            self.orders[order.client_order_id] = outcome.order
        if self.lost and isinstance(outcome, Unknown):
            self.stand(order)
        return outcome

    def find(self, client_order_id: str) -> Found:
        if self.finds:
            return self.finds.pop(0)
        return self.orders.get(client_order_id, Absent())

    def orders_since(self, moment: datetime, among: Collection[str] | None = None) -> dict[str, BrokerOrder]:
        del among
        self._ask("orders")
        self.before_orders()
        return {each.id: each for each in self.orders.values() if each.submitted_at and each.submitted_at > moment}

    def cancel(self, broker_order_id: str) -> None:
        self._ask("cancel")
        self.cancelled.append(broker_order_id)

    def stand(self, order: Entry, **changes: object) -> BrokerOrder:
        """Let the order stand at the broker, without a word."""
        self.orders[order.client_order_id] = at_broker(order, **{"submitted_at": self.now()} | changes)
        return self.orders[order.client_order_id]

    def change(self, order: Entry, **changes: object) -> None:
        """Let the order move on at the broker."""
        self.orders[order.client_order_id] = replace(self.orders[order.client_order_id], **changes)  # type: ignore[arg-type]

    def _taken(self, order: Entry) -> Outcome:
        return Duplicate() if order.client_order_id in self.orders else Accepted(self.stand(order))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away is not None:
            raise self.away


def away(seconds: float = 2.0) -> BrokerUnavailableError:
    """A broker whose truth cannot be read."""
    return BrokerUnavailableError("account", "ConnectionError: reset by peer", seconds)
