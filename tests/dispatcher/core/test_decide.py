"""From a recommendation to an intent or a refusal: the gates first, then the plan, then the size and its gates."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.limits import Action
from dispatcher.core.decide import Decision, decide
from dispatcher.core.gates import ENTRY_GATES
from dispatcher.core.held import InFlight
from dispatcher.core.order import Intent, Order, Side, price
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Plan
from dispatcher.core.standing import Market, Quote
from tests.dispatcher.cases import MONDAY, account, case, limits, market, recommendation, standing

AAPL_QUOTE = Quote(Decimal("199.98"), Decimal("200.02"))
SIZED_REASONS = [Reason.NOTIONAL_TOO_LARGE, Reason.EXPOSURE, Reason.BUYING_POWER]


def planned(quantity: int | None, entry: str = "200", stop: str = "195", target: str = "210") -> dict[str, Any]:
    plan = Plan(Decimal(entry), Decimal(stop), Decimal(target), quantity)
    return {"recommendation": recommendation(plan=plan)}


def unplanned(action: Action = Action.BUY_STOCK, volatility: str = "1") -> dict[str, Any]:
    return {"recommendation": recommendation(action=action, plan=None, volatility=Decimal(volatility))}


def wanted(decision: Decision) -> Intent:
    assert isinstance(decision.result, Intent), decision.result
    return decision.result


def refused(decision: Decision) -> Refusal:
    assert isinstance(decision.result, Refusal), decision.result
    return decision.result


def test_a_plan_with_a_quantity_is_taken_as_it_is() -> None:
    asked = case()

    decision = decide(asked)

    assert decision.result == Intent(
        asked.recommendation, Side.BUY, 10, Decimal(200), Decimal(195), Decimal(210), AAPL_QUOTE
    )


def test_a_decision_keeps_the_answer_of_every_gate_that_was_asked() -> None:
    decision = decide(case())

    assert [check.passed for check in decision.checks] == [True] * (len(ENTRY_GATES) + len(SIZED_REASONS))
    assert [check.reason for check in decision.checks[len(ENTRY_GATES) :]] == SIZED_REASONS


def test_a_refusal_at_the_gates_still_tells_every_gates_answer() -> None:
    decision = decide(case(limits=limits(allowed_actions=())))

    assert refused(decision).reason is Reason.ACTION_NOT_ALLOWED
    assert len(decision.checks) == len(ENTRY_GATES)


def test_without_a_quote_nothing_is_decided() -> None:
    assert refused(decide(case(market=Market(None, market().asset)))).reason is Reason.NO_QUOTE


@pytest.mark.parametrize(
    ("action", "side", "prices"),
    [
        (Action.BUY_STOCK, Side.BUY, ("200.02", "194.0194", "212.0212")),
        (Action.SELL_STOCK, Side.SELL, ("199.98", "205.9794", "187.9812")),
    ],
)
def test_without_a_plan_the_declared_policy_makes_one_from_the_quote(
    action: Action, side: Side, prices: tuple[str, ...]
) -> None:
    intent = wanted(decide(case(**unplanned(action))))

    assert (intent.side, intent.entry, intent.stop_loss, intent.take_profit) == (side, *map(Decimal, prices))


def test_without_a_plan_and_without_a_volatility_there_is_none() -> None:
    bare = recommendation(plan=None, volatility=None)

    assert refused(decide(case(recommendation=bare))) == Refusal(Reason.NO_PLAN, Reason.NO_PLAN.meaning)


@pytest.mark.parametrize(
    ("stop", "changes", "quantity"),
    [
        ("180", {}, 50),  # $1,000 at risk ÷ $20 a share
        ("195", {}, 100),  # 200 by risk, 100 by 20 % of equity
        ("195", {"limits": limits(max_notional_per_order=Decimal(5_100))}, 25),
        ("199.99", {"limits": limits(max_notional_per_order=Decimal(5_100))}, 25),
        ("200", {}, 100),  # no risk to divide by: the caps alone, and the bracket is refused later
    ],
)
def test_a_quantity_of_ours_is_by_risk_and_capped_by_equity_and_notional(
    stop: str, changes: dict[str, Any], quantity: int
) -> None:
    assert wanted(decide(case(**planned(None, stop=stop), **changes))).quantity == quantity


def test_less_than_one_whole_share_is_refused() -> None:
    poor = standing(account=account(equity=Decimal(900), last_equity=Decimal(900)))

    assert refused(decide(case(**planned(None), standing=poor))) == Refusal(
        Reason.QUANTITY_ZERO, Reason.QUANTITY_ZERO.meaning, "0 shares", "1 share"
    )


def test_a_notional_exactly_at_the_limit_is_allowed() -> None:
    assert wanted(decide(case(**planned(125)))).quantity == 125


def test_a_notional_a_share_above_the_limit_is_refused_with_both_amounts() -> None:
    assert refused(decide(case(**planned(126)))) == Refusal(
        Reason.NOTIONAL_TOO_LARGE, Reason.NOTIONAL_TOO_LARGE.meaning, "$25,200.00", "$25,000.00"
    )


def test_float_noise_does_not_lift_a_notional_over_its_limit() -> None:
    noisy = planned(125, entry="200.00000000000003")

    assert wanted(decide(case(**noisy))).quantity == 125


def test_buying_power_in_flight_is_not_spent_twice() -> None:
    busy = standing(account=account(buying_power=Decimal(21_999)), in_flight=(InFlight(("MSFT",), Decimal(20_000)),))

    assert refused(decide(case(**planned(10), standing=busy))) == Refusal(
        Reason.BUYING_POWER, Reason.BUYING_POWER.meaning, "$2,000.00", "$1,999.00"
    )


def test_a_short_sale_costs_three_per_cent_above_the_ask() -> None:
    plan = Plan(Decimal(200), Decimal(205), Decimal(190), quantity=10)
    short = recommendation(action=Action.SELL_STOCK, plan=plan)

    assert decide(case(recommendation=short)).cost == Decimal("2060.2060")


def test_a_buy_costs_its_limit() -> None:
    assert decide(case()).cost == Decimal(2_000)


@pytest.mark.parametrize("stop", ["195", "1E-400", "1E-16000", "999999999"])
@pytest.mark.parametrize("entry", ["1E-400", "1E-16000", "0.0000001", "999999999"])
def test_an_extreme_price_is_refused_in_few_words(entry: str, stop: str) -> None:
    decision = decide(case(**planned(None, entry=entry, stop=stop)))

    priced = price(decision.result, "large", MONDAY) if isinstance(decision.result, Intent) else decision.result
    assert isinstance(priced, Refusal)
    assert len(f"{priced.observed} {priced.threshold}") < 200


spans = st.decimals(min_value="0.00001", max_value="1000", places=6)


@given(
    entry=st.decimals(min_value="0.0001", max_value="5000", places=6),
    risk=spans,
    target=spans,
    quantity=st.none() | st.integers(min_value=1, max_value=100_000),
    action=st.sampled_from([Action.BUY_STOCK, Action.SELL_STOCK]),
)
def test_an_order_never_goes_beyond_the_notional_limit_or_the_buying_power(
    entry: Decimal, risk: Decimal, target: Decimal, quantity: int | None, action: Action
) -> None:
    sign = 1 if action is Action.BUY_STOCK else -1
    asked = recommendation(action=action, plan=Plan(entry, entry - sign * risk, entry + sign * target, quantity))
    tight = limits(max_notional_per_order=Decimal(3_000))
    broker = standing(account=account(buying_power=Decimal(2_900)))

    decision = decide(case(recommendation=asked, limits=tight, standing=broker))
    order = price(decision.result, "large", MONDAY) if isinstance(decision.result, Intent) else decision.result

    if isinstance(order, Order):
        assert order.quantity >= 1
        assert order.quantity * order.limit.amount <= 3_000
        assert decision.cost <= 2_900
        assert order.side is Side.SELL or order.quantity * order.limit.amount <= decision.cost
