"""What a turn costs: requests, and the time from a quote to the order that follows from it."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from time import perf_counter
from typing import Any

import pytest

from contract.control import Ask, Request
from contract.events import ExitDecided, ExitOrder, PositionClosed
from contract.limits import ByHand, Exits
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.core.outcome import Outcome
from dispatcher.core.positions.sight import Sight
from dispatcher.position_ports import NAMES
from dispatcher.shell.positions.cycle import LOOKS_IN_A_TURN, watch_contracts
from dispatcher.shell.positions.serve import SPACING_SECONDS
from sandbox.exchange import AccountConfig, Config, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database
from tests.dispatcher.positions.stand import START, Stand
from tests.dispatcher.world import ACCOUNT, MONDAY_MORNING

pytestmark = pytest.mark.world

MANY = 500
WITH_STOPS = 40
NEAR_A_HUNDRED = ("99.98", "100.02")
A_MINUTE = 200
"""Requests the broker allows an account."""
EXITS = int(os.environ.get("POSITION_EXITS", "5"))
CALL = "AAPL261218C00200000"


def shares(many: int) -> dict[str, str]:
    """So many symbols, each entered at 100 USD."""
    return {f"S{number:03d}": "100" for number in range(many)}


@pytest.fixture
def crowded(shelf: Database) -> Iterator[Stand]:
    """An account that holds one share each of five hundred stocks, with no stop anywhere."""
    with holding(shelf, shares(MANY), NEAR_A_HUNDRED) as stand:
        yield stand


@pytest.fixture
def gathered(shelf: Database) -> Iterator[Stand]:
    """The same of enough to be looked for in one list."""
    with holding(shelf, shares(WITH_STOPS), NEAR_A_HUNDRED) as stand:
        for _ in range(2):
            stand.turn()
            stand.advance(3)
        yield stand


@contextmanager
def holding(shelf: Database, prices: Mapping[str, str], sides: tuple[str, str]) -> Iterator[Stand]:
    """One of each, entered at its price, USD; all are quoted alike."""
    held = {symbol: {"qty": "1", "avg_entry_price": price} for symbol, price in prices.items()}
    account = AccountConfig(ACCOUNT.number, ACCOUNT.key, ACCOUNT.secret, Decimal(1_000_000), positions=held)
    config = Config(
        seed=7,
        now=nanoseconds(MONDAY_MORNING),
        clock_running=False,
        accounts=(account,),
        quotes={symbol: dict(zip(("bid", "ask"), sides, strict=True)) for symbol in held},
        settings=Settings(rate_limit=0),
    )
    with running(config) as exchange:
        stand = Stand(exchange, START, database=shelf, exits=Exits(by_hand=ByHand.ALARM))
        stand.begin_again()
        yield stand
        for connection in stand.connections:
            connection.close()


def requests_of(stand: Stand) -> int:
    """Requests that one turn makes."""
    before = stand.requests()
    stand.turn()
    return stand.requests() - before


def test_five_hundred_naked_positions_stay_within_the_brokers_limit(crowded: Stand) -> None:
    crowded.turn()
    crowded.advance(3)
    crowded.turn()
    assert len(crowded.books()) == MANY

    asked = requests_of(crowded)

    assert asked <= 3 + 4 * LOOKS_IN_A_TURN
    assert 3 * 60 / SPACING_SECONDS < A_MINUTE / 2, "a quiet account takes less than half of what is shared"


def test_a_minute_of_turns_over_five_hundred_naked_positions_asks_less_than_the_broker_allows(crowded: Stand) -> None:
    for _ in range(4):
        crowded.turn()
        crowded.advance(SPACING_SECONDS)

    asked = 0
    for _ in range(int(60 / SPACING_SECONDS)):
        asked += requests_of(crowded)
        crowded.advance(SPACING_SECONDS)

    assert asked < A_MINUTE


CONTRACTS = [
    f"{underlying}{expires}{kind}{strike * 1000:08d}"
    for underlying in ("AAPL", "ADBE", "AMZN", "MSFT", "NVDA")
    for expires in ("261204", "261218")
    for kind in "CP"
    for strike in range(150, 275, 5)
]


@pytest.fixture
def optioned(shelf: Database) -> Iterator[Stand]:
    """An account that holds one contract each of five hundred."""
    with holding(shelf, dict.fromkeys(CONTRACTS, "5"), ("4.95", "5.05")) as stand:
        yield stand


def test_five_hundred_contracts_ask_less_in_a_minute_than_the_broker_allows(optioned: Stand) -> None:
    """Their quotes are five requests: a turn every 2 s and a look between two turns, whenever one is due."""
    view = optioned.turn()
    for _ in range(2):
        optioned.advance(SPACING_SECONDS)
        view = optioned.turn()
    assert len(view.books) == len(view.sights) == MANY
    before, turns = optioned.requests(), 10
    for _ in range(turns):
        optioned.advance(SPACING_SECONDS / 2)
        view = watch_contracts(optioned.desk(), view)
        optioned.advance(SPACING_SECONDS / 2)
        view = optioned.turn()

    assert (optioned.requests() - before) * 60 / (turns * SPACING_SECONDS) < A_MINUTE


def test_what_falls_among_five_hundred_contracts_is_seen_within_five_times_as_long(optioned: Stand) -> None:
    for _ in range(3):
        view = optioned.turn()
        optioned.advance(SPACING_SECONDS)
    optioned.price(CONTRACTS[-1], "1.00", "1.04")
    fell_at = optioned.now()
    while not optioned.events(ExitDecided):
        optioned.advance(1)
        view = watch_contracts(optioned.desk(), view)

    assert (optioned.now() - fell_at).total_seconds() <= len(CONTRACTS) / NAMES
    assert [each.symbol for each in optioned.events(ExitDecided)] == [CONTRACTS[-1]]


class Timed(AlpacaBroker):
    """Takes the time when quotes have come, and when an order is about to leave."""

    def __init__(self, url: str) -> None:
        super().__init__(key=ACCOUNT.key, secret=ACCOUNT.secret, trading_url=url, data_url=url)
        self.seen_at = 0.0
        self.milliseconds: list[float] = []

    def sights(self, symbols: tuple[str, ...]) -> dict[str, Sight]:
        found = super().sights(symbols)
        self.seen_at = perf_counter()
        return found

    def close(self, symbol: str) -> Outcome:
        self.milliseconds.append((perf_counter() - self.seen_at) * 1000)
        return super().close(symbol)


def quote_to_order(stand: Stand, times: int) -> list[float]:
    """Milliseconds from a quote below the stop, as read, to the close that follows from it, about to leave."""
    broker = Timed(stand.exchange.url)
    stand.use(broker)
    stand.turn()
    for _ in range(times):
        stand.price(CALL, "1.95", "2.05")
        stand.buy(CALL, 1)
        stand.turn()
        stand.price(CALL, "1.00", "1.04")
        stand.turn(2)
        assert stand.held() == {}
    return broker.milliseconds


def test_an_exit_leaves_in_the_turn_that_saw_the_quote(stand: Stand) -> None:
    """How long it takes is measured, and is no test on a busy machine: see docs/positions.md."""
    measured = sorted(quote_to_order(stand, EXITS))

    print(f"quote to order, ms: median {measured[len(measured) // 2]:.1f}, worst {measured[-1]:.1f}")  # noqa: T201  -s
    assert len(measured) == EXITS


def test_five_hundred_positions_with_stops_are_flat_within_a_quarter_of_what_a_minute_allows(crowded: Stand) -> None:
    """Cancelled in one request and closed in another; the rest of them is reading what became of it."""
    crowded.turn()
    crowded.advance(3)
    crowded.turn()
    for number in range(WITH_STOPS):
        crowded.post(a_stop(f"S{number:03d}"))
    before = crowded.requests()

    crowded.asked.table.append(Request("1", Ask.FLATTEN, "someone", crowded.now(), "a drill"))
    turns = 0
    while crowded.asked.open():
        crowded.turn()
        crowded.advance(SPACING_SECONDS)
        turns += 1

    assert crowded.held() == {}
    assert crowded.requests() - before < A_MINUTE / 4
    assert turns <= 3
    assert len(crowded.events(PositionClosed)) == MANY
    assert Counter(each.state for each in crowded.events(ExitOrder)) == {"accepted": MANY, "filled": MANY}


def a_stop(symbol: str) -> dict[str, object]:
    """A person's target and stop for the one share."""
    return {
        "symbol": symbol,
        "qty": "1",
        "side": "sell",
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "oco",
        "take_profit": {"limit_price": "110"},
        "stop_loss": {"stop_price": "90"},
    }


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "500", "504-html", "429", "truncated-json"])
def test_a_lost_answer_to_closing_everything_closes_none_twice(gathered: Stand, kind: str) -> None:
    before = gathered.requests()
    gathered.exchange.fault(route="DELETE /v2/positions", kind=kind, nth=1)
    gathered.asked.table.append(Request("1", Ask.FLATTEN, "someone", gathered.now(), "a drill"))
    for _ in range(8):
        gathered.turn()
        gathered.advance(SPACING_SECONDS)

    assert gathered.held() == {}
    assert gathered.desk().ledger.orders() == ()
    assert gathered.asked.open() == ()
    assert gathered.requests() - before < WITH_STOPS, "what became of them was read in lists"
    orders: Any = gathered.exchange.state()["orders"]
    assert set(Counter(each["symbol"] for each in orders).values()) == {1}


def test_a_cancellation_that_takes_its_time_keeps_none_of_the_others_back(gathered: Stand) -> None:
    gathered.exchange.settings(cancel_seconds="3")
    gathered.post(a_stop("S000"))
    gathered.asked.table.append(Request("1", Ask.FLATTEN, "someone", gathered.now(), "a drill"))
    gathered.turn()
    assert gathered.held().keys() == {"S000"}
    gathered.advance(4)
    gathered.turn(2)

    assert gathered.held() == {}
    assert gathered.asked.open() == ()
