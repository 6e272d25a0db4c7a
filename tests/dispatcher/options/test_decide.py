"""From a recommendation for an option to an order that the broker must take, or to a refusal that says why."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.limits import Action
from contract.options import Choice, Contracts, Entry, Structure, Undefined, Volatility
from dispatcher.core.options.chain import Listed
from dispatcher.core.options.decide import OptionDecision, decide
from dispatcher.core.options.order import OptionOrder, PositionIntent, SingleOrder, SpreadOrder, is_option, restore
from dispatcher.core.options.premium import increment
from dispatcher.core.options.volatility import NoVolatility
from dispatcher.core.order import ENTRY, Side, client_order_id
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Plan
from tests.dispatcher.cases import MONDAY, recommendation
from tests.dispatcher.options.chains import (
    ALL_OPTIONS,
    broker_says,
    listed,
    option_case,
    options_market,
    past,
    policy,
)

CALLS = [
    listed("195", "7.90", "8.10", delta="0.60"),
    listed("200", "4.90", "5.00", delta="0.45"),
    listed("205", "2.90", "3.00", delta="0.30"),
    listed("210", "1.50", "1.55", delta="0.18"),
]
PUTS = [
    listed("205", "7.90", "8.10", call=False, delta="-0.60"),
    listed("200", "4.90", "5.00", call=False, delta="-0.45"),
    listed("195", "2.90", "3.00", call=False, delta="-0.30"),
    listed("190", "1.50", "1.55", call=False, delta="-0.18"),
]
CHAIN = [*CALLS, *PUTS]


def ordered(decision: OptionDecision) -> OptionOrder:
    assert not isinstance(decision.result, Refusal), decision.result
    return decision.result


def refused(decision: OptionDecision) -> Refusal:
    assert isinstance(decision.result, Refusal)
    return decision.result


def test_a_call_is_bought_at_the_middle_for_the_day_with_its_intent() -> None:
    decision = decide(option_case(), options_market(CHAIN), "large")

    assert ordered(decision).payload() == {
        "client_order_id": client_order_id(recommendation(), "large", ENTRY),
        "symbol": "AAPL261223C00200000",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "order_class": "simple",
        "qty": "2",  # 1 % of $100,000 at risk, $500 a contract at the bound of 5.00
        "limit_price": "4.95",
        "position_intent": "buy_to_open",
    }
    assert (decision.cost, str(decision.bound)) == (Decimal("1000.00"), "5.00")


@pytest.mark.parametrize(
    ("action", "structure", "legs", "limit", "cost"),
    [
        (Action.BUY_PUT, Structure.SINGLE, {"AAPL261223P00200000": "buy_to_open"}, "4.95", "1000.00"),
        (
            Action.BUY_CALL,
            Structure.VERTICAL,
            {"AAPL261223C00200000": "buy_to_open", "AAPL261223C00205000": "sell_to_open"},
            "2.00",
            "840.00",
        ),
        (
            Action.BUY_PUT,
            Structure.VERTICAL,
            {"AAPL261223P00200000": "buy_to_open", "AAPL261223P00195000": "sell_to_open"},
            "2.00",
            "840.00",
        ),
        (
            Action.SELL_PUT,
            Structure.SINGLE,
            {"AAPL261223P00195000": "buy_to_open", "AAPL261223P00200000": "sell_to_open"},
            "-2.00",
            "1500.00",
        ),
        (
            Action.SELL_CALL,
            Structure.SINGLE,
            {"AAPL261223C00205000": "buy_to_open", "AAPL261223C00200000": "sell_to_open"},
            "-2.00",
            "1500.00",
        ),
    ],
)
def test_each_action_opens_its_own_structure_and_nothing_is_sold_naked(
    action: Action, structure: Structure, legs: dict[str, str], limit: str, cost: str
) -> None:
    asked = option_case(action, policy(bought_as=structure, volatility=Volatility(min_rank_to_sell=Decimal(0))))

    decision = decide(asked, options_market(CHAIN), "large")

    payload: Any = ordered(decision).payload()
    sent = payload.get("legs", [payload])
    assert {leg["symbol"]: leg["position_intent"] for leg in sent} == legs
    assert (payload["limit_price"], decision.cost) == (limit, Decimal(cost))


def test_a_credit_spread_counts_its_width_as_cost_and_its_width_less_the_credit_as_loss() -> None:
    asked = option_case(Action.SELL_PUT)

    decision = decide(asked, options_market(CHAIN, past=past(low=Decimal("0.1"), high=Decimal("0.35"))), "large")

    order, trade = ordered(decision), decision.rationale.trade
    assert isinstance(order, SpreadOrder)
    assert trade is not None
    assert (order.quantity, trade.loss, trade.cost, order.side) == (3, Decimal(310), Decimal(500), Side.SELL)


@pytest.mark.parametrize(
    ("action", "stop", "target", "reason"),
    [
        (Action.BUY_CALL, 195, 210, None),
        (Action.BUY_PUT, 205, 190, None),
        (Action.SELL_PUT, 195, 210, None),
        (Action.SELL_CALL, 205, 190, None),
        (Action.BUY_PUT, 195, 210, Reason.LEVELS_CROSSED),
        (Action.BUY_CALL, 205, 190, Reason.LEVELS_CROSSED),
        (Action.SELL_PUT, 205, 190, Reason.LEVELS_CROSSED),
        (Action.BUY_CALL, "200.5", 210, Reason.STOP_BEYOND_MARKET),
        (Action.BUY_PUT, "200.5", 190, None),
    ],
)
def test_levels_of_the_underlying_lie_the_way_the_option_gains(
    action: Action, stop: Any, target: Any, reason: Reason | None
) -> None:
    entry = Decimal(201) if reason is Reason.STOP_BEYOND_MARKET else Decimal(200)
    plan = Plan(entry, Decimal(stop), Decimal(target), quantity=1)
    asked = option_case(action, policy(volatility=Volatility(min_rank_to_sell=Decimal(0))))
    asked = replace(asked, recommendation=replace(asked.recommendation, plan=plan))

    decision = decide(asked, options_market(CHAIN), "large")

    assert (decision.result.reason if isinstance(decision.result, Refusal) else None) is reason


def test_the_premium_has_nothing_of_the_prices_in_the_plan() -> None:
    """The plan says 200 and 210: prices of the stock. The order's limit is of the contract's quote alone."""
    asked = option_case()
    planned = replace(
        asked,
        recommendation=replace(asked.recommendation, plan=Plan(Decimal(200), Decimal(195), Decimal(210), None)),
    )

    with_plan, without = (decide(each, options_market(CHAIN), "large") for each in (planned, asked))

    assert ordered(with_plan).payload() == ordered(without).payload()


def test_nothing_suitable_is_refused_with_the_count_for_each_reason() -> None:
    chain = [listed("200", volume=0), listed("205", volume=0, delta="0.1"), listed("210", delta="0.1")]

    refusal = refused(decide(option_case(), options_market(chain), "large"))

    assert refusal.reason is Reason.NO_CONTRACT
    assert "volume_too_low 2, delta_out_of_range 2" in refusal.detail
    assert refusal.observed == "3 contracts"


def test_every_candidate_is_kept_with_its_score_or_its_exclusions() -> None:
    decision = decide(option_case(), options_market([*CALLS, listed("220", volume=0)]), "large")

    told: Any = decision.rationale.document()
    assert {each["symbol"][-8:]: (each["score"], each["exclusions"]) for each in told["candidates"]} == {
        "00195000": ("67.5", []),  # spread 30.0, delta 7.5, days 15, liquidity 15
        "00200000": ("91.9", []),
        "00205000": ("63.9", []),  # spread 26.4, delta 7.5, days 15, liquidity 15
        "00210000": (None, ["delta_out_of_range"]),
        "00220000": (None, ["volume_too_low"]),
    }
    assert told["rank"]["rank"] == "25.00"
    assert told["size"]["bound_by"] == "fixed fraction"


def test_a_spread_without_a_partner_is_no_spread() -> None:
    asked = option_case(options=policy(bought_as=Structure.VERTICAL))

    decision = decide(asked, options_market([listed()]), "large")

    assert "no_partner 1" in refused(decision).detail


@pytest.mark.parametrize(
    ("action", "low", "high", "reason"),
    [
        (Action.BUY_CALL, "0.10", "0.32", Reason.IV_RANK_TOO_HIGH),
        (Action.BUY_CALL, "0.10", "0.60", None),
        (Action.SELL_PUT, "0.29", "0.60", Reason.IV_RANK_TOO_LOW),
        (Action.SELL_PUT, "0.10", "0.35", None),
    ],
)
def test_dear_premium_is_not_bought_and_cheap_premium_not_sold(
    action: Action, low: str, high: str, reason: Reason | None
) -> None:
    history = past(low=Decimal(low), high=Decimal(high))

    decision = decide(option_case(action), options_market(CHAIN, past=history), "large")

    assert (decision.result.reason if isinstance(decision.result, Refusal) else None) is reason


def test_an_undefined_rank_refuses_or_halves_as_declared() -> None:
    unknown = options_market(CHAIN, iv=NoVolatility("no chain"))
    reduce = option_case(options=policy(volatility=Volatility(undefined=Undefined.REDUCE)))

    assert refused(decide(option_case(), unknown, "large")).reason is Reason.IV_UNDEFINED
    assert ordered(decide(reduce, unknown, "large")).quantity == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"options_level": 1}, Reason.OPTION_LEVEL),
        ({"options_level": None}, Reason.OPTION_LEVEL),
        ({"options_buying_power": Decimal(900)}, Reason.BUYING_POWER),
        ({"options_buying_power": None}, Reason.BUYING_POWER),
        ({"equity": Decimal(40_000)}, Reason.CONTRACTS_ZERO),
    ],
)
def test_what_the_broker_says_of_the_account_refuses(said: dict[str, Any], reason: Reason) -> None:
    assert refused(decide(broker_says(option_case(), **said), options_market(CHAIN), "large")).reason is reason


def test_a_spread_needs_level_three() -> None:
    asked = broker_says(option_case(options=policy(bought_as=Structure.VERTICAL)), options_level=2)

    assert refused(decide(asked, options_market(CHAIN), "large")).reason is Reason.OPTION_LEVEL


def test_enough_trades_without_an_edge_are_a_refusal() -> None:
    lost = tuple([Decimal("0.3")] * 8 + [Decimal("-0.34")] * 30)

    refusal = refused(decide(option_case(), options_market(CHAIN, gains=lost), "large"))

    assert (refusal.reason, refusal.observed) == (
        Reason.NO_EDGE,
        "8 of 38 won, 0.300000 won and 0.340000 lost on average",
    )


@pytest.mark.parametrize(("quantity", "reason"), [(11, Reason.TOO_MANY_CONTRACTS), (5, Reason.LOSS_TOO_LARGE)])
def test_a_stated_quantity_is_refused_rather_than_shrunk(quantity: int, reason: Reason) -> None:
    asked = option_case()
    plan = Plan(Decimal(200), Decimal(195), Decimal(210), quantity)
    asked = replace(asked, recommendation=replace(asked.recommendation, plan=plan))

    assert refused(decide(asked, options_market(CHAIN), "large")).reason is reason


# ------------------------------------------------------------------------------------------- whatever chain and policy

CENTS = st.integers(1, 3_000).map(lambda cents: Decimal(cents) / 100)


@st.composite
def contracts(draw: st.DrawFn) -> Listed:
    bid = draw(CENTS)
    call = draw(st.booleans())
    return listed(
        str(draw(st.sampled_from([180, 190, 195, 200, 205, 210, 220]))),
        str(bid),
        str(bid + draw(CENTS) / 10),
        call=call,
        expires=MONDAY + timedelta(days=draw(st.sampled_from([1, 10, 30, 50]))),
        delta=str(draw(st.integers(1, 99)) / 100 * (1 if call else -1)),
        penny=draw(st.sampled_from([True, False, None])),
        volume=draw(st.sampled_from([None, 0, 50])),
    )


@given(
    st.lists(contracts(), max_size=12, unique_by=lambda each: each.symbol),
    st.sampled_from(ALL_OPTIONS),
    st.sampled_from(Structure),
    st.lists(st.decimals(-1, 3, places=2), max_size=50),
)
def test_whatever_the_chain_the_result_is_a_sound_order_or_a_refusal(
    chain: list[Listed], action: Action, structure: Structure, gains: list[Decimal]
) -> None:
    loose = policy(
        bought_as=structure,
        choice=Choice(max_spread_fraction=Decimal(1), min_volume=0, min_delta=Decimal("0.05"), max_delta=Decimal(1)),
        contracts=Contracts(max_fraction=Decimal("0.05"), fixed_fraction=Decimal("0.05")),
        volatility=Volatility(min_rank_to_sell=Decimal(0), max_rank_to_buy=Decimal(100)),
        entry=Entry(max_premium_above_middle=Decimal("0.2")),
    )

    decision = decide(option_case(action, loose), options_market(chain, gains=tuple(gains)), "large")

    if isinstance(decision.result, Refusal):
        return
    order, trade = decision.result, decision.rationale.trade
    assert trade is not None
    by_symbol = {each.symbol: each for each in chain}
    assert 1 <= order.quantity <= 10
    assert 0 < trade.loss * order.quantity <= 1_000
    assert trade.loss <= trade.cost
    assert is_option(order.payload())
    assert restore(order.payload()).payload() == order.payload()
    assert decision.bound is not None
    assert order.limit.amount <= decision.bound.amount
    if isinstance(order, SingleOrder):
        bought = by_symbol[order.symbol]
        assert bought.quote is not None
        step = increment("AAPL", penny=bought.penny).step(order.limit.amount)
        assert order.limit.amount % step == 0
        assert decision.bound.amount <= bought.quote.ask
    else:
        long, short = (by_symbol[leg.symbol] for leg in order.legs)
        assert (order.legs[0].intent, order.legs[1].intent) == (PositionIntent.BUY_TO_OPEN, PositionIntent.SELL_TO_OPEN)
        assert long.contract.expires == short.contract.expires
        assert long.contract.call is short.contract.call
        assert long.quote is not None
        assert short.quote is not None
        assert decision.bound.amount <= long.quote.ask - short.quote.bid
        assert (order.limit.amount > 0) is (decision.bound.amount > 0) is (action in {Action.BUY_CALL, Action.BUY_PUT})
