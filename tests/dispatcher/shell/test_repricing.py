"""An entry's limit moves towards its bound in steps, each an order of its own, and what stands is followed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import events
from contract.limits import Action
from contract.options import Entry, Undefined, Volatility
from dispatcher.core.options.order import Leg, OptionOrder, PositionIntent, SingleOrder, SpreadOrder
from dispatcher.core.options.premium import CENTS, PENNY_PROGRAM, STANDARD, Increment, Net, Premium, no_more_than
from dispatcher.core.options.repricing import Repricing, next_order, restore
from dispatcher.core.outcome import Unknown
from dispatcher.core.state import State
from dispatcher.shell.dispatch import dispatch
from dispatcher.shell.reconcile import watch
from tests.dispatcher.cases import NOW, account, seconds
from tests.dispatcher.desks import Shop
from tests.dispatcher.options.chains import ALL_OPTIONS, listed, policy

POLICY = Entry(steps=3, step_seconds=10)


def entry(limit: str = "4.95", moves: Increment = CENTS) -> SingleOrder:
    return SingleOrder("d1-7-entry-0a1b", "AAPL261223C00200000", 2, Premium(Decimal(limit), moves))


def spread(limit: str) -> SpreadOrder:
    legs = (
        Leg("AAPL261223C00200000", PositionIntent.BUY_TO_OPEN),
        Leg("AAPL261223C00205000", PositionIntent.SELL_TO_OPEN),
    )
    return SpreadOrder("d1-7-entry-0a1b", 2, Net(Decimal(limit)), legs)


def bound(amount: str, moves: Increment = CENTS, step: int = 0) -> Repricing:
    return Repricing(Premium(Decimal(amount), moves), step)


def way(order: OptionOrder, repricing: Repricing, policy: Entry = POLICY) -> list[OptionOrder]:
    """Every order on the way to the bound, each when it is due."""
    steps = []
    while (moved := next_order(order, repricing, policy, priced_at=NOW, now=NOW + seconds(10))) is not None:
        order, repricing = moved, replace(repricing, step=repricing.step + 1)
        steps.append(moved)
    return steps


def test_the_steps_are_even_and_end_at_the_bound() -> None:
    seen = [(moved.client_order_id, str(moved.limit)) for moved in way(entry(), bound("5.10"))]

    assert seen == [("d1-7-entry-0a1b-s1", "5.00"), ("d1-7-entry-0a1b-s2", "5.05"), ("d1-7-entry-0a1b-s3", "5.10")]


@pytest.mark.parametrize(
    ("first", "last", "limits"),
    [
        ("2.00", "2.09", ["2.03", "2.06", "2.09"]),
        ("-2.00", "-1.91", ["-1.97", "-1.94", "-1.91"]),
        ("-2.00", "-1.99", ["-1.99"]),
    ],
    ids=["more is paid", "less is received", "a cent is a step"],
)
def test_a_spread_moves_in_cents_with_the_same_legs(first: str, last: str, limits: list[str]) -> None:
    order = spread(first)

    steps = way(order, Repricing(Net(Decimal(last))))

    assert [str(moved.limit) for moved in steps] == limits
    assert all(isinstance(moved, SpreadOrder) and moved.legs == order.legs for moved in steps)


def test_a_step_is_at_least_a_tick_so_a_narrow_way_takes_fewer() -> None:
    moved = next_order(entry("4.95"), bound("5.00", PENNY_PROGRAM), POLICY, priced_at=NOW, now=NOW + seconds(10))

    assert moved is not None
    assert str(moved.limit) == "5.00"


def test_nothing_moves_before_its_time_nor_at_the_bound() -> None:
    asked = {"priced_at": NOW, "now": NOW + seconds(9.9)}

    assert next_order(entry(), bound("5.10"), POLICY, **asked) is None
    assert next_order(entry("5.10"), bound("5.10"), POLICY, priced_at=NOW, now=NOW + seconds(60)) is None


@given(
    st.decimals("0.05", "20", places=2),
    st.decimals("0", "3", places=2),
    st.sampled_from([CENTS, PENNY_PROGRAM, STANDARD]),
    st.integers(1, 10),
)
def test_no_step_is_beyond_the_bound_or_off_the_tick(
    first: Decimal, reach: Decimal, moves: Increment, steps: int
) -> None:
    start, end = no_more_than(first, moves), no_more_than(first + reach, moves)
    if start is None or end is None:
        return
    before = start.amount
    order = SingleOrder("d1-1-entry-0", "AAPL261223C00200000", 1, start)
    for moved in way(order, Repricing(end), replace(POLICY, steps=steps)):
        assert before < moved.limit.amount <= end.amount
        assert moved.limit.amount % moves.step(moved.limit.amount) == 0
        before = moved.limit.amount


@pytest.mark.parametrize("end", [Premium(Decimal("5.10"), PENNY_PROGRAM), Net(Decimal("-1.91"))])
def test_how_far_a_limit_may_move_is_remembered_whole(end: Premium | Net) -> None:
    whole = Repricing(end, 2, Decimal(1), Decimal("4.95"))

    assert restore(whole.document()) == whole


# ------------------------------------------------------------------------------------------------------- at the desk


def resting(at_work: Shop) -> SingleOrder:
    """A call's entry that rests at the broker, under a policy that takes volatility as it comes."""
    options = policy(entry=POLICY, volatility=Volatility(undefined=Undefined.REDUCE, reduced_fraction=Decimal(1)))
    at_work.broker.truth = account(options_level=2, options_buying_power=Decimal(100_000))
    at_work.open_desk(allowed_actions=ALL_OPTIONS, options=options)
    at_work.chains.listed = [listed(bid="4.80", ask="5.20")]
    at_work.recommend(instrument_type="CALL", reason={})
    dispatch(at_work.desk)
    (sent,) = at_work.broker.sent
    assert isinstance(sent, SingleOrder)
    at_work.said.clear()
    return sent


