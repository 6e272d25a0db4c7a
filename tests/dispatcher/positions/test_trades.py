"""Trades that are over tell the odds of their kind: our own entries', from fills, and nobody else's."""

from decimal import Decimal

import pytest

from dispatcher.adapters.database import Connections
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear
from dispatcher.core.trades import ClosedTrade
from tests.dispatcher.positions.stand import Stand

pytestmark = pytest.mark.world

CALL = "AAPL261218C00200000"


def closed_trades(stand: Stand, *, options: bool, most: int = 10) -> tuple[ClosedTrade, ...]:
    ledger = PostgresLedger(Connections(stand.connect, 1), Ear(), account="large", epoch=0)
    return ledger.closed_trades(options=options, most=most)


def entered_and_stopped(stand: Stand, symbol: str) -> None:
    stand.price(symbol, "199.98", "200.02")
    stand.enter(symbol)
    stand.turn()
    stand.price(symbol, "194.50", "194.60")
    stand.turn()


def test_a_trade_of_ours_that_is_over_is_told_with_what_it_cost_and_brought(stand: Stand) -> None:
    stand.turn()
    entered_and_stopped(stand, "AAPL")

    (trade,) = closed_trades(stand, options=False)
    assert (trade.symbol, trade.cost, trade.realized, trade.fees) == (
        "AAPL",
        Decimal("2000.20"),
        Decimal("-55.20"),
        Decimal(0),
    )
    assert trade.gain == Decimal("-55.20") / Decimal("2000.20")
    assert closed_trades(stand, options=True) == ()


def test_the_newest_trades_come_first_and_no_more_than_asked_for(stand: Stand) -> None:
    stand.turn()
    for symbol in ("AAPL", "MSFT"):
        entered_and_stopped(stand, symbol)
        stand.advance(60)

    assert [each.symbol for each in closed_trades(stand, options=False)] == ["MSFT", "AAPL"]
    assert [each.symbol for each in closed_trades(stand, options=False, most=1)] == ["MSFT"]


def test_what_a_person_traded_and_what_is_still_held_is_no_evidence(stand: Stand) -> None:
    stand.turn()
    stand.buy("MSFT", 3)
    stand.http("DELETE", "/v2/positions/MSFT")
    stand.enter("AAPL")
    stand.turn(2)

    assert set(stand.books()) == {"AAPL"}
    assert closed_trades(stand, options=False) == ()


def test_a_contract_is_told_among_the_options_and_stands_for_a_hundred_shares(stand: Stand) -> None:
    stand.turn()
    stand.price(CALL, "1.98", "2.02")
    bought = stand.buy(CALL, 2)
    order = stand.claim("AAPL", 1)
    stand.rows(
        "UPDATE dispatch_claims SET state = 'filled', broker_order_id = %s WHERE client_order_id = %s RETURNING 1",
        bought["id"],
        order.client_order_id,
    )
    stand.turn()
    stand.price(CALL, "1.00", "1.04")
    stand.turn(2)

    (trade,) = closed_trades(stand, options=True)
    assert (trade.cost, trade.realized) == (Decimal(404), Decimal(-204))
