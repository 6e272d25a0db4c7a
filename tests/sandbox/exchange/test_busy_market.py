"""Time passes for a thousand symbols, and no request waits for all of them."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from sandbox.exchange.orders import OrderRequest, OrderType, Side, TimeInForce
from sandbox.exchange.server import Server
from tests.sandbox.exchange.exchange_desk import NUMBER, config

SYMBOLS = [f"B{number:04d}" for number in range(1_000)]
CHEAP = OrderRequest("", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, qty=Decimal(1), limit_price=Decimal(1))


@pytest.fixture
def server() -> Server:
    """An order rests in every symbol."""
    server = Server(config(assets={symbol: {} for symbol in SYMBOLS}))
    account = server.exchange.accounts[NUMBER]
    for symbol in SYMBOLS:
        server.exchange.submit(account, replace(CHEAP, symbol=symbol))
    return server


async def turns_of_others(server: Server, *, reset_in: int | None = None) -> int:
    """How often somebody else had a turn while time passed."""
    turns, passing = 0, asyncio.create_task(server.pass_time())
    while not passing.done():
        await asyncio.sleep(0)
        turns += 1
        if turns == reset_in:
            server.reset()
    return turns


def test_others_are_served_while_time_passes(server: Server) -> None:
    assert asyncio.run(turns_of_others(server)) > 3


def test_an_exchange_that_is_reset_in_the_middle_passes_no_more_time(server: Server) -> None:
    assert asyncio.run(turns_of_others(server, reset_in=2)) == 3
