"""The steady stream of a world that stands, with the real exchange and the real database."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, StopLossRequest, TakeProfitRequest

from sandbox.exchange import AccountConfig, Config, Running, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database
from sandbox.stream import Stream
from sandbox.venue import Venue
from tests.dispatcher.world import MONDAY_MORNING
from tests.sandbox.test_recommendations import TABLE

pytestmark = pytest.mark.world

ACCOUNT = AccountConfig(number="PA3STREAM", key="PKSTREAM", secret="stream-secret")


@dataclass
class Upstream:
    stream: Stream
    exchange: Running
    database: Database

    def next(self) -> dict[str, Any]:
        """The next recommendation, as soon as it is there."""
        before = len(self.written())
        while len(self.written()) == before:
            self.stream.step()
        return self.written()[-1]

    def written(self) -> list[dict[str, Any]]:
        with self.database.connect() as connection:
            rows = connection.execute("select to_jsonb(r) from dispatch_recommendations r order by id").fetchall()
            return [row for (row,) in rows if isinstance(row, dict)]

    def held(self) -> list[str]:
        state: Any = self.exchange.state()
        return [position["symbol"] for account in state["accounts"] for position in account["positions"]]


@pytest.fixture
def upstream(database: Database) -> Iterator[Upstream]:
    config = Config(seed=1, now=nanoseconds(MONDAY_MORNING), accounts=(ACCOUNT,))
    with running(config) as exchange:
        seconds = count()
        yield Upstream(Stream(database, Venue(exchange.url), lambda: next(seconds)), exchange, database)


def order(upstream: Upstream, recommendation: dict[str, Any]) -> None:
    """As the dispatcher orders it."""
    plan = recommendation["reason"]["plan"]
    TradingClient(ACCOUNT.key, ACCOUNT.secret, url_override=upstream.exchange.url).submit_order(
        LimitOrderRequest(
            symbol=recommendation["ticker"],
            qty=plan["quantity"],
            side=OrderSide.BUY,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.BRACKET,
            limit_price=plan["entry"],
            take_profit=TakeProfitRequest(limit_price=plan["take_profit"]),
            stop_loss=StopLossRequest(stop_price=plan["stop_loss"]),
        )
    )


def test_nothing_is_written_before_a_release_has_made_the_tables(upstream: Upstream) -> None:
    upstream.stream.step()

    with upstream.database.connect() as connection:
        assert connection.execute("select to_regclass('dispatch_recommendations')").fetchone() == (None,)


def test_each_recommendation_fills_at_once_and_is_sold_at_its_target_before_the_next(upstream: Upstream) -> None:
    with upstream.database.connect() as connection:
        connection.execute(TABLE)
    first = upstream.next()
    order(upstream, first)
    assert upstream.held() == [first["ticker"]]

    second = upstream.next()
    order(upstream, second)

    assert upstream.held() == [second["ticker"]]
    assert first["ticker"] != second["ticker"]


def test_it_is_steady_and_small(upstream: Upstream) -> None:
    with upstream.database.connect() as connection:
        connection.execute(TABLE)
    for _ in range(20):
        upstream.stream.step()  # each a second or two later, by the clock that it is given

    assert 2 <= len(upstream.written()) <= 5
