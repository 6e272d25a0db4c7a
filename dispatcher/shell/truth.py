"""The broker's truth, kept young: read again when it is half as old as it may be, debited by what we have in flight."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from threading import Lock

from dispatcher.core.entries import in_flight
from dispatcher.core.held import Flight, Holdings, InFlight
from dispatcher.core.order import NEW_YORK, trading_day
from dispatcher.core.standing import Asset, Market, Session, Standing
from dispatcher.ports import Broker, OpenOrder
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.foresight import Foresight


def day_began(now: datetime) -> datetime:
    """When the trading day of a moment began."""
    return now.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)


class Truth:
    """What the broker says of one account, as values for the gates. Refreshed aside, while the account is served."""

    def __init__(
        self, broker: Broker, now: Callable[[], datetime], max_age_seconds: float, catalog: Catalog | None = None
    ) -> None:
        self._broker = broker
        self._now = now
        self._most = max_age_seconds
        self._catalog = catalog
        self._foresight = Foresight(broker.quotes, now)
        self._standing: Standing | None = None
        self._in_flight: dict[int, InFlight] = {}
        self._answered: set[int] = set()
        self._reading = Lock()
        self._changing = Lock()

    def standing(self) -> Standing:
        """The standing, young enough for the gates; read here and now only where nobody did so aside.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        self._read_when_older_than(self._most)
        with self._changing:
            if self._standing is None:
                raise AssertionError("a standing that was read and is not there")
            return self._standing

    def refresh(self) -> None:
        """Read again what is half as old as it may be.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        if self._catalog is not None:
            self._catalog.refresh(self._broker)
        self._read_when_older_than(self._most / 2)

    def foresee(self, tickers: Collection[str]) -> None:
        """Upstream wrote of these, as it seems: ask for quotes already, of what the broker surely knows."""
        self._foresight.expect([each for each in tickers if self._catalog and self._catalog.find(each)])

    def markets(self, symbols: Collection[str]) -> dict[str, Market]:
        """What the broker says of symbols now, each with a quote of one and the same request.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        assets = {symbol: self._asset(symbol) for symbol in symbols}
        quotes = self._foresight.quotes(frozenset(symbol for symbol, asset in assets.items() if asset is not None))
        return {symbol: Market(quotes.get(symbol), asset) for symbol, asset in assets.items()}

    def expect(self, orders: list[OpenOrder]) -> None:
        """Count orders of an earlier process without an answer as in flight."""
        with self._changing:
            self._in_flight = {each.recommendation_id: in_flight(each.order, each.cost) for each in orders}
            self._count_again()

    def sent(self, recommendation_id: int, meant: InFlight) -> None:
        """An intent is committed: count it until a snapshot can know of it."""
        with self._changing:
            self._in_flight[recommendation_id] = meant
            if self._standing is not None:
                self._standing = self._standing.joined(recommendation_id, meant)

    def answered(self, recommendation_id: int) -> None:
        """The order has an answer, so the next snapshot knows of it."""
        with self._changing:
            self._answered.add(recommendation_id)

    def never_placed(self, recommendation_id: int) -> None:
        """The order surely is not at the broker: it counts no more."""
        with self._changing:
            self._in_flight.pop(recommendation_id, None)
            self._count_again()

    def _asset(self, symbol: str) -> Asset | None:
        return (self._catalog.find(symbol) if self._catalog else None) or self._broker.asset(symbol)

    def _read_when_older_than(self, seconds: float) -> None:
        """One reads at a time; whoever waited for that finds it young."""
        if self._age() <= seconds:
            return
        with self._reading:
            if self._age() > seconds:
                self._read(self._standing)

    def _age(self) -> float:
        standing = self._standing
        return float("inf") if standing is None else (self._now() - standing.taken_at).total_seconds()

    def _read(self, before: Standing | None) -> None:
        with self._changing:
            answered = frozenset(self._answered)
        now = self._now()
        standing = Standing(
            taken_at=now,
            account=self._broker.account(),
            session=self._session(before, now),
            holdings=Holdings(self._broker.positions(), self._broker.resting()),
        )
        with self._changing:
            # Only what was answered before the snapshot began is surely in it.
            self._in_flight = {key: each for key, each in self._in_flight.items() if key not in answered}
            self._answered -= answered
            self._standing = standing
            self._count_again()

    def _count_again(self) -> None:
        if self._standing is not None:
            flight = Flight.over(self._standing.holdings, dict(self._in_flight))
            self._standing = replace(self._standing, flight=flight)

    def _session(self, before: Standing | None, now: datetime) -> Session | None:
        """Today's session; a calendar does not change within the day."""
        day = trading_day(now)
        if before is not None and before.session is not None and before.session.day == day:
            return before.session
        return self._broker.session(day)
