"""Random days: whatever market, people, faults and kills do, broker and books agree in the end and no share is naked.

The dispatcher and the position manager are the real ones, with their own loops, ledgers and stream; they take steps in
turn (see stepped.py). A few sequences in `make test`; for more,
`POSITION_SEQUENCES=1000 python -m pytest tests/dispatcher/positions/test_sequences.py --hypothesis-seed=1`; runs with
different seeds add up.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract.control import Ask, Request
from contract.events import ExitUndecided, PositionClosed, PositionDifference, PositionUnprotected
from contract.options import Structure
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.core.order import trading_day
from dispatcher.core.positions.audit import compare
from dispatcher.core.positions.book import Book, Stage
from dispatcher.shell.positions.serve import SPACING_SECONDS
from tests.dispatcher.positions.crew import DISPATCHER, ENTRY_LIFE_SECONDS, MANAGER, Crew
from tests.dispatcher.positions.stand import LEASE
from tests.dispatcher.positions.watched import Watched, is_contract
from tests.dispatcher.world import insert

pytestmark = pytest.mark.world

FEW = 16
MANY = 400
"""From so many on, what is rare must have come about too."""
SEQUENCES = int(os.environ.get("POSITION_SEQUENCES", str(FEW)))
STEPS = 30
MOST_NIGHTS = 2
STRIKE = 8
"""How many digits of a contract's symbol are its strike."""
SHARES = {"AAPL": Decimal(200), "MSFT": Decimal(500), "ADBE": Decimal(650)}
UNDERLYINGS = {"NVDA": Decimal(180), "AMZN": Decimal(230)}
symbols = st.sampled_from(sorted(SHARES))
underlyings = st.sampled_from(sorted(UNDERLYINGS))
contracts = st.sampled_from(["NVDA261218C00180000", "AMZN261218P00230000", "AAPL261218C00200000"])
services = st.sampled_from([DISPATCHER, MANAGER])
OPTIONS = ("BUY_CALL", "BUY_PUT", "SELL_CALL", "SELL_PUT")
SUBMIT = "POST /v2/orders"
ROUTES = (
    SUBMIT,
    "GET /v2/orders",
    "GET /v2/orders:by_client_order_id",
    "GET /v2/positions",
    "GET /v2/account",
    "GET /v2/account/activities",
    "GET /v2/positions/{symbol_or_asset_id}",
    "DELETE /v2/positions/{symbol_or_asset_id}",
    "DELETE /v2/orders/{order_id}",
    "DELETE /v2/orders",
    "DELETE /v2/positions",
    "PATCH /v2/orders/{order_id}",
    "GET /v1beta1/options/quotes/latest",
)
FAULTS = ("drop-before", "drop-after", "500", "504-html", "429", "truncated-json")
STREAM = "STREAM trade_updates"
LINES = (None, "stream-drop", "stream-lose", "stream-double", "stream-swap")
COMMON = {
    "order_accepted",
    "option_chosen",
    "recommendation_refused",
    "position_protected",
    "position_closed",
    "stream_changed",
}
RARE = {"order_unknown", "order_resolved", "order_delayed", "exit_decided", "request_answered", "broker_unavailable"}
RARE |= {"order_repriced", "exit_undecided", "bracket buy", "bracket sell", "simple buy", "mleg"}
"""What sequences that are worth their time bring about."""
A_GAP = 0.5
"""How many of the stream's messages meet what is wrong with the line."""


