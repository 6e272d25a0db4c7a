"""Each gate passes and fails, with its reason, what was observed and what was allowed."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract.limits import Action, TradingState
from dispatcher.core import gates
from dispatcher.core.gates import ENTRY_GATES, Check, Gate
from dispatcher.core.held import InFlight, Position, Resting
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.standing import Asset, History, Market, Quote, Session
from tests.dispatcher.cases import (
    MONDAY,
    NEW_YORK,
    NOW,
    account,
    case,
    limits,
    market,
    recommendation,
    seconds,
    session,
    standing,
)

HALF_DAY = date(2026, 11, 27)
SHORT = recommendation(action=Action.SELL_STOCK)
AAPL = Asset("AAPL", tradable=True, shortable=True)
HELD = {"MSFT": Position(Decimal(10), Decimal(5_000)), "KO": Position(Decimal(-10), Decimal(-700))}


def in_new_york(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=NEW_YORK)


def asset(**changes: Any) -> Market:
    return replace(market(), asset=replace(AAPL, **changes))


def failed(reason: Reason, observed: str, threshold: str) -> Check:
    return Check(passed=False, reason=reason, observed=observed, threshold=threshold)


FAILING: list[tuple[Gate, dict[str, Any], Check]] = [
    (
        gates.trading_state,
        {"state": TradingState.HALTED},
        failed(Reason.TRADING_HALTED, "HALTED", "ACTIVE"),
    ),
    (
        gates.trading_state,
        {"state": TradingState.REDUCE_ONLY},
        failed(Reason.REDUCE_ONLY, "REDUCE_ONLY", "ACTIVE"),
    ),
    (
        gates.action_allowed,
        {"limits": limits(allowed_actions=(Action.SELL_STOCK, Action.BUY_CALL))},
        failed(Reason.ACTION_NOT_ALLOWED, "BUY_STOCK", "SELL_STOCK, BUY_CALL"),
    ),
    (
        gates.symbol_free,
        {
            "recommendation": recommendation(action=Action.BUY_PUT),
            "standing": standing(resting=(Resting(("AAPL261218C00200000",), buys=True, cost=Decimal(500)),)),
        },
        failed(
            Reason.DUPLICATE_POSITION,
            "a call at 200 of 2026-12-18, held, open or in flight",
            "nothing in the symbol",
        ),
    ),
    (gates.fresh, {"now": NOW + seconds(300.1)}, failed(Reason.STALE, "300.1 s", "300.0 s")),
    (
        gates.not_from_the_future,
        {"now": NOW - seconds(5.1)},
        failed(Reason.FROM_THE_FUTURE, "5.1 s ahead", "5.0 s"),
    ),
    (
        gates.standing_current,
        {"standing": standing(taken_at=NOW - seconds(5.1))},
        failed(Reason.STANDING_TOO_OLD, "5.1 s", "5.0 s"),
    ),
    (
        gates.account_open,
        {"standing": standing(account=account(blocked=True))},
        failed(Reason.ACCOUNT_BLOCKED, "blocked", "open"),
    ),
    (
        gates.market_open,
        {"standing": standing(session=None)},
        failed(Reason.MARKET_CLOSED, "no session today", "a session"),
    ),
    (
        gates.symbol_known,
        {"market": Market(None, None)},
        failed(Reason.UNKNOWN_SYMBOL, "AAPL", "a symbol of the broker"),
    ),
    (
        gates.symbol_tradable,
        {"market": asset(tradable=False)},
        failed(Reason.NOT_TRADABLE, "not tradable", "tradable"),
    ),
    (
        gates.symbol_tradable,
        {"market": Market(None, None)},
        failed(Reason.NOT_TRADABLE, "unknown symbol", "tradable"),
    ),
    (
        gates.symbol_shortable,
        {"recommendation": SHORT, "market": asset(shortable=False)},
        failed(Reason.NOT_SHORTABLE, "not shortable", "easy to borrow"),
    ),
    (
        gates.confident,
        {"recommendation": recommendation(confidence=Decimal("0.349"))},
        failed(Reason.CONFIDENCE_TOO_LOW, "0.349", "0.35"),
    ),
    (
        gates.confident,
        {"recommendation": recommendation(confidence=None)},
        failed(Reason.CONFIDENCE_TOO_LOW, "None", "0.35"),
    ),
    (
        gates.confident,
        {"recommendation": recommendation(action=Action.BUY_PUT, confidence=Decimal("0.54"))},
        failed(Reason.CONFIDENCE_TOO_LOW, "0.54", "0.55"),
    ),
    (
        gates.loss_bearable,
        {"standing": standing(account=account(equity=Decimal(98_000)))},
        failed(Reason.DAILY_LOSS, "$2,000.00", "$2,000.00"),
    ),
    (
        gates.symbol_free,
        {"standing": standing(positions={"AAPL": Position(Decimal(-3), Decimal(-600))})},
        failed(Reason.DUPLICATE_POSITION, "position of -3", "nothing in the symbol"),
    ),
    (
        gates.symbol_free,
        {"standing": standing(resting=(Resting(("AAPL",), buys=False, cost=Decimal(0)),))},
        failed(Reason.DUPLICATE_POSITION, "an open order", "nothing in the symbol"),
    ),
    (
        gates.symbol_free,
        {"standing": standing(in_flight=(InFlight(("AAPL",), Decimal(1)),))},
        failed(Reason.DUPLICATE_POSITION, "an order of ours in flight", "nothing in the symbol"),
    ),
    (
        gates.symbol_rested,
        {"history": History(1, NOW - timedelta(minutes=14, seconds=59))},
        failed(Reason.SYMBOL_COOLDOWN, "899.0 s ago", "900.0 s"),
    ),
    (
        gates.symbol_not_overtraded,
        {"history": History(4, NOW - timedelta(hours=1))},
        failed(Reason.SYMBOL_DAILY_LIMIT, "4", "4"),
    ),
    (
        gates.positions_few,
        {
            "limits": limits(max_open_positions=4),
            "standing": standing(
                positions=HELD,
                resting=(
                    Resting(("MSFT",), buys=False, cost=Decimal(0)),
                    Resting(("T",), buys=True, cost=Decimal(9)),
                ),
                in_flight=(InFlight(("F",), Decimal(9)),),
            ),
        },
        failed(Reason.TOO_MANY_POSITIONS, "4", "4"),
    ),
    (gates.quoted, {"market": Market(None, AAPL)}, failed(Reason.NO_QUOTE, "none", "0 < bid <= ask")),
    (
        gates.quoted,
        {"market": market(bid="0", ask="5")},
        failed(Reason.NO_QUOTE, "bid 0, ask 5", "0 < bid <= ask"),
    ),
    (
        gates.quoted,
        {"market": Market(Quote(Decimal("5.01"), Decimal(5)), AAPL)},
        failed(Reason.NO_QUOTE, "bid 5.01, ask 5", "0 < bid <= ask"),
    ),
]


@pytest.mark.parametrize(("gate", "changes", "check"), FAILING)
def test_a_gate_that_fails_says_what_was_observed_and_what_was_allowed(
    gate: Gate, changes: dict[str, Any], check: Check
) -> None:
    assert gate(case(**changes)) == check


@pytest.mark.parametrize("gate", ENTRY_GATES)
def test_every_gate_passes_a_good_case(gate: Gate) -> None:
    assert gate(case()).passed


def test_every_gate_has_a_case_in_which_it_fails() -> None:
    failing = {gate for gate, _, _ in FAILING}

    assert failing | {gates.market_open} == set(ENTRY_GATES)


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        (gates.fresh, {"now": NOW + seconds(300)}),
        (gates.not_from_the_future, {"now": NOW - seconds(5)}),
        (gates.standing_current, {"standing": standing(taken_at=NOW - seconds(5))}),
        (gates.symbol_shortable, {"recommendation": SHORT}),
        (gates.symbol_shortable, {"market": asset(shortable=False)}),
        (gates.confident, {"recommendation": recommendation(confidence=Decimal("0.35"))}),
        (gates.loss_bearable, {"standing": standing(account=account(equity=Decimal("98000.01")))}),
        (gates.loss_bearable, {"standing": standing(account=account(equity=Decimal(200_000)))}),
        (gates.symbol_free, {"standing": standing(positions=HELD)}),
        (gates.symbol_rested, {"history": History(1, NOW - timedelta(minutes=15))}),
        (gates.symbol_not_overtraded, {"history": History(3)}),
        (gates.positions_few, {"limits": limits(max_open_positions=3), "standing": standing(positions=HELD)}),
        (gates.quoted, {"market": market(bid="5", ask="5")}),
    ],
)
def test_what_is_exactly_allowed_passes(gate: Gate, changes: dict[str, Any]) -> None:
    assert gate(case(**changes)).passed


@pytest.mark.parametrize(
    ("today", "clock", "passes"),
    [
        (session(), "09:34:59", False),
        (session(), "09:35:00", True),
        (session(), "15:30:00", True),
        (session(), "15:30:01", False),
        (session(HALF_DAY, closes="13:00"), "12:30:00", True),
        (session(HALF_DAY, closes="13:00"), "12:30:01", False),
        (session(HALF_DAY, closes="13:00"), "15:00:00", False),
        (session(date(2026, 7, 6)), "09:35:00", True),
    ],
)
def test_entries_are_made_in_the_window_of_the_days_own_session(today: Session, clock: str, *, passes: bool) -> None:
    check = gates.market_open(case(standing=standing(session=today), now=in_new_york(today.day, clock)))

    assert (check.passed, check.reason) == (passes, Reason.MARKET_CLOSED)


def test_a_closed_market_is_told_with_the_window_in_the_exchanges_time() -> None:
    half_day = standing(session=session(HALF_DAY, closes="13:00"))

    check = gates.market_open(case(standing=half_day, now=in_new_york(HALF_DAY, "13:30:00")))

    assert (check.observed, check.threshold) == ("2026-11-27 13:30:00 EST", "2026-11-27 09:35 to 12:30 EST")


def test_yesterdays_session_does_not_open_today() -> None:
    tomorrow = in_new_york(date(2026, 11, 24), "10:00:00")

    assert not gates.market_open(case(standing=standing(session=session(MONDAY)), now=tomorrow)).passed


@pytest.mark.parametrize(("cost", "passes"), [("25000", True), ("25000.01", False)])
def test_a_notional_may_reach_the_limit_and_not_a_cent_more(cost: str, *, passes: bool) -> None:
    check = gates.notional(Decimal(cost), case())

    assert check == Check(passes, Reason.NOTIONAL_TOO_LARGE, f"${Decimal(cost):,.2f}", "$25,000.00")


@pytest.mark.parametrize(("cost", "passes"), [("70000", True), ("70000.01", False)])
def test_buying_power_is_the_brokers_less_what_we_have_in_flight(cost: str, *, passes: bool) -> None:
    in_flight = (InFlight(("MSFT",), Decimal(20_000)), InFlight(("F",), Decimal(10_000)))

    check = gates.buying_power(Decimal(cost), case(standing=standing(in_flight=in_flight)))

    assert check == Check(passes, Reason.BUYING_POWER, f"${Decimal(cost):,.2f}", "$70,000.00")


@pytest.mark.parametrize(("cost", "passes"), [("280000", True), ("280000.01", False)])
def test_exposure_counts_what_is_held_rests_and_is_in_flight_but_not_exits(cost: str, *, passes: bool) -> None:
    crowded = standing(
        positions=HELD,
        resting=(
            Resting(("T",), buys=True, cost=Decimal(10_000)),
            Resting(("MSFT",), buys=False, cost=Decimal(5_500)),
            Resting(("KO",), buys=True, cost=Decimal(600)),
        ),
        in_flight=(InFlight(("F",), Decimal(4_300)),),
    )

    check = gates.exposure(Decimal(cost), case(standing=crowded))

    assert check == Check(passes, Reason.EXPOSURE, f"${20_000 + Decimal(cost):,.2f}", "$300,000.00")


def test_the_first_gate_that_did_not_pass_is_the_refusal() -> None:
    passed = Check(passed=True, reason=Reason.STALE, observed="1 s", threshold="300 s")
    first = Check(passed=False, reason=Reason.NOT_TRADABLE, observed="not tradable", threshold="tradable")
    second = Check(passed=False, reason=Reason.NO_QUOTE, observed="none", threshold="0 < bid <= ask")

    assert gates.refusal((passed, first, second)) == Refusal(
        Reason.NOT_TRADABLE, Reason.NOT_TRADABLE.meaning, "not tradable", "tradable"
    )


def test_checks_that_all_pass_are_no_refusal() -> None:
    assert gates.refusal(tuple(gate(case()) for gate in ENTRY_GATES)) is None


def test_shares_of_a_stock_and_its_options_do_not_stand_in_each_others_way() -> None:
    option, shares = ("AAPL261218C00200000", "AAPL")
    ours = {action: recommendation(action=action) for action in (Action.BUY_CALL, Action.BUY_STOCK)}
    held = {symbol: standing(positions={symbol: Position(Decimal(1), Decimal(500))}) for symbol in (option, shares)}

    passed = {
        (action, symbol): gates.symbol_free(case(recommendation=asked, standing=there)).passed
        for action, asked in ours.items()
        for symbol, there in held.items()
    }

    assert passed == {
        (Action.BUY_CALL, option): False,
        (Action.BUY_CALL, shares): True,
        (Action.BUY_STOCK, option): True,
        (Action.BUY_STOCK, shares): False,
    }


def test_a_put_needs_no_stock_to_borrow() -> None:
    hard = Market(market().quote, Asset("AAPL", tradable=True, shortable=False))

    assert gates.symbol_shortable(case(recommendation=recommendation(action=Action.BUY_PUT), market=hard)).passed
