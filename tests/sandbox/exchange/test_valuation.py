"""What an account is worth is carried on from trade to trade, and is the same as if it were summed up each time."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from sandbox.exchange.account import Account
from sandbox.exchange.config import AccountConfig, Config
from sandbox.exchange.engine import Exchange
from sandbox.exchange.portfolio import Position
from sandbox.exchange.text import SECOND, nanoseconds

SYMBOLS = ("AAPL", "MSFT", "SPY")
MONDAY = nanoseconds(datetime.fromisoformat("2026-11-23T10:00:00-05:00"))


@dataclass
class Board:
    """Prices that stand until they are moved, and count how often they were looked at."""

    shown: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, Decimal(100)))
    moves: int = 0
    looks: int = 0

    def stamp(self) -> object:
        return self.moves

    def of(self, position: Position) -> Decimal:
        self.looks += 1
        return self.shown[position.symbol]

    def move(self, symbol: str, price: Decimal) -> None:
        self.shown[symbol], self.moves = price, self.moves + 1


def account() -> Account:
    return Account("1", "1", "key", "secret", Decimal(100_000), Decimal(4), 0, Decimal(100_000))


def empty(symbol: str) -> Position:
    return Position(symbol, symbol, "us_equity", "NASDAQ", Decimal(0), Decimal(0), 1, 0)


prices = some.decimals("0.01", 5_000, places=2)
trades = some.tuples(some.sampled_from(SYMBOLS), some.integers(-50, 50), prices)
moves = some.tuples(some.sampled_from(SYMBOLS), prices)


@given(some.lists(trades | moves, max_size=30))
def test_it_is_the_sum_of_what_is_held_at_the_prices_of_now(
    steps: list[tuple[str, int, Decimal] | tuple[str, Decimal]],
) -> None:
    held, board = account(), Board()
    for step in steps:
        if len(step) == 2:
            board.move(*step)
        else:
            symbol, qty, price = step
            held.trade(empty(symbol), Decimal(qty), price)
        worths = [each.qty * board.shown[each.symbol] for each in held.positions.values()]
        found = held.valuation(board)
        assert (found.net, found.gross) == (sum(worths), sum(map(abs, worths)))
        assert found.most() == max(map(abs, worths), default=0)


def test_a_trade_prices_nothing_but_what_it_moved() -> None:
    held, board = account(), Board()
    for symbol in SYMBOLS:
        held.trade(empty(symbol), Decimal(1), Decimal(100))
    held.equity(board)
    board.looks = 0
    held.trade(empty("SPY"), Decimal(1), Decimal(100))
    held.equity(board)
    assert held.buying_power(board) > 0
    assert board.looks == 1


def test_the_exchange_prices_anew_with_each_second_each_given_quote_and_each_listing() -> None:
    exchange = Exchange(Config(seed=1, now=MONDAY, clock_running=False, accounts=(AccountConfig(number="1", key="k"),)))
    stamps = [exchange.prices.stamp()]
    exchange.clock.advance(SECOND // 2)
    assert exchange.prices.stamp() == stamps[0]
    exchange.clock.advance(SECOND)
    stamps.append(exchange.prices.stamp())
    exchange.fix_quote("SPY", {"bid": "10.00", "ask": "10.02"})
    stamps.append(exchange.prices.stamp())
    exchange.listing.change("SPY", {"anchor": "20"})
    stamps.append(exchange.prices.stamp())
    exchange.market.release("SPY")
    stamps.append(exchange.prices.stamp())
    assert all(one != other for one, other in pairwise(stamps))
