"""Every order there is, indexed so that nothing on the hot path walks through all of them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.exchange.orders import Order, OrderClass, OrderType, Side, Status

_EXEMPT = (OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO, OrderClass.MLEG)


class Ladder:
    """Order ids by price, best first, then by arrival. Entries that died are dropped on sight."""

    def __init__(self, *, highest_first: bool) -> None:
        """Order by descending or ascending price."""
        self._sign = -1 if highest_first else 1
        self._heap: list[tuple[Decimal, int, str]] = []

    def add(self, price: Decimal, order: Order) -> None:
        """Put an order on the ladder."""
        heapq.heappush(self._heap, (price * self._sign, order.seq, order.id))

    def best(self) -> tuple[Decimal, str] | None:
        """Look at the first rung: its price and order id."""
        if not self._heap:
            return None
        price, _, order = self._heap[0]
        return price * self._sign, order

    def drop(self) -> None:
        """Take the first rung away."""
        heapq.heappop(self._heap)


@dataclass(slots=True)
class SymbolBook:
    """The live orders of one symbol, all accounts together, by how the market reaches them."""

    at_market: dict[str, None] = field(default_factory=dict)
    buys: Ladder = field(default_factory=lambda: Ladder(highest_first=True))
    sells: Ladder = field(default_factory=lambda: Ladder(highest_first=False))
    buy_stops: Ladder = field(default_factory=lambda: Ladder(highest_first=False))
    sell_stops: Ladder = field(default_factory=lambda: Ladder(highest_first=True))
    trailing: dict[str, None] = field(default_factory=dict)
    extended: dict[str, None] = field(default_factory=dict)
    live: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class SideBook:
    """One account's open simple orders on one side of one symbol, for the wash-trade rule."""

    priceless: dict[str, None] = field(default_factory=dict)
    limits: Ladder = field(default_factory=lambda: Ladder(highest_first=True))
    limit_ids: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class AccountBook:
    """One account's orders in order of arrival, and those that are open."""

    ids: list[str] = field(default_factory=list)
    open: dict[str, None] = field(default_factory=dict)
    by_client_id: dict[str, str] = field(default_factory=dict)
    sides: dict[tuple[str, Side], SideBook] = field(default_factory=dict)
    opening: dict[tuple[str, Side], dict[str, None]] = field(default_factory=dict)


