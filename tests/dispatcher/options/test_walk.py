"""An option end to end: a row of upstream's, a contract of the exchange's chain, the order, the books, the log."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract import events
from contract.limits import Action, Limits
from contract.options import Choice, Contracts, Entry, Options, Structure, Undefined, Volatility
from tests.dispatcher.cases import MONDAY, limits
from tests.dispatcher.options.chains import ALL_OPTIONS
from tests.dispatcher.services import serving
from tests.dispatcher.told import connected
from tests.dispatcher.world import ACCOUNT, World

pytestmark = pytest.mark.world

CHOICE = Choice(max_spread_fraction=Decimal("0.2"), min_delta=Decimal("0.2"), max_delta=Decimal("0.8"))
REDUCE = Volatility(undefined=Undefined.REDUCE, reduced_fraction=Decimal(1))
RISK = Contracts(fixed_fraction=Decimal("0.02"), max_loss_per_trade=Decimal(2_000))
DAYS = 250


def options_limits(**changes: Any) -> Limits:
    """Limits under which options are traded, though nothing is known of their volatility's past."""
    good: dict[str, Any] = {"choice": CHOICE, "volatility": REDUCE, "contracts": RISK, "entry": Entry(steps=0)}
    return limits(allowed_actions=ALL_OPTIONS, options=Options(**good | changes))


def recommend(world: World, action: str = "BUY", instrument: str | None = "CALL") -> int:
    return world.recommend(ticker="AAPL", action=action, instrument_type=instrument, reason={"rule": "BULL_ENTRY"})


def remember(world: World, low: str, high: str) -> None:
    """Days of volatility, every other one low and high."""
    with world.connect() as connection:
        for back in range(1, DAYS + 1):
            iv = low if back % 2 else high
            connection.execute(
                "INSERT INTO volatility_days (underlying, day, iv, source, taken_at)"
                " VALUES ('AAPL', %s, %s, 'backfill', now())",
                (MONDAY - timedelta(days=back), Decimal(iv)),
            )


def test_a_call_is_chosen_bought_and_told(world: World) -> None:
    world.limits = options_limits()
    number = recommend(world)

    with serving(world) as log:
        chosen = log.until("option_chosen").event
        accepted = log.until("order_accepted").event
        log.until("execution_recorded")

    (order,) = world.orders()
    (execution,) = world.executions()
    claim = world.claims()[number]
    assert isinstance(chosen, events.OptionChosen)
    assert isinstance(accepted, events.OrderAccepted)
    assert (order["symbol"], order["time_in_force"], order["position_intent"]) == (chosen.symbol, "day", "buy_to_open")
    assert (accepted.symbol, accepted.stop_loss, accepted.take_profit) == (chosen.symbol, None, None)
    best = max(claim["rationale"]["candidates"], key=lambda each: Decimal(each["score"] or 0))
    assert (best["symbol"], best["exclusions"]) == (chosen.symbol, [])
    assert len(claim["rationale"]["candidates"]) == chosen.candidates
    assert claim["rationale"]["rank"]["kind"] == "unranked"
    assert (execution["ticker"], execution["instrument_type"], execution["option_symbol"]) == (
        "AAPL",
        "CALL",
        chosen.symbol,
    )
    assert (execution["strike_price"], execution["contracts"]) == (float(best["strike"]), chosen.contracts)
    assert execution["notional"] == execution["qty"] * 100 * float(order["limit_price"])
    assert execution["implied_volatility"] == pytest.approx(float(best["iv"]), abs=1e-6)
    assert execution["strategy_type"] == "swing_trade"
    assert execution["explain_json"]["size"]["bound_by"] == "fixed fraction"
    assert claim["rationale"]["size"]["edge"]["trades"] == 0, "what Kelly was told is kept, whatever decided"


@pytest.mark.parametrize(
    ("action", "instrument", "structure", "intents"),
    [
        ("BUY_PUT", None, Structure.SINGLE, {"buy_to_open": "P"}),
        ("BUY", "CALL", Structure.VERTICAL, {"buy_to_open": "C", "sell_to_open": "C"}),
        ("SELL", "PUT", Structure.SINGLE, {"buy_to_open": "P", "sell_to_open": "P"}),
        ("SELL_CALL", "CALL", Structure.SINGLE, {"buy_to_open": "C", "sell_to_open": "C"}),
    ],
)
def test_each_action_becomes_the_order_that_the_exchange_takes(
    world: World, action: str, instrument: str | None, structure: Structure, intents: dict[str, str]
) -> None:
    world.limits = options_limits(bought_as=structure)
    number = recommend(world, action, instrument)

    with serving(world) as log:
        log.until("order_accepted")

    orders: Any = world.exchange.state()["orders"]
    traded = [order for order in orders if order["symbol"]]
    assert {order["position_intent"]: order["symbol"][-9] for order in traded} == intents
    assert world.claims()[number]["state"] in {"accepted", "partly_filled", "filled"}
    assert world.executions()[0]["option_symbol"] in {order["symbol"] for order in traded}


