"""No state without a way out: the states as graphs, and each that is not an end alarmed with its age while it lasts."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from contract.control import Ask, Request
from contract.events import ExitStuck, ExitUnanswered, ExitUndecided, PositionUnprotected
from contract.limits import ByHand, Exits
from dispatcher.core import state
from dispatcher.core.order import Side, on_tick
from dispatcher.core.positions import book
from dispatcher.core.positions.book import Stage
from dispatcher.core.positions.orders import Oco, Purpose
from dispatcher.core.state import LIVE, State
from dispatcher.position_ports import SentOrder
from tests.dispatcher.positions.stand import Stand

Graph = Mapping[str, frozenset[str]]
STAGES: Graph = {str(stage): frozenset(map(str, after)) for stage, after in book.WAYS.items()}
STATES: Graph = {str(each): frozenset(map(str, after)) for each, after in state.WAYS.items()}
ON_THE_WAY = [(graph, each) for graph in (STAGES, STATES) for each, after in graph.items() if after]
OF_AN_ORDER = [each for each in State if state.WAYS[each] and each is not State.CLAIMED]
"""A claim is an entry's; what the position manager sends begins as intended."""
NOT_THERE = "00000000-0000-0000-0000-000000000000"


def reached(graph: Graph, start: str) -> set[str]:
    """Every state that can follow, however late."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        ahead += graph[here] - found
        found |= graph[here]
    return found


def test_every_stage_and_every_state_is_in_its_graph() -> None:
    assert set(book.WAYS) == set(Stage)
    assert set(state.WAYS) == set(State)


@pytest.mark.parametrize(("graph", "name"), ON_THE_WAY, ids=lambda each: each if isinstance(each, str) else "")
def test_from_each_that_is_no_end_there_is_a_way_to_an_end(graph: Graph, name: str) -> None:
    assert any(not graph[after] for after in reached(graph, name))


def test_closed_is_the_one_end_of_a_position_and_none_goes_back() -> None:
    assert [stage for stage, after in book.WAYS.items() if not after] == [Stage.CLOSED]
    assert [stage for stage in STAGES if stage in reached(STAGES, stage)] == []


def test_what_the_broker_once_had_and_what_has_ended_is_never_meant_again() -> None:
    assert {name for name in STATES if State.INTENDED in reached(STATES, name)} == {"claimed", "intended", "unknown"}


def lasts(stand: Stand, seconds: int = 130) -> None:
    """Turns, while nothing gets better."""
    for _ in range(seconds // 10):
        stand.turn()
        stand.advance(10)


def ages(stand: Stand, kind: type[PositionUnprotected | ExitStuck | ExitUnanswered | ExitUndecided]) -> list[Decimal]:
    """The ages that an alarm told, oldest first."""
    return [each.seconds for each in stand.events(kind)]


def test_open_without_a_stop_is_alarmed_with_its_age(stand: Stand) -> None:
    stand.exits = Exits(by_hand=ByHand.ALARM)
    stand.turn()
    stand.buy("AAPL", 10)
    lasts(stand)

    assert ages(stand, PositionUnprotected) == [0, 60, 120]


CALL, FAR = "AAPL261218C00200000", "AAPL261218C00210000"


@pytest.mark.parametrize("sold", [None, FAR], ids=["a contract", "a spread"])
def test_a_contract_that_no_price_decides_over_is_alarmed_with_its_age(stand: Stand, sold: str | None) -> None:
    stand.turn()
    stand.price(CALL, "1.95", "2.05")
    if sold is None:
        stand.buy(CALL, 1)
    else:
        stand.price(sold, "0.95", "1.05")
        stand.buy_spread(CALL, sold)
    stand.turn()
    stand.price(CALL, "0.50", "3.50")
    lasts(stand)
    assert ages(stand, ExitUndecided) == [0, 60, 120]

    stand.price(CALL, "1.95", "2.05")
    stand.turn()
    stand.price(CALL, "0.50", "3.50")
    stand.turn()
    assert ages(stand, ExitUndecided)[-1] == 0, "it is another time"


def test_exiting_that_does_not_end_is_alarmed_with_its_age(stand: Stand) -> None:
    stand.turn()
    stand.enter()
    stand.turn()
    stand.asked.table.append(Request("1", Ask.CLOSE, "someone", stand.now(), "enough", "AAPL"))
    stand.exchange.settings(cancel_seconds="3600")
    lasts(stand)

    assert ages(stand, ExitStuck) == [60, 120]


@pytest.mark.parametrize("stands", OF_AN_ORDER)
def test_an_order_of_ours_about_which_the_broker_says_nothing_is_alarmed_with_its_age(
    stand: Stand, stands: State
) -> None:
    stand.turn()
    stand.buy("AAPL", 10)
    stand.turn()
    sent = meant(stand)
    if stands is not State.INTENDED:
        sent = stand.desk().ledger.move(sent, stands, stand.now())
    stand.exchange.fault(route="GET /v2/orders:by_client_order_id", kind="500", probability=1)
    lasts(stand)
    assert ages(stand, ExitUnanswered) == [60, 120]
    assert {each.state for each in stand.events(ExitUnanswered)} == {stands}
    stand.exchange.clear_faults()
    if stands not in LIVE:
        stand.turn()
        assert sent.client_order_id not in {each.client_order_id for each in stand.desk().ledger.orders()}


def meant(stand: Stand) -> SentOrder:
    """An order to protect the position, committed and never sent."""
    target, stop = (on_tick(each) for each in ("250.00", "150.00"))
    number = stand.books()["AAPL"].id or 0
    oco = Oco("p1-large-lost", "AAPL", Side.SELL, 10, target, stop)
    sent = SentOrder(
        oco.client_order_id,
        number,
        "AAPL",
        Purpose.PROTECT,
        99,
        stand.now(),
        stand.now(),
        oco=oco,
        broker_order_id=NOT_THERE,
    )
    stand.desk().ledger.intend(sent)
    return sent
