"""Random days: whatever market, people, faults and kills do, broker and books agree in the end and no share is naked.

The dispatcher and the position manager are the real ones, with their own loops, ledgers and stream; they take steps in
turn (see stepped.py). A few sequences in `make test`; for more,
`POSITION_SEQUENCES=1000 python -m pytest tests/dispatcher/positions/test_sequences.py`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract.control import Ask, Request
from contract.events import PositionClosed, PositionDifference, PositionUnprotected
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.core.positions.audit import compare
from dispatcher.core.positions.book import Book, Stage
from dispatcher.core.positions.cover import ENDED
from dispatcher.shell.positions.serve import SPACING_SECONDS
from tests.dispatcher.positions.crew import DISPATCHER, ENTRY_LIFE_SECONDS, MANAGER, Crew
from tests.dispatcher.positions.stand import LEASE
from tests.dispatcher.world import insert

pytestmark = pytest.mark.world

FEW = 16
SEQUENCES = int(os.environ.get("POSITION_SEQUENCES", str(FEW)))
STEPS = 30
SYMBOLS = {"AAPL": Decimal(200), "MSFT": Decimal(500), "ADBE": Decimal(650)}
symbols = st.sampled_from(sorted(SYMBOLS))
services = st.sampled_from([DISPATCHER, MANAGER])
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
)
FAULTS = ("drop-before", "drop-after", "500", "504-html", "429", "truncated-json")
STREAM = "STREAM trade_updates"
LINES = (None, "stream-drop", "stream-lose", "stream-double", "stream-swap")
COMMON = {"order_accepted", "recommendation_refused", "position_protected", "position_closed", "stream_changed"}
RARE = {"order_unknown", "order_resolved", "order_delayed", "exit_decided", "request_answered", "broker_unavailable"}
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
        self.prices = dict(SYMBOLS)
        self.short_by_hand: set[str] = set()
        self.faults: list[tuple[str, str]] = []
        self.line: str | None = None

    @initialize(partial=st.sampled_from(["0", "0.5", "1"]), cancel=st.sampled_from(["0", "0", "3"]))
    def morning(self, partial: str, cancel: str) -> None:
        self.stand.begin_again()
        self.stand.exchange.settings(partial_fill_probability=partial, cancel_seconds=cancel)
        for symbol in SYMBOLS:
            self.quote(symbol)
        self.everyone_works(2)

    # ----------------------------------------------------------------------------------------------------- the market

    @rule(symbol=symbols, percent=st.integers(-6, 6))
    def the_market_moves(self, symbol: str, percent: int) -> None:
        self.prices[symbol] = max(Decimal(5), self.prices[symbol] * (100 + percent) / 100).quantize(Decimal("0.01"))
        self.quote(symbol)

    @rule(seconds=st.sampled_from([1, 3, 10, 40]))
    def time_goes_by(self, seconds: int) -> None:
        self.stand.advance(seconds)

    # ---------------------------------------------------------------------------------- the dispatcher, and the people

    @rule(symbol=symbols, quantity=st.integers(1, 20), above=st.integers(-2, 3), works=st.booleans())
    def upstream_recommends(self, symbol: str, quantity: int, above: int, works: bool = True) -> None:  # noqa: FBT001, FBT002  drawn
        price = self.prices[symbol] + above
        plan = {"entry": price, "take_profit": price * Decimal("1.05"), "stop_loss": price * Decimal("0.97")}
        exact = {name: round(float(each), 2) for name, each in plan.items()}
        row = {"ticker": symbol, "created_at": self.stand.now(), "reason": {"plan": exact | {"quantity": quantity}}}
        with self.stand.database.connect() as connection:
            insert(connection, row)
        if works:
            self.the_dispatcher_works()

    @rule(symbol=symbols, kind=st.sampled_from(FAULTS))
    def an_entry_goes_wrong_on_its_way(self, symbol: str, kind: str) -> None:
        self.faults.append((SUBMIT, kind))
        self.upstream_recommends(symbol, 10, 1)

    @rule()
    def the_dispatcher_works(self) -> None:
        """Up to where it waits for more."""
        with self.struck():
            self.stand.advance(1)
            self.crew.dispatch()
        self.no_short()

    @rule(symbol=symbols, quantity=st.integers(1, 10))
    def a_person_buys(self, symbol: str, quantity: int) -> None:
        self.stand.buy(symbol, quantity)

    @rule(symbol=symbols, quantity=st.integers(1, 10))
    def a_person_sells_what_is_free(self, symbol: str, quantity: int) -> None:
        if self.free(symbol) >= quantity:
            self.stand.buy(symbol, quantity, side="sell")

    @rule(symbol=symbols, quantity=st.integers(1, 10))
    def a_person_sells_short(self, symbol: str, quantity: int) -> None:
        if symbol not in self.held() and not self.working(symbol):
            self.short_by_hand.add(symbol)
            self.stand.buy(symbol, quantity, side="sell")

    @rule(symbol=symbols)
    def a_person_cancels_what_stands(self, symbol: str) -> None:
        for each in self.working(symbol):
            self.stand.http("DELETE", f"/v2/orders/{each}")

    @rule(symbol=symbols)
    def a_person_closes_at_the_broker(self, symbol: str) -> None:
        self.stand.http("DELETE", f"/v2/positions/{symbol}")

    @rule(symbol=st.one_of(st.none(), symbols))
    def a_person_asks(self, symbol: str | None) -> None:
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
        before = self.held()
        if self.manager_turns():
            self.every_share_has_a_stop_or_an_alarm(before)

    def manager_turns(self) -> bool:
        """One turn, when it is due at the latest, struck by what was to go wrong; whether it came to its end."""
        with self.struck():
            for seconds in (SPACING_SECONDS, self.stand.exits.reconcile_seconds):
                self.stand.advance(seconds)
                if self.crew.manage():
                    break
            else:
                return False
        self.no_short()
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
        for symbol, quantity in self.held().items():
            if symbol not in before:
                continue
            book = books[symbol]
            seen = min(abs(quantity), abs(before[symbol]))
            if book.stage is Stage.EXITING or self.stand.stops(symbol) >= seen:
                continue
            assert book.unprotected_since is not None, (symbol, quantity, book)
            assert symbol in told

    def no_short(self) -> None:
        """But for what a person sold short and still is."""
        held = self.held()
        resting = {symbol for symbol in self.short_by_hand if self.working(symbol)}
        self.short_by_hand &= {symbol for symbol, quantity in held.items() if quantity < 0} | resting
        assert {symbol for symbol, quantity in held.items() if quantity < 0} <= self.short_by_hand, held

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
        self.no_short()
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
            "SELECT r.id, c.state, c.client_order_id, e.filled_qty FROM dispatch_recommendations r"
            " LEFT JOIN dispatch_claims c ON c.recommendation_id = r.id"
            " LEFT JOIN dispatch_executions e ON e.recommendation_id = r.id"
        )
        orders = {each["client_order_id"]: each for each in self.orders() if each["client_order_id"].startswith("d1-")}
        assert {row["state"] for row in rows} <= {"refused", "rejected", "not_placed", "filled", "canceled"}, rows
        sent = {row["client_order_id"]: row for row in rows if row["state"] in {"filled", "canceled"}}
        assert {key: (row["state"], row["filled_qty"]) for key, row in sent.items()} == {
            key: (order["status"], Decimal(order["filled_qty"])) for key, order in orders.items()
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

    def held(self) -> dict[str, Decimal]:
        return {each["symbol"]: Decimal(each["qty"]) for each in self.positions()}

    def free(self, symbol: str) -> Decimal:
        return next(
            (Decimal(each["qty_available"]) for each in self.positions() if each["symbol"] == symbol), Decimal(0)
        )

    def positions(self) -> list[dict[str, str]]:
        accounts: Any = self.stand.exchange.state()["accounts"]
        return list(accounts[0]["positions"])

    def working(self, symbol: str) -> list[str]:
        return [each["id"] for each in self.orders() if each["symbol"] == symbol and each["status"] not in ENDED]

    def orders(self) -> list[dict[str, Any]]:
        orders: Any = self.stand.exchange.state()["orders"]
        return list(orders)


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
    assert happened.keys() >= (COMMON if SEQUENCES == FEW else COMMON | RARE)
    assert crew.rang, "the stream made turns come earlier"