def test_dear_volatility_is_refused_by_its_own_history(world: World) -> None:
    world.limits = options_limits(volatility=Volatility())
    remember(world, "0.05", "0.10")
    number = recommend(world)

    with serving(world) as log:
        refused = log.until("recommendation_refused", reason="iv_rank_too_high").event

    assert isinstance(refused, events.RecommendationRefused)
    assert refused.observed == f"rank 100.00 over {DAYS} days"
    assert world.claims()[number]["rationale"]["rank"]["days"] == DAYS
    assert world.posts() == []


def test_without_a_history_the_usual_policy_refuses(world: World) -> None:
    world.limits = options_limits(volatility=Volatility())
    recommend(world)

    with serving(world) as log:
        log.until("recommendation_refused", reason="iv_undefined")


def test_nothing_suitable_is_refused_with_the_whole_table_kept(world: World) -> None:
    world.limits = options_limits(choice=replace(CHOICE, min_open_interest=10**6))
    number = recommend(world)

    with serving(world) as log:
        refused = log.until("recommendation_refused", reason="no_contract").event

    assert isinstance(refused, events.RecommendationRefused)
    candidates = world.claims()[number]["rationale"]["candidates"]
    assert f"open_interest_too_low {len(candidates)}" in refused.detail
    assert all("open_interest_too_low" in each["exclusions"] for each in candidates)


@pytest.mark.parametrize(
    ("structure", "action"),
    [(Structure.SINGLE, "BUY_CALL"), (Structure.VERTICAL, "BUY_CALL"), (Structure.VERTICAL, "SELL_PUT")],
    ids=["a call", "a debit spread", "a credit spread"],
)
def test_an_entry_is_moved_step_by_step_until_it_fills_at_its_bound(
    world: World, structure: Structure, action: str
) -> None:
    """The market stands still and the first limit is the middle: only moving it makes a trade."""
    entry = Entry(steps=2, step_seconds=1, max_premium_above_middle=Decimal("0.5"))
    world.limits = options_limits(entry=entry, bought_as=structure)
    number = recommend(world, action, None)

    with serving(world) as log:
        log.until("execution_recorded", status="EXECUTED")

    first, *between, last = world.orders()
    claim, (execution,) = world.claims()[number], world.executions()
    assert [order["status"] for order in (first, *between)] == ["replaced"] * (1 + len(between))
    assert last["client_order_id"] == f"{first['client_order_id']}-s{1 + len(between)}"
    assert Decimal(first["limit_price"]) < Decimal(last["limit_price"]) <= Decimal(claim["repricing"]["bound"])
    assert (claim["state"], claim["broker_order_id"]) == ("filled", last["id"])
    assert claim["repricing"]["step"] == 1 + len(between)
    assert (execution["filled_qty"], execution["broker_order_id"]) == (execution["contracts"], last["id"])
    assert execution["premium_paid"] == float(last["filled_avg_price"])


def test_an_entry_that_does_not_fill_within_its_life_is_cancelled(world: World) -> None:
    entry = Entry(steps=1, step_seconds=1, life_seconds=2, max_premium_above_middle=Decimal("0.001"))
    world.limits = options_limits(entry=entry)
    number = recommend(world)

    with serving(world) as log:
        log.until("order_updated", state="canceled")

    assert world.claims()[number]["filled_qty"] == 0
    assert [order["status"] for order in world.orders()][-1] == "canceled"


def test_a_spread_that_rests_counts_with_its_legs_and_its_cost(world: World) -> None:
    """A second process knows nothing of the order but what the exchange tells: and still it does not buy beyond."""
    world.limits = options_limits(bought_as=Structure.VERTICAL)
    first = recommend(world)
    with serving(world) as log:
        log.until("order_accepted")
    claim, (order,) = world.claims()[first], world.orders()
    legs = tuple(leg["symbol"] for leg in claim["payload"]["legs"])
    assert order["status"] == "new"

    with connected(world.exchange.url, key=ACCOUNT.key, secret=ACCOUNT.secret) as broker:
        (resting,) = broker.resting()
    debit = Decimal(order["limit_price"]) * Decimal(order["qty"]) * 100
    assert (resting.symbols, resting.cost) == (legs, debit)

    shares = Decimal(2_000)
    world.limits = replace(world.limits, max_exposure=resting.cost + shares - 1, max_notional_per_order=shares)
    world.limits = replace(world.limits, allowed_actions=(*ALL_OPTIONS, Action.BUY_STOCK))
    plan = {"entry": 500.0, "stop_loss": 495.0, "take_profit": 510.0, "quantity": 4}
    stock = world.recommend(ticker="MSFT", reason={"plan": plan})
    again = recommend(world, "BUY_PUT", None)
    with serving(world) as log:
        too_much = log.until("recommendation_refused", recommendation_id=stock).event
        double = log.until("recommendation_refused", recommendation_id=again).event

    assert isinstance(too_much, events.RecommendationRefused)
    assert isinstance(double, events.RecommendationRefused)
    assert (too_much.reason, too_much.observed) == ("exposure", f"${resting.cost + shares:,.2f}")
    assert double.reason == "duplicate_position"
