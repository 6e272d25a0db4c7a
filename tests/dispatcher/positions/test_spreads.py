"""A spread is one position: judged as a whole, closed whole, and its short leg is never left uncovered."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from contract.control import AnswerState, Ask, Request
from contract.events import ExitDecided, PositionHeld
from dispatcher.core.positions.cover import Holding
from dispatcher.core.positions.sight import Sight
from dispatcher.core.positions.spreads import Spread, spread_of
from dispatcher.shell.positions.cycle import report
from tests.dispatcher.cases import NOW
from tests.dispatcher.positions.stand import Stand

NEAR, FAR = "AAPL261218C00200000", "AAPL261218C00210000"


def opened(stand: Stand, *, credit: bool) -> None:
    """A spread of calls, one unit: the near strike bought for a debit, or sold for a credit of 3.00."""
    stand.turn()
    stand.price(NEAR, "5.00", "5.00")
    stand.price(FAR, "2.00", "2.00")
    bought, sold = (FAR, NEAR) if credit else (NEAR, FAR)
    stand.buy_spread(bought, sold)
    stand.turn()
    assert stand.held() == {bought: 1, sold: -1}


@pytest.mark.parametrize(
    ("credit", "near", "far", "reason"),
    [
        (False, "2.80", "1.10", "stop"),  # 1.70 is left of 3.00
        (False, "7.50", "2.00", "target"),  # 5.50: 83 % gained
        (True, "6.50", "2.20", "stop"),  # 4.30 to buy back what brought 3.00
        (True, "0.80", "0.30", "target"),  # 0.50 to buy it back: 83 % kept
    ],
)
def test_a_spread_leaves_whole_when_the_whole_says_so(
    stand: Stand, near: str, far: str, reason: str, *, credit: bool
) -> None:
    opened(stand, credit=credit)
    stand.price(NEAR, near, near)
    stand.price(FAR, far, far)

    stand.turn(4)

    assert stand.held() == {}
    assert [each.reason for each in stand.events(ExitDecided)] == [reason, reason]
    orders: Any = stand.exchange.state()["orders"]
    assert [order["symbol"] for order in orders][-2:] == ([NEAR, FAR] if credit else [FAR, NEAR])


@pytest.mark.parametrize("asked", [NEAR, FAR])
def test_who_asks_for_one_leg_gets_both_closed_for_they_are_one_position(stand: Stand, asked: str) -> None:
    opened(stand, credit=False)
    stand.asked.table.append(Request("1", Ask.CLOSE, "someone", stand.now(), "enough", asked))

    stand.settle()

    assert stand.held() == {}
    (request,) = stand.asked.table
    assert request.answer is not None
    assert request.answer.state is AnswerState.DONE


def test_a_leg_that_lost_most_of_its_price_stays_while_the_whole_is_well(stand: Stand) -> None:
    opened(stand, credit=True)
    stand.price(NEAR, "3.00", "3.00")
    stand.price(FAR, "1.00", "1.00")  # half of its price: alone it would be stopped out

    stand.turn(3)

    assert set(stand.held()) == {NEAR, FAR}
    assert stand.events(ExitDecided) == []


def holding(symbol: str, quantity: int, price: str) -> Holding:
    amount = Decimal(quantity)
    return Holding(symbol, amount, amount, Decimal(price), Decimal(0), Decimal(0))


def test_a_contract_of_another_expiry_kind_or_side_is_no_partner() -> None:
    ours = holding(NEAR, 1, "5")
    others = [
        holding("AAPL261224C00210000", -1, "2"),
        holding("AAPL261218P00190000", -1, "2"),
        holding("MSFT261218C00210000", -1, "2"),
        holding(FAR, 1, "2"),
        holding("AAPL", -100, "200"),
    ]

    assert spread_of(NEAR, {each.symbol: each for each in [ours, *others]}) is None
    assert spread_of("AAPL", {"AAPL": others[-1]}) is None


def test_a_worthless_spread_still_has_a_quote() -> None:
    spread = Spread(holding(FAR, 1, "2"), holding(NEAR, -1, "5"))
    cheap = {symbol: Sight(Decimal("0.01"), Decimal("0.03"), NOW) for symbol in (NEAR, FAR)}

    assert spread.sight(cheap) == Sight(Decimal("0.01"), Decimal("0.02"), NOW)
    assert spread.sight({}) is None


def test_what_ends_a_spread_next_is_told_of_the_whole(stand: Stand) -> None:
    opened(stand, credit=True)
    stand.price(NEAR, "6.00", "6.00")  # alone a loss of a fifth; with the other leg of a third
    stand.price(FAR, "2.00", "2.00")

    report(stand.desk(), stand.turn())

    told = stand.events(PositionHeld)
    assert {each.symbol for each in told} == {NEAR, FAR}
    assert len({each.next_exit for each in told}) == 1
    assert (
        "as a spread with both legs: end_of_day at 2026-11-23 15:45; stop at 4.20, target at 0.60" in told[0].next_exit
    )
    until = datetime.fromisoformat("2026-11-23T15:45-05:00") - stand.now()
    assert {(each.exit_rule, each.exit_seconds) for each in told} == {("end_of_day", Decimal(until.seconds))}