class Book:
    """All orders of the exchange."""

    def __init__(self) -> None:
        """Start empty."""
        self.orders: dict[str, Order] = {}
        self._accounts: dict[str, AccountBook] = {}
        self._symbols: dict[str, SymbolBook] = {}
        self._expiry: list[tuple[int, int, str]] = []
        self.queued: dict[str, None] = {}
        self._changed: dict[str, None] | None = None

    def take_changed(self) -> list[Order]:
        """Give the orders that changed since the last time this was asked; at first, all."""
        changed = self.orders if self._changed is None else self._changed
        found = [self.orders[order] for order in changed]
        self._changed = {}
        return found

    def account(self, number: str) -> AccountBook:
        """Give one account's orders."""
        found = self._accounts.get(number)
        if found is None:
            found = self._accounts[number] = AccountBook()
        return found

    def symbol(self, symbol: str) -> SymbolBook:
        """Give one symbol's live orders."""
        found = self._symbols.get(symbol)
        if found is None:
            found = self._symbols[symbol] = SymbolBook()
        return found

    def live_symbols(self) -> tuple[str, ...]:
        """List the symbols that have live orders."""
        return tuple(symbol for symbol, book in self._symbols.items() if book.live)

    def due(self, at: int) -> Iterator[Order]:
        """Take out, one by one, the open orders whose time has run out."""
        while self._expiry and self._expiry[0][0] <= at:
            order = self.orders[heapq.heappop(self._expiry)[2]]
            if not order.final:
                yield order

    def put(self, order: Order) -> Order:
        """Store an order's newest state and keep every index true."""
        before = self.orders.get(order.id)
        self.orders[order.id] = order
        if self._changed is not None:
            self._changed[order.id] = None
        if before is None:
            self._arrive(order)
        if order.status is Status.ACCEPTED and (order.armed or order.order_class is OrderClass.MLEG):
            self.queued[order.id] = None
        elif before is not None and before.status is Status.ACCEPTED:
            self.queued.pop(order.id, None)
        if order.final:
            self._leave(order)
        elif order.armed and (before is None or _moved(before, order)):
            self.stand(order)
        return order

    def _arrive(self, order: Order) -> None:
        mine = self.account(order.account)
        mine.ids.append(order.id)
        mine.open[order.id] = None
        mine.by_client_id[order.client_order_id] = order.id
        if order.expires_at is not None:
            heapq.heappush(self._expiry, (order.expires_at, order.seq, order.id))
        if order.order_class not in _EXEMPT and order.type is not OrderType.TRAILING_STOP:
            self._take_side(mine, order)
        if order.side and order.position_intent and order.position_intent.endswith("open"):
            mine.opening.setdefault((order.symbol, order.side), {})[order.id] = None

    @staticmethod
    def _take_side(mine: AccountBook, order: Order) -> None:
        if order.side is None:
            return
        buys = order.side is Side.BUY
        side = mine.sides.get((order.symbol, order.side))
        if side is None:
            side = mine.sides[order.symbol, order.side] = SideBook(limits=Ladder(highest_first=buys))
        if order.limit_price is None:
            side.priceless[order.id] = None
        else:
            side.limits.add(order.limit_price, order)
            side.limit_ids[order.id] = None

    def _leave(self, order: Order) -> None:
        mine = self.account(order.account)
        mine.open.pop(order.id, None)
        book = self.symbol(order.symbol)
        for index in (book.at_market, book.trailing, book.extended, book.live):
            index.pop(order.id, None)
        if order.side is None:
            return
        side = mine.sides.get((order.symbol, order.side))
        if side is not None:
            side.priceless.pop(order.id, None)
            side.limit_ids.pop(order.id, None)
        mine.opening.get((order.symbol, order.side), {}).pop(order.id, None)

    def stand(self, order: Order) -> None:
        """Put a live order where the market will find it."""
        book = self.symbol(order.symbol)
        book.live[order.id] = None
        if order.extended_hours:
            book.extended[order.id] = None
        if order.waits_for_stop:
            self._stand_as_stop(book, order)
        elif order.effective_limit is None:
            book.at_market[order.id] = None
        else:
            (book.buys if order.buys else book.sells).add(order.effective_limit, order)

    @staticmethod
    def _stand_as_stop(book: SymbolBook, order: Order) -> None:
        if order.type is OrderType.TRAILING_STOP:
            book.trailing[order.id] = None
        elif order.stop_price is not None:
            (book.buy_stops if order.buys else book.sell_stops).add(order.stop_price, order)

    def priceless(self, account: str, symbol: str, side: Side) -> list[Order]:
        """List an account's open simple orders on a side that carry no limit."""
        found = self.account(account).sides.get((symbol, side))
        return [] if found is None else [self.orders[order] for order in found.priceless]

    def crossing(self, account: str, request_side: Side, symbol: str, limit: Decimal | None) -> Order | None:
        """Find an account's own open simple order that a new one could trade with.

        `limit` None stands for a market or stop order: it meets any opposite order.
        """
        side = self.account(account).sides.get((symbol, request_side.opposite))
        if side is None:
            return None
        if side.priceless:
            return self.orders[next(iter(side.priceless))]
        if limit is None:
            return self.orders[next(iter(side.limit_ids))] if side.limit_ids else None
        best = self._best_limit(side)
        if best is None:
            return None
        price, order = best
        crosses = limit >= price if request_side is Side.BUY else limit <= price
        return self.orders[order] if crosses else None

    @staticmethod
    def _best_limit(side: SideBook) -> tuple[Decimal, str] | None:
        best = side.limits.best()
        while best is not None and best[1] not in side.limit_ids:
            side.limits.drop()
            best = side.limits.best()
        return best


def _moved(before: Order, after: Order) -> bool:
    """Tell whether an order has to stand somewhere else than before."""
    return before.armed != after.armed or before.triggered != after.triggered or before.status is Status.HELD