def look(at_work: Shop, after: float) -> None:
    at_work.clock.pass_by(after)
    watch(at_work.desk, set())


def test_an_answer_that_is_lost_is_asked_again_under_the_same_id(at_work: Shop) -> None:
    resting(at_work)
    at_work.chains.answers = [Unknown("timeout")]

    look(at_work, 10)
    look(at_work, 10)

    first, again = at_work.chains.asked
    assert first.client_order_id == again.client_order_id
    assert [order.client_order_id for order in at_work.ledger.replacements] == [first.client_order_id] * 2
    assert [event.answer for event in at_work.said if isinstance(event, events.OrderRepriced)] == [
        "unknown",
        "accepted",
    ]


def test_a_replacement_that_stands_though_its_answer_was_lost_is_followed(at_work: Shop) -> None:
    sent = resting(at_work)
    at_work.chains.answers = [Unknown("timeout")]
    look(at_work, 10)
    (asked,) = at_work.chains.asked
    at_work.chains.take_place(f"broker-{sent.client_order_id}", asked)

    look(at_work, 1)

    known = at_work.ledger.books[1].open
    assert known is not None
    assert (known.order, known.repricing and known.repricing.step) == (asked, 1)
    assert len(at_work.chains.asked) == 1


def test_what_was_filled_before_a_replacement_counts_with_what_is_filled_after(at_work: Shop) -> None:
    sent = resting(at_work)
    at_work.broker.change(sent, filled_quantity=Decimal(1), filled_average_price=Decimal("5.00"))
    at_work.chains.take_place(f"broker-{sent.client_order_id}", replace(sent, client_order_id="d1-1-entry-x-s1"))
    at_work.broker.orders["d1-1-entry-x-s1"] = replace(
        at_work.broker.orders["d1-1-entry-x-s1"],
        status="filled",
        filled_quantity=Decimal(1),
        filled_average_price=Decimal("5.10"),
    )

    look(at_work, 1)

    execution = at_work.ledger.books[1].execution
    assert execution is not None
    assert (execution.state, execution.filled_quantity, execution.filled_average_price) == (
        State.FILLED,
        Decimal(2),
        Decimal("5.05"),
    )


def test_what_has_begun_to_fill_is_left_to_fill(at_work: Shop) -> None:
    sent = resting(at_work)
    at_work.broker.change(sent, status="partially_filled", filled_quantity=Decimal(1))

    look(at_work, 10)
    look(at_work, 10)

    assert at_work.chains.asked == []


def test_an_entry_of_an_option_has_a_life_of_its_own(at_work: Shop) -> None:
    sent = resting(at_work)

    look(at_work, 61)

    assert at_work.broker.cancelled == [f"broker-{sent.client_order_id}"]


@pytest.mark.parametrize("action", [Action.BUY_CALL, Action.SELL_PUT])
def test_no_chain_is_read_for_what_will_not_be_traded(at_work: Shop, action: Action) -> None:
    at_work.open_desk(allowed_actions=(Action.BUY_STOCK,))
    at_work.recommend(action=action, instrument_type=None, reason={})

    dispatch(at_work.desk)

    assert at_work.chains.windows == []
