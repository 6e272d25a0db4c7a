"""Books in memory, with the same guards as the database's: a change names the state it expects."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dispatcher.core.execution import Execution
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.options.volatility import Past
from dispatcher.core.outcome import Rejected
from dispatcher.core.positions.instrument import contract
from dispatcher.core.reasons import Refusal
from dispatcher.core.standing import History
from dispatcher.core.state import LIVE, UNRESOLVED, State
from dispatcher.core.trades import ClosedTrade
from dispatcher.ports import (
    Channel,
    Claim,
    Concluded,
    DatabaseUnavailableError,
    LostAuthorityError,
    Meant,
    OpenOrder,
    Weighed,
)


@dataclass(frozen=True)
class Entry:
    """One claim, as far as a test looks at it."""

    state: State
    why: Refusal | Rejected | str | None = None
    open: OpenOrder | None = None
    execution: Execution | None = None


@dataclass
class FakeLedger:
    """See ports.Ledger. `rows` are what upstream wrote; `books` is what became of them.

    `weighed` is what each decision was kept with, `replacements` what was asked to take an order's place, `volatility`
    the days of each underlying. `trades` are over; `told` is what the next wait hears, `tickers` what it wrote of.
    `breaks` names calls during which the connection breaks, each once; `waiting` is told of each wait.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    books: dict[int, Entry] = field(default_factory=dict)
    trades: list[ClosedTrade] = field(default_factory=list)
    told: set[Channel] = field(default_factory=set)
    tickers: set[str] = field(default_factory=set)
    weighed: dict[int, Weighed] = field(default_factory=dict)
    replacements: list[OptionOrder] = field(default_factory=list)
    volatility: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    lost: bool = False
    breaks: set[str] = field(default_factory=set)
    waiting: Callable[[float], None] = lambda _: None
    wrote: Callable[[str], None] = lambda _: None

    def begin(self, at: datetime) -> int:
        del at
        claimed = [key for key, entry in self.books.items() if entry.state is State.CLAIMED]
        for key in claimed:
            del self.books[key]
        return len(claimed)

    def advance(self) -> None:
        """It looks through everything each time."""

    def sweep(self, at: datetime) -> None:
        """It overlooks nothing."""

    def claim(self, at: datetime, skip: tuple[int, ...], *, most: int, since: datetime) -> tuple[Claim, ...]:
        del at
        self._break("claim")
        self._fence()
        free = [row for row in self.rows if row["id"] not in self.books and row["id"] not in skip]
        best = sorted(free, key=lambda each: (each["created_at"], each["confidence"]), reverse=True)[:most]
        for row in best:
            self.books[row["id"]] = Entry(State.CLAIMED)
            self.wrote(State.CLAIMED)
        return tuple(Claim(row["id"], row, self._history(row["ticker"], since)) for row in best)

    def unclaim(self, recommendation_ids: Sequence[int]) -> None:
        for each in recommendation_ids:
            self._expect(each, (State.CLAIMED,))
            del self.books[each]

    def refuse(self, recommendation_id: int, refusal: Refusal, weighed: Weighed, at: datetime) -> None:
        del at
        self.weighed[recommendation_id] = weighed
        self._move(recommendation_id, (State.CLAIMED,), Entry(State.REFUSED, refusal))

    def intend(self, meant: Sequence[Meant], at: datetime) -> None:
        self._fence()
        for each in meant:
            self._expect(each.recommendation_id, (State.CLAIMED,))
        for each in meant:
            key, weighed = each.recommendation_id, each.weighed
            self.weighed[key] = weighed
            created_at = next(row["created_at"] for row in self.rows if row["id"] == key)
            order = OpenOrder(key, created_at, each.order, State.INTENDED, at, at, each.cost, None, Decimal(0))
            order = replace(order, repricing=weighed.repricing, priced_at=at)
            self._move(key, (State.CLAIMED,), Entry(State.INTENDED, open=order))

    def intend_again(self, recommendation_id: int, at: datetime) -> None:
        self._fence()
        entry = self._expect(recommendation_id, UNRESOLVED)
        self._move(recommendation_id, UNRESOLVED, replace(entry, state=State.INTENDED), at)

    def reprice(self, recommendation_id: int, order: OptionOrder, at: datetime) -> None:
        self._fence()
        entry = self._expect(recommendation_id, LIVE)
        assert entry.open is not None
        self.replacements.append(order)
        self.books[recommendation_id] = replace(entry, open=replace(entry.open, priced_at=at))

    def ordered(self, recommendation_ids: Collection[int]) -> frozenset[int]:
        without = {State.CLAIMED, State.REFUSED, State.NOT_PLACED}
        return frozenset(key for key, each in self.books.items() if each.state not in without) & {*recommendation_ids}

    def past_volatility(self, underlying: str, iv: Decimal, first: date, today: date) -> Past:
        days = {
            day: past for (name, day), past in self.volatility.items() if name == underlying and first <= day < today
        }
        values = days.values()
        below = sum(each < iv for each in values)
        return Past(len(days), min(values, default=None), max(values, default=None), below, max(days, default=None))

    def conclude(self, concluded: Sequence[Concluded], at: datetime) -> dict[int, str]:
        self._break("conclude")
        for each in concluded:
            self._expect(each.recommendation_id, each.was)
        return {
            each.recommendation_id: self._conclude(each.recommendation_id, each.was, each.execution, at)
            for each in concluded
        }

    def reject(self, recommendation_id: int, rejected: Rejected, at: datetime) -> None:
        entry = self._expect(recommendation_id, UNRESOLVED)
        self._move(recommendation_id, UNRESOLVED, replace(entry, state=State.REJECTED, why=rejected), at)

    def doubt(self, recommendation_id: int, why: str, at: datetime) -> None:
        entry = self._expect(recommendation_id, UNRESOLVED)
        since = None if entry.state is State.UNKNOWN else at
        self._move(recommendation_id, UNRESOLVED, replace(entry, state=State.UNKNOWN, why=why), since)

    def not_placed(self, recommendation_id: int, refusal: Refusal, at: datetime) -> None:
        entry = self._expect(recommendation_id, UNRESOLVED)
        self._move(recommendation_id, UNRESOLVED, replace(entry, state=State.NOT_PLACED, why=refusal), at)

    def unresolved(self) -> list[OpenOrder]:
        return self._open(UNRESOLVED)

    def live(self) -> list[OpenOrder]:
        return self._open(LIVE)

    def _history(self, symbol: str | None, since: datetime) -> History:
        ours = [each.open.intended_at for each in self.books.values() if each.open and each.open.order.symbol == symbol]
        ours = [each for each in ours if each >= since]
        return History(len(ours), max(ours, default=None))

    def rejections(self, since: datetime) -> int:
        del since
        return sum(entry.state is State.REJECTED for entry in self.books.values())

    def newest_input(self) -> datetime | None:
        return max((row["created_at"] for row in self.rows), default=None)

    def closed_trades(self, *, options: bool, most: int) -> tuple[ClosedTrade, ...]:
        of_kind = [each for each in self.trades if (contract(each.symbol) is not None) is options]
        return tuple(sorted(of_kind, key=lambda each: each.closed_at, reverse=True)[:most])

    def expected(self) -> frozenset[str]:
        tickers, self.tickers = frozenset(self.tickers), set()
        return tickers

    def wait(self, seconds: float) -> frozenset[Channel]:
        self.waiting(seconds)
        told, self.told = frozenset(self.told), set()
        return told

    def states(self) -> dict[int, State]:
        """Where every claim stands."""
        return {key: entry.state for key, entry in self.books.items()}

    def _open(self, states: Sequence[State]) -> list[OpenOrder]:
        return [entry.open for entry in self.books.values() if entry.state in states and entry.open is not None]

    def _break(self, call: str) -> None:
        if call in self.breaks:
            self.breaks.remove(call)
            raise DatabaseUnavailableError("server closed the connection unexpectedly")

    def _fence(self) -> None:
        if self.lost:
            raise LostAuthorityError("the lease is another's")

    def _expect(self, key: int, states: Sequence[State]) -> Entry:
        entry = self.books.get(key)
        if entry is None or entry.state not in states:
            raise LostAuthorityError("the claim or the lease is not in the state it was left in")
        return entry

    def _move(self, key: int, was: Sequence[State], entry: Entry, since: datetime | None = None) -> None:
        self._expect(key, was)
        if entry.open is not None:
            moved = replace(entry.open, state=entry.state, since=since or entry.open.since)
            entry = replace(entry, open=moved)
        self.books[key] = entry
        self.wrote(entry.state)

    def _conclude(self, key: int, was: Sequence[State], execution: Execution, at: datetime) -> str:
        entry = self._expect(key, was)
        assert entry.open is not None
        known = replace(
            entry.open,
            order=execution.order,
            broker_order_id=execution.broker_order_id,
            filled_quantity=execution.filled_quantity,
            filled_average_price=execution.filled_average_price,
            repricing=execution.repricing or entry.open.repricing,
        )
        self._move(key, was, Entry(execution.state, open=known, execution=execution), at)
        return f"execution-{key}"
