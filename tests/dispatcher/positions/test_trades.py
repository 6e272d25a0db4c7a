"""Trades that are over tell the odds of their kind: our own entries', from fills, and nobody else's."""

import json
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


BOUGHT, SOLD = "AAPL261218P00190000", "AAPL261218P00200000"


def credit_spread(stand: Stand, **claimed: object) -> None:
    """A put sold at 5.00 and one bought at 2.00 as one order of ours, able to lose $700."""
    stand.price(SOLD, "5.00", "5.00")
    stand.price(BOUGHT, "2.00", "2.00")
    order = stand.claim("AAPL", 1)
    stand.buy_spread(BOUGHT, SOLD)
    told = {"payload": {"order_class": "mleg", "legs": [{"symbol": BOUGHT}, {"symbol": SOLD}]}, "filled_qty": 1}
    told |= {"rationale": {"trade": {"loss": "700.00"}}} | claimed
    stand.rows(
        "UPDATE dispatch_claims SET state = 'filled', broker_order_id = 'head', symbol = %s, payload = %s,"
        " rationale = %s, filled_qty = %s, since = %s WHERE client_order_id = %s RETURNING 1",
        BOUGHT,
        json.dumps(told["payload"]),
        json.dumps(told["rationale"]),
        told["filled_qty"],
        stand.now(),
        order.client_order_id,
    )
    stand.turn()


def test_a_spread_is_one_trade_whose_stake_is_what_it_could_lose(stand: Stand) -> None:
    stand.turn()
    credit_spread(stand)
    assert closed_trades(stand, options=True) == (), "it is still held"

    stand.price(SOLD, "0.30", "0.30")
    stand.price(BOUGHT, "0.05", "0.05")
    stand.turn(4)

    assert stand.held() == {}
    (trade,) = closed_trades(stand, options=True)
    # 4.70 earned by the put that was sold, 1.95 lost by the other, of 7.00 at risk
    assert (trade.symbol, trade.cost, trade.realized) == (BOUGHT, Decimal(700), Decimal(275))
    assert closed_trades(stand, options=False) == ()


def test_a_spread_that_a_person_opened_is_no_evidence(stand: Stand) -> None:
    stand.turn()
    credit_spread(stand, filled_qty=0)  # ours was never filled; the same contracts were traded by hand
    stand.price(SOLD, "0.30", "0.30")
    stand.price(BOUGHT, "0.05", "0.05")
    stand.turn(4)

    assert stand.held() == {}
    assert closed_trades(stand, options=True) == ()