class Days(RuleBasedStateMachine):
    """One account, and everyone who acts on it."""

    def __init__(self, crew: Crew, happened: Counter[str]) -> None:
        super().__init__()
        self.crew = crew
        self.stand = crew.stand
        self.happened = happened
        self.prices = SHARES | UNDERLYINGS
        self.watched = Watched(crew.stand)
        self.nights = 0
        self.people: set[str] = set()
        """Orders of people who may open what they like, by the exchange's ids."""
        self.faults: list[tuple[str, str]] = []
        self.line: str | None = None

    @initialize(
        partial=st.sampled_from(["0", "0.5", "1"]),
        cancel=st.sampled_from(["0", "0", "3"]),
        bought_as=st.sampled_from(Structure),
    )
    def morning(self, partial: str, cancel: str, bought_as: Structure) -> None:
        self.stand.begin_again()
        self.crew.bought_as = bought_as
        self.stand.exchange.settings(partial_fill_probability=partial, cancel_seconds=cancel)
        for symbol in self.prices:
            self.quote(symbol)
        self.everyone_works(2)

    # ----------------------------------------------------------------------------------------------------- the market

    @rule(symbol=st.one_of(symbols, underlyings), percent=st.integers(-6, 6))
    def the_market_moves(self, symbol: str, percent: int) -> None:
        self.prices[symbol] = max(Decimal(5), self.prices[symbol] * (100 + percent) / 100).quantize(Decimal("0.01"))
        self.quote(symbol)

    @rule(symbol=contracts, wide=st.booleans())
    def a_contract_is_quoted(self, symbol: str, *, wide: bool) -> None:
        """So wide that no price decides by it, or around its model's price again."""
        self.stand.exchange.quotes({symbol: {"bid": "1.00", "ask": "9.00"} if wide else None})

    @rule(seconds=st.sampled_from([1, 3, 10, 40]))
    def time_goes_by(self, seconds: int) -> None:
        self.stand.advance(seconds)

    # ---------------------------------------------------------------------------------- the dispatcher, and the people

    @rule(symbol=symbols, quantity=st.integers(1, 20), above=st.integers(-2, 3), short=st.booleans())
    def upstream_recommends_shares(self, symbol: str, quantity: int, above: int, *, short: bool) -> None:
        """To buy, or to sell short: a position that is meant to be short."""
        away = -1 if short else 1
        price = self.prices[symbol] + away * above
        plan = {
            "entry": price,
            "take_profit": price * (1 + away * Decimal("0.05")),
            "stop_loss": price * (1 - away * Decimal("0.03")),
        }
        exact = {name: round(float(each), 2) for name, each in plan.items()} | {"quantity": quantity}
        self.write(symbol, "SELL" if short else "BUY", "STOCK", {"plan": exact})

    @rule(symbol=underlyings, action=st.sampled_from(OPTIONS))
    def upstream_recommends_options(self, symbol: str, action: str) -> None:
        self.write(symbol, action, None, {"rule": "ENTRY"})

    def write(self, symbol: str, action: str, instrument: str | None, reason: dict[str, Any]) -> None:
        row = {"ticker": symbol, "action": action, "instrument_type": instrument, "reason": reason}
        with self.stand.database.connect() as connection:
            insert(connection, row | {"created_at": self.stand.now()})
        self.the_dispatcher_works()

    @rule(symbol=symbols, kind=st.sampled_from(FAULTS), short=st.booleans())
    def an_entry_goes_wrong_on_its_way(self, symbol: str, kind: str, *, short: bool) -> None:
        self.faults.append((SUBMIT, kind))
        self.upstream_recommends_shares(symbol, 10, 1, short=short)

    @rule()
    def the_dispatcher_works(self) -> None:
        """Up to where it waits for more."""
        with self.struck():
            self.stand.advance(1)
            self.crew.dispatch()

    @rule(symbol=st.one_of(symbols, contracts), quantity=st.integers(1, 10))
    def a_person_buys(self, symbol: str, quantity: int) -> None:
        self.opens_by_hand(symbol, quantity, "buy")

    @rule(symbol=symbols, quantity=st.integers(1, 10))
    def a_person_sells_short(self, symbol: str, quantity: int) -> None:
        if symbol not in self.watched.held() and not self.watched.working(symbol):
            self.opens_by_hand(symbol, quantity, "sell")

    def opens_by_hand(self, symbol: str, quantity: int, side: str) -> None:
        answer = self.stand.buy(symbol, quantity, side=side)
        self.people |= {answer["id"]} if "id" in answer else set()

    @rule(symbol=st.one_of(symbols, contracts), quantity=st.integers(1, 10))
    def a_person_sells_what_is_free(self, symbol: str, quantity: int) -> None:
        if self.watched.free(symbol) >= quantity:
            self.stand.buy(symbol, quantity, side="sell")

    @rule(symbol=symbols)
    def a_person_cancels_what_stands(self, symbol: str) -> None:
        for each in self.watched.working(symbol):
            self.stand.http("DELETE", f"/v2/orders/{each}")

    @rule(which=st.integers(0, 5))
    def a_person_closes_at_the_broker(self, which: int) -> None:
        held = sorted(self.watched.held())
        if held:
            self.stand.http("DELETE", f"/v2/positions/{held[which % len(held)]}")

    @rule(which=st.one_of(st.none(), st.integers(0, 5)))
    def a_person_asks(self, which: int | None) -> None:
        """To close one position, held or not, or everything."""
        known = sorted(self.watched.held()) or ["AAPL"]
        symbol = None if which is None else known[which % len(known)]
        ask = Ask.FLATTEN if symbol is None else Ask.CLOSE
        number = len(self.stand.asked.table)
        self.stand.asked.table.append(Request(f"{number}", ask, "someone", self.stand.now(), "because", symbol))

    # ------------------------------------------------------------------------------------------------- what goes wrong

    @rule(route=st.sampled_from(ROUTES), kind=st.sampled_from(FAULTS))
    def a_request_will_go_wrong(self, route: str, kind: str) -> None:
        self.faults.append((route, kind))

    @rule(kind=st.sampled_from(LINES))
    def the_line_of_the_stream_is(self, kind: str | None) -> None:
        self.line = kind
        self.wear_the_line()

    @rule(who=services)
    def a_service_is_killed_where_it_waits(self, who: str) -> None:
        self.crew.kill(who)

    @rule(who=services, requests=st.integers(0, 6))
    def a_service_will_die_before_a_request(self, who: str, requests: int) -> None:
        self.crew.fates[who].requests = requests

    @rule(who=services, answers=st.integers(0, 1))
    def a_service_will_die_with_the_answer_to_an_order(self, who: str, answers: int) -> None:
        self.crew.fates[who].answers = answers

    # ----------------------------------------------------------------------------------------------------- the manager

    @rule()
    def the_manager_turns(self) -> None:
        before = self.watched.held()
        if self.manager_turns():
            self.every_share_has_a_stop_or_an_alarm(before)
            self.every_contract_is_watched(before)

    def manager_turns(self) -> bool:
        """One turn, when it is due at the latest, struck by what was to go wrong; whether it came to its end."""
        with self.struck():
            for seconds in (SPACING_SECONDS, self.stand.exits.reconcile_seconds):
                self.stand.advance(seconds)
                if self.crew.manage():
                    break
            else:
                return False
        return True

    def everyone_works(self, times: int) -> None:
        for _ in range(times):
            self.crew.dispatch()
            self.manager_turns()

    @contextmanager
    def struck(self) -> Iterator[None]:
        """What was to go wrong goes wrong for whoever works in the block."""
        for route, kind in self.faults:
            self.stand.exchange.fault(route=route, kind=kind, nth=1)
        self.faults.clear()
        yield
        self.stand.exchange.clear_faults()
        self.wear_the_line()

    def wear_the_line(self) -> None:
        if self.line is not None:
            self.stand.exchange.fault(route=STREAM, kind=self.line, probability=A_GAP)

    def every_share_has_a_stop_or_an_alarm(self, before: dict[str, Decimal]) -> None:
        """Of the shares that the turn could see; an order of its own may let more of another's fill."""
        books = self.books()
        told = {each.symbol for each in self.stand.events(PositionUnprotected)}
        for symbol, quantity in self.watched.shares().items():
            if symbol not in before:
                continue
            book = books[symbol]
            seen = min(abs(quantity), abs(before[symbol]))
            if book.stage is Stage.EXITING or self.stand.stops(symbol) >= seen:
                continue
            assert book.unprotected_since is not None, (symbol, quantity, book)
            assert symbol in told

    def every_contract_is_watched(self, before: dict[str, Decimal]) -> None:
        """What lost or gained as much as declared is on its way out, or it is said why nothing is decided.

        Reckoned from the exchange's own prices, apart from the trailing stop, which needs a peak.
        """
        books, policy = self.books(), self.stand.exits.options
        told = {each.symbol for each in self.stand.events(ExitUndecided)}
        held = {each["symbol"]: each for each in self.watched.positions() if is_contract(each["symbol"])}
        for symbol in held.keys() & before.keys():
            legs = legs_of(symbol, held)
            gain = gain_of([held[each] for each in legs])
            if books[symbol].stage is Stage.EXITING or -policy.stop_fraction < gain < policy.target_fraction:
                continue
            assert told & set(legs), (symbol, gain, held)

    @rule()
    def the_session_ends_and_another_begins(self) -> None:
        """Minutes before the close, whoever may not be held overnight is on its way out."""
        if self.nights == MOST_NIGHTS:
            return
        self.nights += 1
        day = self.stand.broker.session(trading_day(self.stand.now()))
        assert day is not None
        self.stand.until(day.closes - timedelta(minutes=self.stand.exits.options.before_close_minutes))
        before = self.watched.contracts()
        if self.manager_turns():
            exiting = {symbol for symbol, book in self.books().items() if book.stage is Stage.EXITING}
            assert self.watched.contracts().keys() & before.keys() <= exiting
        self.stand.until(day.closes + timedelta(minutes=1))
        self.everyone_works(1)
        self.stand.until(self.next_open(day.day) + timedelta(minutes=6))
        self.everyone_works(1)

    def next_open(self, day: date) -> datetime:
        following = (self.stand.broker.session(day + timedelta(days=ahead)) for ahead in range(1, 5))
        return next(each.opens for each in following if each is not None)

    # -------------------------------------------------------------------------------------------------------- the end

    def teardown(self) -> None:
        """When nothing more happens, both sides say the same and everything held is protected or was closed."""
        try:
            self.both_sides_say_the_same()
        finally:
            self.crew.kill(DISPATCHER, MANAGER)

    def both_sides_say_the_same(self) -> None:
        stand, self.line = self.stand, None
        self.faults.clear()
        stand.exchange.clear_faults()
        stand.exchange.settings(partial_fill_probability="0", cancel_seconds="0")
        self.crew.spare()
        stand.advance(ENTRY_LIFE_SECONDS)
        self.everyone_works(14)
        assert self.watched.unintended(self.people) == []
        entered = (each for each in self.watched.entries().values() if Decimal(each["filled_qty"]))
        self.happened.update(f"{each['order_class'] or 'simple'} {each['side']}".strip() for each in entered)
        books, holdings = self.books(), stand.broker.holdings()
        assert {s: b.quantity for s, b in books.items()} == {s: h.quantity for s, h in holdings.items()}
        assert compare(holdings, books, stand.broker.working(), stand.exits, stand.now()) == ()
        left = self.ledger().orders()
        assert left == tuple(order for order in left if order.oco is not None)
        assert [each for each in stand.asked.open() if each.ask is Ask.CLOSE] == []
        self.every_recommendation_has_the_ending_that_the_exchange_has()

        assert stand.events(PositionDifference) == [], "every share that moved here moved by a fill"
        assert all(each.complete for each in stand.events(PositionClosed))
        self.happened.update(each.name for each in stand.said)

    def every_recommendation_has_the_ending_that_the_exchange_has(self) -> None:
        """One claim each, one order at most, and the same word and quantity for it on both sides."""
        rows = self.stand.rows(
            "SELECT r.id, c.state, c.broker_order_id, e.filled_qty FROM dispatch_recommendations r"
            " LEFT JOIN dispatch_claims c ON c.recommendation_id = r.id"
            " LEFT JOIN dispatch_executions e ON e.recommendation_id = r.id"
        )
        over = {"filled", "canceled", "expired"}
        assert {row["state"] for row in rows} <= over | {"refused", "rejected", "not_placed"}, rows
        sent = {row["broker_order_id"]: row for row in rows if row["state"] in over}
        assert {key: (row["state"], row["filled_qty"]) for key, row in sent.items()} == {
            key: (order["status"], Decimal(order["filled_qty"])) for key, order in self.watched.entries().items()
        }

    def quote(self, symbol: str) -> None:
        price = self.prices[symbol]
        self.stand.price(symbol, str(price - Decimal("0.02")), str(price + Decimal("0.02")))

    def ledger(self) -> PostgresPositionLedger:
        """The books as `audit` reads them."""
        return PostgresPositionLedger(self.stand.connect(), account="large", lease=LEASE, epoch=0)

    def books(self) -> dict[str, Book]:
        """Live positions in the database."""
        found = {symbol: books[-1] for symbol, books in self.ledger().books().items()}
        return {symbol: book for symbol, book in found.items() if book.stage is not Stage.CLOSED}


