"""A position manager on its feet: the real exchange and the real books, one turn at a time, on the exchange's clock."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from itertools import count
from typing import Any

import requests
from psycopg import Connection
from psycopg.rows import DictRow

from benchmarks.manager import OnExchangeTime
from contract.control import Answer, Request
from contract.limits import Exits, OptionExits
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.database import connect
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.core.order import Order, Side, client_order_id
from dispatcher.core.positions.book import Book, Stage
from dispatcher.core.positions.cover import Working
from dispatcher.core.price import no_more_than
from dispatcher.ports import Grant, TradingAccount
from dispatcher.shell.positions.cycle import View, turn
from dispatcher.shell.positions.desk import PositionDesk
from sandbox.postgres import Database
from tests.dispatcher.cases import limits, recommendation
from tests.dispatcher.world import ACCOUNT, MONDAY_MORNING, insert
from tests.fakes.clock import FakeClock

LEASE = "large/positions"
FOR_LONG = 3600.0
START = MONDAY_MORNING.astimezone(UTC)
TABLES = (
    "position_orders",
    "position_movements",
    "positions",
    "position_accounts",
    "dispatch_accounts",
    "dispatch_executions",
    "dispatch_claims",
    "dispatch_recommendations",
)
_numbers = count(1)


@dataclass
class FakeRequests:
    """See position_ports.Requests. `table` is what the control table would hold."""

    table: list[Request] = field(default_factory=list)

    def open(self) -> tuple[Request, ...]:
        return tuple(each for each in self.table if each.answer is None or each.answer.state == "taken")

    def answer(self, request: Request, answer: Answer) -> None:
        at = next(index for index, each in enumerate(self.table) if each.id == request.id)
        self.table[at] = Request(request.id, request.ask, request.by, request.at, request.why, request.symbol, answer)


@dataclass
class Stand(OnExchangeTime):
    """One account, its exchange, its books, and a manager that can be dropped and begun anew."""

    database: Database = field(kw_only=True)
    exits: Exits = field(default_factory=lambda: Exits(options=OptionExits()), kw_only=True)
    asked: FakeRequests = field(default_factory=FakeRequests)
    connections: list[Connection[DictRow]] = field(default_factory=list)
    _desk: PositionDesk | None = None
    _broker: AlpacaBroker | None = None

    @property
    def broker(self) -> AlpacaBroker:
        """The real adapter, pointed at the exchange."""
        if self._broker is None:
            url = self.exchange.url
            self._broker = AlpacaBroker(key=ACCOUNT.key, secret=ACCOUNT.secret, trading_url=url, data_url=url)
        return self._broker

    def use(self, broker: AlpacaBroker) -> None:
        """Another adapter, for a manager that begins anew."""
        self._broker, self._desk = broker, None

    def begin_again(self) -> None:
        """An exchange and books with nothing in them. Deleting a few rows is faster than truncating a few tables."""
        self.exchange.reset()
        self.connect().execute("; ".join(f"DELETE FROM {table}" for table in TABLES).encode())
        self.at, self._desk = START, None
        self.said.clear()
        self.asked.table.clear()

    def desk(self) -> PositionDesk:
        """The manager that holds the lease; a new one after `kill`."""
        if self._desk is None:
            self._desk = self._begin()
        return self._desk

    def turn(self, times: int = 1) -> View:
        """So many turns of the manager."""
        view = turn(self.desk())
        for _ in range(times - 1):
            view = turn(self.desk())
        return view

    def settle(self, seconds: float = 12) -> View:
        """Turns until nothing is left to do: differences adopted, cancellations confirmed, closes filled."""
        for _ in range(4):
            self.turn()
            self.advance(seconds / 4)
        return self.turn(2)

    def kill(self) -> None:
        """Drop the manager without a word, as a SIGKILL would: what it remembered is gone."""
        self._desk = None

    def books(self) -> dict[str, Book]:
        """Live positions in the database."""
        found = {symbol: books[-1] for symbol, books in self.desk().ledger.books().items()}
        return {symbol: book for symbol, book in found.items() if book.stage is not Stage.CLOSED}

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What a question of the test's own finds."""
        return self.connect().execute(statement.encode(), values).fetchall()

    def connect(self) -> Connection[DictRow]:
        """A connection as the service makes it, kept for the whole test."""
        if not self.connections:
            self.connections.append(connect(self.database.url, self.database.password, name="test"))
        return self.connections[0]

    def held(self) -> dict[str, Decimal]:
        """What the exchange says is held."""
        return {symbol: each.quantity for symbol, each in self.broker.holdings().items()}

    def stops(self, symbol: str = "AAPL") -> Decimal:
        """Shares of the symbol that a live stop stands for."""
        orders = self.broker.working(symbol)
        return sum((each.remaining for each in orders if _stops(each)), Decimal(0))

    # ------------------------------------------------------------------------------------------------ what others do

    def enter(self, symbol: str = "AAPL", quantity: int = 10, **prices: str) -> Order:
        """What the dispatcher does: a claim with a committed bracket, sent; its answer is in the claim."""
        order = self.claim(symbol, quantity, **prices)
        sent = self.post(order.payload())
        with self.database.connect() as connection:
            connection.execute(
                "UPDATE dispatch_claims SET state = 'accepted', broker_order_id = %s WHERE client_order_id = %s",
                (sent["id"], order.client_order_id),
            )
        return order

    def claim(self, symbol: str, quantity: int, **prices: str) -> Order:
        """A claim whose intent is committed, not sent."""
        said = {"limit": "200.05", "take_profit": "210", "stop_loss": "195"} | prices
        with self.database.connect() as connection:
            number = insert(connection, {"ticker": symbol, "created_at": self.now()})
            ticks = {name: no_more_than(Decimal(each), self.now().date()) for name, each in said.items()}
            order_id = client_order_id(recommendation(id=number + 1000 * next(_numbers)), "large", "entry")
            order = Order(order_id, symbol, Side.BUY, quantity, **ticks)  # type: ignore[arg-type]
            connection.execute(
                "INSERT INTO dispatch_claims (recommendation_id, account, state, epoch, recommended_at, claimed_at,"
                " intended_at, since, symbol, client_order_id, payload, payload_hash, cost)"
                " VALUES (%s, 'large', 'intended', 1, %s, %s, %s, %s, %s, %s, %s, 'hash', 0)",
                (number, *[self.now()] * 4, symbol, order.client_order_id, json.dumps(order.payload())),
            )
        return order

    def post(self, body: dict[str, object]) -> dict[str, Any]:
        """An order by anyone with the account's key."""
        answer = self.http("POST", "/v2/orders", json=body)
        return dict(answer.json())

    def buy(self, symbol: str, quantity: int, side: str = "buy", **more: object) -> dict[str, Any]:
        """A trade by hand, at the market unless said otherwise."""
        body = {"symbol": symbol, "qty": str(quantity), "side": side, "type": "market", "time_in_force": "day"}
        return self.post(body | more)

    def buy_spread(self, bought: str, sold: str) -> None:
        """One unit of a spread by hand, at the market."""
        legs = [
            {"symbol": bought, "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
            {"symbol": sold, "ratio_qty": "1", "side": "sell", "position_intent": "sell_to_open"},
        ]
        shape = {"order_class": "mleg", "type": "market", "time_in_force": "day"}
        answer = self.post({**shape, "qty": "1", "legs": legs})
        assert "id" in answer, answer

    def http(self, method: str, path: str, **more: Any) -> requests.Response:
        """A request of a person at the broker's own page."""
        headers = {"APCA-API-KEY-ID": ACCOUNT.key, "APCA-API-SECRET-KEY": ACCOUNT.secret}
        return requests.request(method, f"{self.exchange.url}{path}", headers=headers, timeout=10, **more)

    def price(self, symbol: str, bid: str, ask: str) -> None:
        """Move a symbol's quote."""
        self.exchange.quotes({symbol: {"bid": bid, "ask": ask}})

    def _begin(self) -> PositionDesk:
        clock, lease = FakeClock(self.now()), Hold(self, LEASE)
        account = TradingAccount("large", ACCOUNT.number, limits(exits=self.exits))
        ledger = PostgresPositionLedger(self.connect(), account="large", lease=LEASE, epoch=lease.take().epoch)
        return PositionDesk(
            account, self.broker, ledger, lease, self.asked, self.said.append, self.now, clock, self.now, self.now()
        )


@dataclass
class Hold:
    """A lease as its service sees it: held until the service is gone, and taken from whoever had it."""

    stand: Stand
    name: str

    def take(self) -> Grant:
        """See Authority. Whoever held it is dead, and its time has run out."""
        self.stand.rows("UPDATE dispatch_accounts SET expires_at = now() WHERE account = %s RETURNING 1", self.name)
        return Grant(PostgresRoster(self.stand.connect, "test", (self.name,)).take((self.name,), FOR_LONG)[self.name])

    def holds(self) -> bool:
        """See Authority."""
        return True

    def keeps(self) -> bool:
        """See Authority."""
        return True

    def release(self, epoch: int) -> None:
        """See Authority. Who is killed lets go of nothing."""

    def abandon(self) -> None:
        """See Authority."""

    def wait(self, pause: Callable[[float], None]) -> None:
        """See Authority."""
        pause(1)


def _stops(order: Working) -> bool:
    return order.kind in {"stop", "stop_limit", "trailing_stop"} and order.armed
