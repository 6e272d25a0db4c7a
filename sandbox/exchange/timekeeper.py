"""What time brings to an exchange: openings, auctions, late cancels, expiry, the day's end."""

from collections.abc import Iterator
from datetime import date, time
from typing import TYPE_CHECKING

from sandbox.exchange import lifetime, sessions
from sandbox.exchange.orders import FINAL, Order, Status
from sandbox.exchange.sessions import Phase

if TYPE_CHECKING:
    from sandbox.exchange.engine import Exchange


class TimeKeeper:
    """Moves an exchange's time and does what is due."""

    def __init__(self, exchange: "Exchange") -> None:
        """Begin at the exchange's present moment."""
        self._exchange = exchange
        now = exchange.clock.now()
        self._seen_day = sessions.eastern_day(now)
        self._settled_until = sessions.last_close(now)
        self._replayed_until = now
        self._weighed_on: date | None = None
        self._auctions: dict[str, int] = {}
        self._canceling: dict[str, int] = {}

    def await_auction(self, order: Order) -> None:
        """Let an opg or cls order wait for its auction."""
        self._auctions[order.id] = lifetime.auction_at(order)

    def await_cancel(self, order: Order) -> None:
        """Let a pending cancel wait until it is due; one without a due moment waits for ever."""
        if order.cancel_due_at is not None:
            self._canceling[order.id] = order.cancel_due_at

    def advance_to(self, at: int) -> None:
        """Move time forward (ns UTC), stopping at every opening, closing and recorded quote on the way.

        Raises ValueError for a moment in the past once there are orders: their times stand, and
        for one the calendar does not reach.
        """
        exchange = self._exchange
        now = exchange.clock.now()
        if not sessions.is_known(at):
            raise ValueError(f"the calendar goes from {sessions.FIRST} to {sessions.LAST}")
        if at < now and exchange.book.orders:
            raise ValueError("time only moves forward once there are orders; reset first")
        while (step := self._next_stop(now)) < at:
            now = step
            exchange.clock.set(now)
            self.tick()
        exchange.clock.set(at)
        self.tick()

    def _next_stop(self, now: int) -> int:
        quoted = self._exchange.market.next_moment(now)
        stops = (sessions.next_open(now), sessions.next_close(now))
        return min(stops) if quoted is None else min(*stops, quoted)

    def tick(self) -> None:
        """Do what is due: the day's end, the opening, auctions, cancels, a moved market, expiry."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Do the same step by step, symbol after symbol; between two of them others may be served."""
        exchange = self._exchange
        now = exchange.clock.now()
        self._roll_day(now)
        self._settle_contracts(now)
        self._close_unaffordable(now)
        if sessions.phase(now) is Phase.CORE:
            self._open_queued()
        self._hold_auctions(now)
        for order_id in [order for order, due in self._canceling.items() if due <= now]:
            del self._canceling[order_id]
            exchange.cancel_rest(order_id)
        for symbol in exchange.book.live_symbols():
            for quote in exchange.market.recorded(symbol, self._replayed_until, now):
                exchange.floor.match(symbol, quote)
            exchange.floor.match(symbol)
            yield
        self._replayed_until = max(self._replayed_until, now)  # time may have been moved on between two steps
        exchange.options.match_combinations()
        for order in exchange.book.due(now):
            exchange.floor.finish(order, Status.EXPIRED)

    def _open_queued(self) -> None:
        exchange = self._exchange
        for order_id in tuple(exchange.book.queued):
            order = exchange.book.orders[order_id]
            at = exchange.clock.stamp()
            opened = exchange.floor.settle(order._replace(status=Status.NEW, updated_at=at))
            exchange.floor.say("new", opened)

    def _hold_auctions(self, now: int) -> None:
        exchange = self._exchange
        for order_id in [order for order, due in self._auctions.items() if due <= now]:
            del self._auctions[order_id]
            order = exchange.book.orders[order_id]
            if order.status not in FINAL:
                exchange.floor.cross(order._replace(armed=True), exchange.quote(order.symbol))
                exchange.cancel_rest(order_id)

    def _roll_day(self, now: int) -> None:
        day = sessions.eastern_day(now)
        if day == self._seen_day:
            return
        self._seen_day = day
        for account in self._exchange.accounts.values():
            worths = (each.worth(self._exchange.close_price(each.symbol)) for each in account.positions.values())
            account.last_equity = sum(worths, account.cash)

    def _close_unaffordable(self, now: int) -> None:
        """Sell, once on their last day, the contracts whose exercise the account could not pay."""
        exchange = self._exchange
        day = sessions.eastern_day(now)
        cutoff = time.fromisoformat(exchange.settings.options_cutoff)
        if self._weighed_on == day or not sessions.is_open(now) or sessions.eastern_time(now) < cutoff:
            return
        self._weighed_on = day
        for account in exchange.accounts.values():
            for symbol in exchange.options.unaffordable(account, day):
                exchange.close_if_free(account, symbol)

    def _settle_contracts(self, now: int) -> None:
        """Let contracts end with the session that ended."""
        closed = sessions.last_close(now)
        if closed == self._settled_until:
            return
        self._settled_until = closed
        exchange = self._exchange
        for account in exchange.accounts.values():
            kept = frozenset(exchange.kept_from_exercise[account.number])
            exchange.options.expire(account, kept, now)
