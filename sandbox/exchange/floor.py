"""Where orders meet the market: triggers, fills, and what they do to money and to groups."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from sandbox.exchange import sessions
from sandbox.exchange.account import Account
from sandbox.exchange.book import Book, Ladder, SymbolBook
from sandbox.exchange.clock import Clock
from sandbox.exchange.market import Quote
from sandbox.exchange.orders import ZERO, Order, OrderType, Role, Status, TimeInForce
from sandbox.exchange.portfolio import Hold, Position
from sandbox.exchange.rules import tick
from sandbox.exchange.sessions import Phase

_NANO_SHARE = Decimal("0.000000001")
_PERCENT = Decimal(100)
_SMALLEST_PART = 1  # a partial fill leaves at least a share on each side
Listener = Callable[["Update"], None]


@dataclass(frozen=True, slots=True)
class Update:
    """One thing that happened to an order, as the trade_updates stream tells it."""

    event: str
    order: Order
    at: int
    execution_id: str
    price: Decimal | None = None
    qty: Decimal | None = None
    position_qty: Decimal | None = None


class Floor:
    """The matching engine. Deterministic: time, dice and quotes come from outside."""

    def __init__(
        self,
        *,
        book: Book,
        accounts: Mapping[str, Account],
        clock: Clock,
        quote: Callable[[str], Quote],
        empty_position: Callable[[Order, int], Position],
        dice: random.Random,
        new_id: Callable[[], str],
        tell: Listener,
        executed: Callable[[Order, Decimal, Decimal], None],
    ) -> None:
        """Stand on the exchange's parts; `tell` hears every update, `executed` every trade."""
        self._book = book
        self._accounts = accounts
        self._clock = clock
        self._quote = quote
        self._empty_position = empty_position
        self._dice = dice
        self._new_id = new_id
        self._tell = tell
        self._executed = executed
        self.partial_fill_probability = ZERO

    # -- what happens to one order ---------------------------------------------------------

    def place(self, *orders: Order) -> None:
        """Put new orders on the book, keep back what they need, and say so."""
        for order in orders:
            self._settle(order)
        for order in orders:
            if order.status is Status.NEW:
                self.say("pending_new", order)
            if order.status is not Status.HELD:
                self.say(order.status.value, order)

    def _settle(self, order: Order) -> Order:
        """Store an order's newest state together with what it keeps back."""
        self._accounts[order.account].hold(order.id, order.covers or order.symbol, hold_of(order))
        return self._book.put(order)

    def settle(self, order: Order) -> Order:
        """Store a changed order and what it keeps back."""
        return self._settle(order)

    def say(
        self,
        event: str,
        order: Order,
        price: Decimal | None = None,
        qty: Decimal | None = None,
        position_qty: Decimal | None = None,
    ) -> None:
        """Tell the stream; what happens to a combination's legs is told with its head."""
        if order.role is Role.LEG:
            return
        at = order.updated_at
        self._tell(Update(event, order, at, self._new_id(), price, qty, position_qty))

    def finish(self, order: Order, status: Status) -> None:
        """End an order (canceled, expired) and with it its whole group."""
        for member in (order, *self.group(order)):
            self._end(member, status)

    def _end(self, order: Order, status: Status) -> None:
        at = self._clock.stamp()
        ended = order._replace(
            status=status,
            updated_at=at,
            canceled_at=at if status is Status.CANCELED else None,
            expired_at=at if status is Status.EXPIRED else None,
            cancel_due_at=None,
        )
        self._settle(ended)
        self.say(status.value, ended)

    def retire(self, old: Order, new: Order) -> None:
        """Let a new order take another's place on the book and in its group."""
        gone = old._replace(
            status=Status.REPLACED,
            replaced_by=new.id,
            replaced_at=new.created_at,
            updated_at=new.created_at,
        )
        if old.parent:
            head = self._book.orders[old.parent]
            legs = tuple(new.id if leg == old.id else leg for leg in head.legs)
            self._book.put(head._replace(legs=legs))
        self._settle(gone)
        for leg_id in new.legs:
            leg = self._book.orders[leg_id]
            if not leg.final:
                self._settle(leg._replace(parent=new.id, qty=new.remaining * (leg.ratio_qty or 1)))
        self.say("replaced", gone)
        self.place(new)

    def cross(self, order: Order, quote: Quote) -> None:
        """Fill an auction's order at the quote if its limit allows."""
        live = self._settle(order)
        if reaches(live, quote):
            self._meet(live, quote)

    def group(self, order: Order) -> tuple[Order, ...]:
        """Give the live orders that hang together with this one."""
        head = self._book.orders[order.parent] if order.parent else order
        members = (head.id, *head.legs)
        orders = (self._book.orders[member] for member in members if member != order.id)
        return tuple(member for member in orders if not member.final)

    # -- meeting the market ----------------------------------------------------------------

    def match(self, symbol: str, passed: Quote | None = None) -> None:
        """Fill whatever the symbol's quote reaches now, or one that has just passed by."""
        book = self._book.symbol(symbol)
        if not book.live:
            return
        phase = sessions.phase(self._clock.now())
        if phase is Phase.CORE:
            self._match_core(book, passed or self._quote(symbol))
        elif phase is Phase.EXTENDED and book.extended:
            self._match_extended(book, passed or self._quote(symbol))

    def _match_core(self, book: SymbolBook, quote: Quote) -> None:
        self._trail(book, quote.last)
        aside: list[str] = []
        while (order := self._reached(book, quote)) is not None:
            self._meet(order, quote)
            if not self._book.orders[order.id].final:
                aside.append(order.id)
        for order_id in aside:
            self._book.stand(self._book.orders[order_id])

    def _match_extended(self, book: SymbolBook, quote: Quote) -> None:
        for order_id in tuple(book.extended):
            order = self._book.orders[order_id]
            if not order.final and reaches(order, quote):
                self._meet(order, quote)

    def _reached(self, book: SymbolBook, quote: Quote) -> Order | None:
        """Take the next order the market reaches; triggered stops go on to stand anew."""
        while True:
            self._trigger_stops(book, quote.last)
            order = self._take_at_market(book) or self._take(book, quote)
            if order is not None or not self._stops_reached(book, quote.last):
                return order

    def _take_at_market(self, book: SymbolBook) -> Order | None:
        if not book.at_market:
            return None
        order_id = next(iter(book.at_market))
        del book.at_market[order_id]
        return self._book.orders[order_id]

    def _take(self, book: SymbolBook, quote: Quote) -> Order | None:
        for ladder, reached in ((book.buys, quote.ask.__le__), (book.sells, quote.bid.__ge__)):
            best = self._best(ladder, _limit_of)
            if best is not None and reached(best[0]):
                ladder.drop()
                return best[1]
        return None

    def _best(self, ladder: Ladder, price_of: Callable[[Order], Decimal | None]) -> tuple[Decimal, Order] | None:
        """Look at a ladder's first living rung, dropping the dead ones before it."""
        while (rung := ladder.best()) is not None:
            price, order_id = rung
            order = self._book.orders[order_id]
            if order.armed and not order.final and price_of(order) == price:
                return price, order
            ladder.drop()
        return None

    # -- stops -----------------------------------------------------------------------------

    def _stops_reached(self, book: SymbolBook, last: Decimal) -> bool:
        return next(self._stops(book, last), None) is not None

    def _stops(self, book: SymbolBook, last: Decimal) -> Iterator[tuple[Ladder, Order]]:
        for ladder, reached in ((book.buy_stops, last.__ge__), (book.sell_stops, last.__le__)):
            best = self._best(ladder, _stop_of)
            if best is not None and reached(best[0]):
                yield ladder, best[1]

    def _trigger_stops(self, book: SymbolBook, last: Decimal) -> None:
        while (found := next(self._stops(book, last), None)) is not None:
            ladder, order = found
            ladder.drop()
            self._trigger(order)

    def _trigger(self, order: Order) -> None:
        """Turn a stop into what it stands for; a group's other leg gives way."""
        for sibling in self.group(order) if order.role is Role.STOP_LOSS else ():
            self._end(sibling, Status.CANCELED)
        at = self._clock.stamp()
        was_held = order.status is Status.HELD
        live = order._replace(triggered=True, status=_working(order.status), updated_at=at)
        self._settle(live)
        if was_held:
            self.say("new", live)

    def _trail(self, book: SymbolBook, last: Decimal) -> None:
        for order_id in tuple(book.trailing):
            order = self._book.orders[order_id]
            moved = trailed(order, last)
            if moved is not order:
                self._book.put(moved._replace(updated_at=self._clock.stamp()))
            if _trail_reached(moved, last):
                del book.trailing[order_id]
                self._trigger(self._book.orders[order_id])

    # -- fills -----------------------------------------------------------------------------

    def _meet(self, order: Order, quote: Quote) -> None:
        price = quote.ask if order.buys else quote.bid
        self.fill(order, self._portion(order, price), price)

    def _portion(self, order: Order, price: Decimal) -> Decimal:
        if order.notional is not None:
            shares = (order.notional / price).quantize(_NANO_SHARE, rounding=ROUND_DOWN)
            # It was sized at another price: an exit by amount never sells more than is there.
            return min(shares, abs(self._accounts[order.account].qty(order.symbol))) if order.closing else shares
        rest = order.remaining
        divisible = rest > _SMALLEST_PART and order.tif is not TimeInForce.FOK
        if divisible and self._dice.random() < self.partial_fill_probability:
            return Decimal(self._dice.randint(1, max(1, int(rest - 1))))
        return rest

    def order(self, order_id: str) -> Order:
        """Give an order as it is now."""
        return self._book.orders[order_id]

    def fill(self, order: Order, qty: Decimal, price: Decimal) -> None:
        """Trade `qty` of an order at a price in USD: order, money, group, stream."""
        after, held = self._execute(order, qty, price)
        self.say("fill" if after.final else "partial_fill", after, price, qty, held)
        if after.final and order.status is Status.PENDING_CANCEL:
            self.say("order_cancel_rejected", after)
        self._after_fill(after)

    def fill_combination(self, head: Order, legs: list[tuple[Order, Decimal]], net: Decimal) -> None:
        """Trade all legs of a combination at their prices; `net` is what one unit costs per share."""
        for leg, price in legs:
            self._execute(leg, leg.remaining, price)
        at = self._clock.stamp()
        qty = head.remaining
        done = head._replace(status=Status.FILLED, filled_qty=qty, filled_value=net * qty, filled_at=at, updated_at=at)
        self._settle(done)
        self.say("fill", done, net, qty)

    def _execute(self, order: Order, qty: Decimal, price: Decimal) -> tuple[Order, Decimal]:
        """Change order and money; gives the order afterwards and the shares then held."""
        at = self._clock.stamp()
        done = order.notional is not None or qty == order.remaining
        after = order._replace(
            filled_qty=order.filled_qty + qty,
            filled_value=order.filled_value + qty * price,
            status=Status.FILLED if done else Status.PARTIALLY_FILLED,
            filled_at=at if done else order.filled_at,
            updated_at=at,
        )
        change = qty if order.buys else -qty
        account = self._accounts[order.account]
        held = account.trade(self._empty_position(order, at), change, price)
        self._settle(after)
        self._executed(after, qty, price)
        return after, held

    def _after_fill(self, order: Order) -> None:
        if order.role is Role.ENTRY and order.status is Status.FILLED:
            self._arm_legs(order)
        elif order.role is Role.TAKE_PROFIT:
            for sibling in self.group(order):
                if order.status is Status.FILLED:
                    self._end(sibling, Status.CANCELED)
                elif sibling.role is Role.STOP_LOSS:
                    self._settle(sibling._replace(qty=order.remaining, updated_at=order.updated_at))

    def _arm_legs(self, entry: Order) -> None:
        """Make the legs live: only now, when the entry is completely filled."""
        legs = [self._book.orders[leg] for leg in entry.legs]
        account = self._accounts[entry.account]
        free = abs(account.qty(entry.symbol)) - account.held(entry.symbol)
        if entry.qty is not None and free < entry.qty:
            # Shares of a partly filled entry were sold meanwhile: the legs would sell what is not there.
            for leg in legs:
                self._end(leg, Status.REJECTED)
            return
        for leg in legs:
            waits = leg.role is Role.STOP_LOSS and len(legs) > 1
            status = Status.HELD if waits else Status.NEW
            at = self._clock.stamp()
            live = leg._replace(armed=True, status=status, submitted_at=at, updated_at=at)
            self._settle(live)
            if not waits:
                self.say("new", live)


