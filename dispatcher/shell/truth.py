"""The broker's truth, kept young: read again when it is half as old as it may be, debited by what we have in flight."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dispatcher.core.order import NEW_YORK, trading_day
from dispatcher.core.standing import InFlight, Market, Session, Standing
from dispatcher.ports import Broker, OpenOrder


def day_began(now: datetime) -> datetime:
    """When the trading day of a moment began."""
    return now.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)


class Truth:
    """What the broker says of one account, as values for the gates."""

    def __init__(self, broker: Broker, now: Callable[[], datetime], max_age_seconds: float) -> None:
        self._broker = broker
        self._now = now
        self._refresh_after = max_age_seconds / 2
        self._standing: Standing | None = None
        self._in_flight: dict[int, InFlight] = {}
        self._answered: set[int] = set()

    def standing(self) -> Standing:
        """The standing, young enough for the gates.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        standing = self._standing
        if standing is None or (self._now() - standing.taken_at).total_seconds() > self._refresh_after:
            standing = self._standing = self._read(standing)
        return replace(standing, in_flight=tuple(self._in_flight.values()))

    def market(self, symbol: str) -> Market:
        """What the broker says of a symbol now.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        asset = self._broker.asset(symbol)
        return Market(self._broker.quote(symbol) if asset is not None else None, asset)

    def expect(self, orders: list[OpenOrder]) -> None:
        """Count orders of an earlier process without an answer as in flight."""
        self._in_flight = {each.recommendation_id: InFlight(each.order.symbol, each.cost) for each in orders}

    def sent(self, recommendation_id: int, in_flight: InFlight) -> None:
        """An intent is committed: count it until a snapshot can know of it."""
        self._in_flight[recommendation_id] = in_flight

    def answered(self, recommendation_id: int) -> None:
        """The order has an answer, so the next snapshot knows of it."""
        self._answered.add(recommendation_id)

    def never_placed(self, recommendation_id: int) -> None:
        """The order surely is not at the broker: it counts no more."""
        self._in_flight.pop(recommendation_id, None)

    def _read(self, before: Standing | None) -> Standing:
        answered = frozenset(self._answered)
        now = self._now()
        standing = Standing(
            taken_at=now,
            account=self._broker.account(),
            session=self._session(before, now),
            positions=self._broker.positions(),
            resting=self._broker.resting(),
        )
        # Only what was answered before the snapshot began is surely in it.
        self._in_flight = {key: each for key, each in self._in_flight.items() if key not in answered}
        self._answered -= answered
        return standing

    def _session(self, before: Standing | None, now: datetime) -> Session | None:
        """Today's session; a calendar does not change within the day."""
        day = trading_day(now)
        if before is not None and before.session is not None and before.session.day == day:
            return before.session
        return self._broker.session(day)
