"""The broker's words about positions: read tolerantly where it may leave out, refused where it may not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.adapters import wire
from dispatcher.adapters.fields import UnreadableAnswerError
from dispatcher.core.order import Side
from dispatcher.core.positions.book import Plan
from dispatcher.core.positions.orders import Oco, Unpriced, client_order_id, price, restore
from dispatcher.core.positions.orders import Purpose as For
from tests.dispatcher.cases import MONDAY

FILL = {
    "id": "20261123100000000::a",
    "activity_type": "FILL",
    "transaction_time": "2026-11-23T15:00:00.123456789Z",
    "type": "fill",
    "price": "200.02",
    "qty": "10",
    "side": "buy",
    "symbol": "AAPL",
    "order_id": "o1",
}
EXPIRY = {
    "id": "20261127130000000::b",
    "activity_type": "OPEXP",
    "date": "2026-11-27",
    "net_amount": "0",
    "symbol": "AAPL261127C00150000",
    "qty": "-2",
}
ORDER = {
    "id": "o1",
    "client_order_id": "c1",
    "symbol": "AAPL",
    "side": "buy",
    "status": "filled",
    "type": "limit",
    "order_class": "bracket",
    "qty": "10",
    "filled_qty": "10",
}


def line(**changes: Any) -> Any:
    (found,) = wire.movements([FILL | changes])
    return found


def test_a_purchase_adds_and_a_sale_takes_away_however_the_broker_calls_it() -> None:
    assert line().quantity == 10
    assert line(side="sell").quantity == -10
    assert line(side="sell_short").quantity == -10
    assert line().at == datetime(2026, 11, 23, 15, 0, 0, 123456, UTC)


def test_an_expiry_is_of_its_day_takes_what_it_says_and_brings_nothing() -> None:
    (found,) = wire.movements([EXPIRY])

    assert (found.quantity, found.price) == (Decimal(-2), Decimal(0))
    assert found.at == datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


def test_a_fee_moves_no_shares_and_a_line_without_a_symbol_no_position() -> None:
    fee = {"id": "f", "activity_type": "FEE", "date": "2026-11-23", "net_amount": "-0.35", "symbol": "AAPL", "qty": "3"}
    (found,) = wire.movements([fee, {"id": "d", "activity_type": "CSD", "date": "2026-11-23", "net_amount": "1000"}])

    assert (found.quantity, found.amount) == (Decimal(0), Decimal("-0.35"))


@pytest.mark.parametrize("broken", [{"side": "sideways"}, {"id": ""}, {"transaction_time": None, "date": "someday"}])
def test_a_line_that_could_mean_anything_is_not_guessed_at(broken: dict[str, Any]) -> None:
    with pytest.raises(UnreadableAnswerError):
        wire.movements([FILL | broken])


def test_held_legs_are_found_under_their_entry_and_know_it() -> None:
    stop = ORDER | {
        "id": "o2",
        "client_order_id": "c2",
        "side": "sell",
        "type": "stop",
        "status": "held",
        "filled_qty": "0",
    }
    head, leg = wire.working(ORDER | {"legs": [stop]})

    assert head.ended
    assert leg.parent == head
    assert leg.armed
    assert leg.remaining == 10


def test_a_spread_is_its_legs() -> None:
    legs = [ORDER | {"id": each, "symbol": f"AAPL{each}", "order_class": "mleg"} for each in "12"]
    head = ORDER | {"symbol": "", "side": "", "legs": legs}

    assert [each.symbol for each in wire.working(head)] == ["AAPL1", "AAPL2"]


def test_a_holding_without_what_is_free_is_free() -> None:
    found = wire.holding({"symbol": "AAPL", "qty": "-5", "market_value": "-1000", "avg_entry_price": None})

    assert (found.available, found.average_price) == (Decimal(-5), None)


def test_a_quote_that_cannot_be_read_is_no_quote() -> None:
    good = {"bp": 1.5, "ap": 1.6, "t": "2026-11-23T15:00:00Z"}
    found = wire.sights({"quotes": {"A": good, "B": good | {"t": "soon"}, "C": good | {"bp": None}}})

    assert list(found) == ["A"]
    assert found["A"].bid == Decimal("1.5")


def plan(stop: str, target: str) -> Plan:
    return Plan(Decimal(stop), Decimal(target), "a test")


def priced(meant: Plan, side: Side = Side.SELL, market: str = "200") -> Oco | Unpriced:
    order_id = client_order_id("large", 7, For.PROTECT, 1)
    return price(meant, symbol="AAPL", side=side, quantity=3, market=Decimal(market), on=MONDAY, order_id=order_id)


def test_a_stop_moves_towards_less_risk_and_a_target_never_nearer() -> None:
    long, short = priced(plan("195.001", "210.001")), priced(plan("204.999", "189.999"), Side.BUY)

    assert isinstance(long, Oco)
    assert (str(long.stop_loss), str(long.take_profit)) == ("195.01", "210.01")
    assert isinstance(short, Oco)
    assert (str(short.stop_loss), str(short.take_profit)) == ("204.99", "189.99")


@pytest.mark.parametrize("meant", [plan("200", "210"), plan("195", "195"), plan("0", "210"), plan("205", "210")])
def test_what_the_broker_would_refuse_is_not_sent(meant: Plan) -> None:
    assert isinstance(priced(meant), Unpriced)


def test_what_is_sent_is_what_was_committed_and_can_be_restored() -> None:
    meant = priced(plan("195", "210"))

    assert isinstance(meant, Oco)
    assert restore(meant.payload()) == meant
    assert meant.payload()["order_class"] == "oco"


def test_an_id_says_what_the_order_is_for_and_the_next_try_has_another() -> None:
    ids = {client_order_id("large", 7, For.PROTECT, n) for n in (1, 2)} | {client_order_id("tiny", 7, For.PROTECT, 1)}

    assert len(ids) == 3
    assert all(each.startswith("p1-7-oco-") and len(each) <= 128 for each in ids)