def legs_of(symbol: str, held: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The contracts that are one position with this one: the nearest strike on the other side, or none."""
    partners = [each for each in held if each[:-STRIKE] == symbol[:-STRIKE] and opposed(held[each], held[symbol])]
    nearest = min(partners, key=lambda each: abs(int(each[-STRIKE:]) - int(symbol[-STRIKE:])), default=None)
    return [symbol] if nearest is None else [symbol, nearest]


def opposed(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return Decimal(one["qty"]) * Decimal(other["qty"]) < 0


def gain_of(legs: list[Mapping[str, str]]) -> Decimal:
    """The gain of one contract, or of one unit of a spread, as a fraction of what it was entered at."""
    paid, worth = (sum((unit(each, of) for each in legs), Decimal(0)) for of in ("cost_basis", "market_value"))
    return (worth - paid) / abs(paid)


def unit(position: Mapping[str, str], amount: str) -> Decimal:
    """An amount of one contract of it, USD."""
    return Decimal(position[amount]) / abs(Decimal(position["qty"]))


def test_broker_and_books_agree_in_the_end_and_no_share_is_naked(crew: Crew) -> None:
    happened: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Days(crew, happened),  # type: ignore[arg-type] # any factory will do
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=SEQUENCES == FEW,
            phases=(Phase.explicit, Phase.generate),  # to shrink a whole world takes longer than to read it
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(happened), f"turns begun by the stream: {len(crew.rang)}")  # noqa: T201  with -s: what they were about
    assert happened.keys() >= (COMMON if SEQUENCES < MANY else COMMON | RARE)
    assert crew.rang, "the stream made turns come earlier"
