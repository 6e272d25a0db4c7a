"""What protects shares, and what is done where nothing does: one sentence for each case."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract.limits import ByHand, Exits
from dispatcher.core.order import Side
from dispatcher.core.positions.book import Book, ExitReason, Plan
from dispatcher.core.positions.cover import Alarm, Cancel, Covered, Holding, Leave, Scene, Shelter, Wait, Working, care
from dispatcher.core.positions.lots import FILL, Movement
from dispatcher.core.positions.sight import Sight

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
PLAN = Plan(Decimal(195), Decimal(210), "entry d1-7")


def order(**changes: Any) -> Working:
    """A stop of ours for ten shares, standing by itself."""
    good: dict[str, Any] = {
        "id": "o1",
        "client_order_id": "p1-1-oco-1-x",
        "symbol": "AAPL",
        "side": Side.SELL,
        "kind": "stop",
        "order_class": "",
        "status": "new",
        "quantity": Decimal(10),
        "filled": Decimal(0),
    }
    return Working(**good | changes)


def bracket(status: str, *, filled: int = 0) -> tuple[Working, Working, Working]:
    """An entry for ten shares with its legs."""
    entry = order(
        id="e", client_order_id="d1-7-entry-x", side=Side.BUY, kind="limit", order_class="bracket", status=status,
        filled=Decimal(filled),
    )  # fmt: skip
    target = order(id="t", client_order_id="?", kind="limit", order_class="bracket", status="held", parent=entry)
    stop = order(id="s", client_order_id="?", order_class="bracket", status="held", parent=entry)
    return entry, target, stop


def scene(*orders: Working, held: int = 10, available: int | None = None, **changes: Any) -> Scene:
    book = Book("AAPL", NOON, (Movement("1", FILL, "AAPL", Decimal(held), Decimal(200), Decimal(0), NOON),), plan=PLAN)
    free = Decimal(held if available is None else available)
    good: dict[str, Any] = {
        "book": book,
        "holding": Holding("AAPL", Decimal(held), free, Decimal(200), Decimal(2000), Decimal(0)),
        "orders": orders,
        "sight": Sight(Decimal("199.98"), Decimal("200.02"), NOON),
        "now": NOON,
    }
    return Scene(**good | changes)


def cared(at: Scene, **policy: Any) -> object:
    return care(at, Exits(**policy))


@pytest.mark.parametrize("kind", ["stop", "stop_limit", "trailing_stop"])
def test_a_live_stop_for_every_share_covers(kind: str) -> None:
    assert cared(scene(order(kind=kind))) == Covered()


def test_the_legs_of_an_entry_that_is_filled_cover_although_the_stop_is_held() -> None:
    entry, target, stop = bracket("filled", filled=10)

    assert not any(each.arms_legs for each in (target, stop))
    assert cared(scene(target, stop, available=0)) == Covered()
    assert stop.parent is entry


def test_the_stop_of_one_cancels_the_other_covers_although_it_is_held() -> None:
    head = order(id="t", kind="limit", order_class="oco")

    assert cared(scene(head, order(id="s", order_class="oco", status="held", parent=head), available=0)) == Covered()


def test_the_legs_of_an_entry_that_is_partly_filled_cover_nothing_and_are_waited_for() -> None:
    assert isinstance(cared(scene(*bracket("partially_filled", filled=4), held=4)), Wait)


def test_an_entry_that_stays_partly_filled_is_cancelled_so_that_the_part_can_be_protected() -> None:
    at = scene(*bracket("partially_filled", filled=4), held=4)
    late = Scene(
        Book("AAPL", NOON, at.book.movements, plan=PLAN, unprotected_since=NOON - timedelta(seconds=5)),
        at.holding,
        at.orders,
        at.sight,
        NOON,
    )

    decided = cared(late, partial_entry_seconds=5)

    assert isinstance(decided, Cancel)
    assert decided.orders == ("e",)


def test_shares_without_a_stop_get_the_entrys_own_prices() -> None:
    assert cared(scene()) == Shelter(Decimal(10), Side.SELL, 10, PLAN)


def test_only_what_is_bare_gets_a_stop() -> None:
    assert cared(scene(order(quantity=Decimal(6)), available=4)) == Shelter(Decimal(4), Side.SELL, 4, PLAN)


def test_a_short_position_is_protected_by_a_purchase() -> None:
    plan = Plan(Decimal(205), Decimal(190), "entry d1-7")
    at = scene(held=-10)
    short = Scene(Book("AAPL", NOON, at.book.movements, plan=plan), at.holding, (), at.sight, NOON)

    assert cared(short) == Shelter(Decimal(10), Side.BUY, 10, plan)


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [("194.90", "194.95", ExitReason.PAST_STOP), ("210.50", "210.60", ExitReason.PAST_TARGET)],
)
def test_a_market_beyond_the_plan_closes_what_no_stop_can_protect_any_more(
    bid: str, ask: str, reason: ExitReason
) -> None:
    decided = cared(scene(sight=Sight(Decimal(bid), Decimal(ask), NOON)))

    assert isinstance(decided, Leave)
    assert decided.exit.reason is reason


@pytest.mark.parametrize(
    "sight",
    [
        None,
        Sight(Decimal(0), Decimal(200), NOON),
        Sight(Decimal(201), Decimal(200), NOON),
        Sight(Decimal(199), Decimal(200), NOON - timedelta(seconds=16)),
        Sight(Decimal(199), Decimal(200), NOON + timedelta(seconds=6)),
    ],
    ids=["none", "one-sided", "crossed", "stale", "from the future"],
)
def test_no_stop_is_placed_on_a_quote_that_may_not_decide_and_that_is_alarmed(sight: Sight | None) -> None:
    assert isinstance(cared(scene(sight=sight), max_quote_age_seconds=15), Alarm)


def test_a_position_by_hand_gets_a_stop_at_the_declared_distance_or_an_alarm() -> None:
    at = scene()
    by_hand = Scene(Book("AAPL", NOON, at.book.movements), at.holding, (), at.sight, NOON)

    protected = cared(by_hand, by_hand=ByHand.PROTECT, stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.10"))

    assert isinstance(protected, Shelter)
    assert (protected.plan.stop_loss, protected.plan.take_profit) == (Decimal(190), Decimal(220))
    assert isinstance(cared(by_hand, by_hand=ByHand.ALARM), Alarm)


def test_stops_for_more_shares_than_are_held_are_cancelled_before_they_turn_the_position_round() -> None:
    decided = cared(scene(order(quantity=Decimal(12)), available=0))

    assert isinstance(decided, Cancel)
    assert decided.orders == ("o1",)


def test_an_order_of_ours_that_keeps_shares_back_without_a_stop_makes_way() -> None:
    assert isinstance(cared(scene(order(kind="limit"), available=0)), Cancel)


def test_an_order_by_hand_that_keeps_shares_back_is_a_persons_decision_and_alarmed() -> None:
    assert isinstance(cared(scene(order(kind="limit", client_order_id="mine"), available=0)), Alarm)


@pytest.mark.parametrize("standing", [order(status="pending_cancel", kind="limit"), order(kind="market")])
def test_what_is_under_way_is_waited_for(standing: Working) -> None:
    assert isinstance(cared(scene(standing, available=0)), Wait)


def test_less_than_one_share_cannot_be_protected_and_is_alarmed() -> None:
    at = scene(held=1)
    half = Holding("AAPL", Decimal("0.5"), Decimal("0.5"), Decimal(200), Decimal(100), Decimal(0))

    assert isinstance(cared(Scene(at.book, half, (), at.sight, NOON)), Alarm)


def test_a_word_of_the_broker_that_nobody_knows_is_not_an_end() -> None:
    assert cared(scene(order(status="pondering"))) == Covered()