def hold_of(order: Order) -> Hold:
    """Tell what an order keeps back in its present state."""
    if order.final or order.status is Status.HELD:
        return Hold()
    if order.role is Role.LEG and order.multiplier == 1:
        return Hold()  # shares in a combination: its head keeps back what its calls do not free
    if order.closing:
        return Hold(shares=order.remaining)
    if order.notional is not None:
        return Hold(cash=order.notional)
    cash = order.unit_hold * order.remaining * order.multiplier
    return Hold(cash, order.unit_shares * order.remaining)


def reaches(order: Order, quote: Quote) -> bool:
    """Tell whether a quote is good enough for an order that waits for no stop."""
    limit = order.effective_limit
    if limit is None:
        return True
    return limit >= quote.ask if order.buys else limit <= quote.bid


def trailed(order: Order, last: Decimal) -> Order:
    """Move a trailing stop after a trade in its favour; the same object when it stays."""
    mark = order.hwm if order.hwm is not None else last
    best = min(mark, last) if order.buys else max(mark, last)
    stop = _trail_stop(order, best)
    same = best == order.hwm and stop == order.stop_price
    return order if same else order._replace(hwm=best, stop_price=stop)


def _trail_stop(order: Order, mark: Decimal) -> Decimal:
    share = mark * (order.trail_percent or ZERO) / _PERCENT
    distance = share if order.trail_price is None else order.trail_price
    stop = mark + distance if order.buys else mark - distance
    return max(stop, Decimal("0.0001")).quantize(tick(stop, sessions.eastern_day(order.created_at)))


def _trail_reached(order: Order, last: Decimal) -> bool:
    stop = order.stop_price
    if stop is None:
        return False
    return last >= stop if order.buys else last <= stop


def _working(status: Status) -> Status:
    return status if status is Status.PARTIALLY_FILLED else Status.NEW


def _limit_of(order: Order) -> Decimal | None:
    return None if order.waits_for_stop else order.effective_limit


def _stop_of(order: Order) -> Decimal | None:
    waits = order.waits_for_stop and order.type is not OrderType.TRAILING_STOP
    return order.stop_price if waits else None
