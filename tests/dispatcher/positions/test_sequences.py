"""Random days: whatever market, people, faults and kills do, broker and books agree in the end and no share is naked.

A few dozen sequences in `make test`; `POSITION_SEQUENCES=1000 python -m pytest tests/dispatcher/positions` for more.
"""

import os
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract.control import Ask, Request
from contract.events import PositionClosed, PositionDifference, PositionUnprotected
from dispatcher.core.positions.audit import compare
from dispatcher.core.positions.book import Stage
from dispatcher.core.positions.cover import ENDED
from dispatcher.ports import BrokerUnavailableError
from tests.dispatcher.positions.stand import Stand

pytestmark = pytest.mark.world

FEW = 16
SEQUENCES = int(os.environ.get("POSITION_SEQUENCES", str(FEW)))
STEPS = 20
SYMBOLS = {"AAPL": Decimal(200), "MSFT": Decimal(500)}
symbols = st.sampled_from(sorted(SYMBOLS))
ROUTES = (
    "POST /v2/orders",
    "GET /v2/orders",
    "GET /v2/positions",
    "GET /v2/account/activities",
    "GET /v2/positions/{symbol_or_asset_id}",
    "DELETE /v2/positions/{symbol_or_asset_id}",
    "DELETE /v2/orders/{order_id}",
)
FAULTS = ("drop-before", "drop-after", "500", "504-html", "429", "truncated-json")


class Days(RuleBasedStateMachine):
    """One account, and everyone who acts on it."""

    def __init__(self, stand: Stand, happened: Counter[str]) -> None:
        super().__init__()
        self.stand = stand
        self.happened = happened
        self.prices = dict(SYMBOLS)
        self.short_by_hand: set[str] = set()
        self.faults: list[tuple[str, str]] = []

    @initialize(partial=st.sampled_from(["0", "0.5", "1"]), cancel=st.sampled_from(["0", "0", "3"]))
    def morning(self, partial: str, cancel: str) -> None:
        self.stand.begin_again()
        self.stand.exchange.clear_faults()
        self.stand.exchange.settings(partial_fill_probability=partial, cancel_seconds=cancel)
        for symbol in SYMBOLS:
            self.quote(symbol)
        self.manager_turns()

    # ----------------------------------------------------------------------------------------------------- the market

    @rule(symbol=symbols, percent=st.integers(-6, 6))
    def the_market_moves(self, symbol: str, percent: int) -> None:
        self.prices[symbol] = max(Decimal(5), self.prices[symbol] * (100 + percent) / 100).quantize(Decimal("0.01"))
        self.quote(symbol)

    @rule(seconds=st.sampled_from([1, 3, 10, 40]))
    def time_goes_by(self, seconds: int) -> None:
        self.stand.advance(seconds)

    # ---------------------------------------------------------------------------------- the dispatcher, and the people

    @rule(symbol=symbols, quantity=st.integers(1, 20), answered=st.booleans())
    def the_dispatcher_enters(self, symbol: str, quantity: int, answered: bool) -> None:  # noqa: FBT001  drawn
        if symbol in self.held() or self.working(symbol):
            return
        price = self.prices[symbol]
        prices = {
            "limit": str(price + 1),
            "take_profit": str((price * Decimal("1.05")).quantize(Decimal("0.01"))),
            "stop_loss": str((price * Decimal("0.97")).quantize(Decimal("0.01"))),
        }
        if answered:
            self.stand.enter(symbol, quantity, **prices)
        else:
            self.stand.post(self.stand.claim(symbol, quantity, **prices).payload())

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

    @rule()
    def the_manager_is_killed(self) -> None:
        self.stand.kill()

    # ----------------------------------------------------------------------------------------------------- the manager

    @rule()
    def the_manager_turns(self) -> None:
        before = self.held()
        if self.manager_turns():
            self.every_share_has_a_stop_or_an_alarm(before)

    def manager_turns(self) -> bool:
        """One turn, struck by what was to go wrong; whether it came to its end."""
        for route, kind in self.faults:
            self.stand.exchange.fault(route=route, kind=kind, nth=1)
        self.faults.clear()
        try:
            self.stand.turn()
        except BrokerUnavailableError:
            return False
        finally:
            self.stand.exchange.clear_faults()
            self.no_short()
        return True

    def every_share_has_a_stop_or_an_alarm(self, before: dict[str, Decimal]) -> None:
        """Of the shares that the turn could see; an order of its own may let more of another's fill."""
        books = self.stand.books()
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
        stand = self.stand
        stand.exchange.clear_faults()
        stand.exchange.settings(partial_fill_probability="0", cancel_seconds="0")
        stand.advance(4)
        for _ in range(14):
            stand.turn()
            stand.advance(3)
        self.no_short()
        books, holdings = stand.books(), stand.broker.holdings()
        assert {s: b.quantity for s, b in books.items()} == {s: h.quantity for s, h in holdings.items()}
        assert compare(holdings, books, stand.broker.working(), stand.exits, stand.now()) == ()
        assert stand.desk().ledger.orders() == tuple(o for o in stand.desk().ledger.orders() if o.oco is not None)
        assert [each for each in stand.asked.open() if each.ask is Ask.CLOSE] == []

        assert stand.events(PositionDifference) == [], "every share that moved here moved by a fill"
        assert all(each.complete for each in stand.events(PositionClosed))
        self.happened.update(each.name for each in stand.said)

    def quote(self, symbol: str) -> None:
        price = self.prices[symbol]
        self.stand.price(symbol, str(price - Decimal("0.02")), str(price + Decimal("0.02")))

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
        orders: Any = self.stand.exchange.state()["orders"]
        return [each["id"] for each in orders if each["symbol"] == symbol and each["status"] not in ENDED]


def test_broker_and_books_agree_in_the_end_and_no_share_is_naked(stand: Stand) -> None:
    happened: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Days(stand, happened),  # type: ignore[arg-type] # any factory will do
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=SEQUENCES == FEW,
            phases=(Phase.explicit, Phase.generate),  # to shrink a whole world takes longer than to read it
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(happened))  # noqa: T201  with -s: what the sequences were about
    assert {"position_protected", "exit_decided", "position_closed", "request_answered"} <= happened.keys()
