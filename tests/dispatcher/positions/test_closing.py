"""The way out: whatever stands in it, it ends flat, never the other way round, and a halted account still leaves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from contract.control import AnswerState, Ask, Request
from contract.events import ControlUnavailable, ExitDecided, ExitOrder, ExitStuck, PositionClosed, RequestAnswered
from dispatcher.core.positions.book import Stage
from dispatcher.ports import BrokerUnavailableError, ControlUnavailableError
from tests.dispatcher.positions.stand import FakeRequests, Stand

CLOSE = "DELETE /v2/positions/{symbol_or_asset_id}"


def ask(stand: Stand, symbol: str | None = "AAPL", *, age: float = 0) -> None:
    """What a person writes into the control table."""
    kind = Ask.FLATTEN if symbol is None else Ask.CLOSE
    at = stand.now() - timedelta(seconds=age)
    stand.asked.table.append(Request(f"{len(stand.asked.table)}", kind, "someone", at, "enough", symbol))


def answers(stand: Stand) -> list[AnswerState]:
    return [each.answer.state for each in stand.asked.table if each.answer is not None]


def entered(stand: Stand) -> None:
    """Ten shares with their legs live."""
    stand.turn()
    stand.enter()
    stand.turn()


def test_a_position_with_live_legs_is_closed_by_cancelling_them_first(stand: Stand) -> None:
    entered(stand)
    ask(stand)
    stand.turn()
    assert answers(stand) == [AnswerState.TAKEN]
    stand.turn()

    assert stand.held() == {}
    assert stand.broker.working() == ()
    assert answers(stand) == [AnswerState.DONE]
    (closed,) = stand.events(PositionClosed)
    assert (closed.reason, closed.realized) == ("requested", Decimal("-0.40"))


def test_a_cancellation_that_takes_its_time_is_waited_for(stand: Stand) -> None:
    entered(stand)
    stand.exchange.settings(cancel_seconds="3")
    ask(stand)
    stand.turn()
    assert stand.held() == {"AAPL": 10}
    stand.advance(4)
    stand.turn(2)

    assert stand.held() == {}


def test_a_cancellation_that_never_comes_is_alarmed_with_its_age_and_left_again_once_it_does(stand: Stand) -> None:
    entered(stand)
    stand.exchange.settings(cancel_seconds="-1")
    ask(stand)
    stand.turn()
    for _ in range(3):
        stand.advance(40)
        stand.turn()

    stuck = stand.events(ExitStuck)
    assert [each.seconds for each in stuck] == [80]
    assert "not confirmed" in stuck[0].why
    assert stand.books()["AAPL"].stage is Stage.EXITING


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "500", "504-html", "429", "truncated-json"])
def test_an_answer_that_is_lost_neither_closes_twice_nor_never(stand: Stand, kind: str) -> None:
    entered(stand)
    stand.exchange.fault(route=CLOSE, kind=kind, nth=1)
    ask(stand)
    for _ in range(6):
        stand.turn()
        stand.advance(2)

    assert stand.held() == {}
    assert stand.desk().ledger.orders() == ()
    assert len(stand.events(PositionClosed)) == 1


def test_a_manager_killed_on_the_way_out_is_followed_by_one_that_goes_on(stand: Stand) -> None:
    entered(stand)
    stand.exchange.fault(route="GET /v2/positions/{symbol_or_asset_id}", kind="500", nth=1)
    ask(stand)
    with pytest.raises(BrokerUnavailableError):
        stand.turn()
    assert stand.books()["AAPL"].stage is Stage.EXITING
    stand.kill()
    stand.turn(2)

    assert stand.held() == {}
    assert len(stand.events(ExitDecided)) == 1


def test_shares_sold_meanwhile_by_hand_are_not_sold_again(stand: Stand) -> None:
    entered(stand)
    for each in stand.broker.working():
        stand.http("DELETE", f"/v2/orders/{each.id}")
    stand.buy("AAPL", 10, side="sell")
    ask(stand)
    stand.turn(2)

    assert stand.held() == {}
    assert answers(stand) == [AnswerState.REFUSED]
    assert [each for each in stand.events(ExitOrder) if each.purpose == "close"] == []


def test_flatten_cancels_what_rests_and_closes_what_is_held(stand: Stand) -> None:
    entered(stand)
    stand.enter("MSFT", 3, limit="450", take_profit="520", stop_loss="440")
    ask(stand, None)
    stand.turn(3)

    assert stand.held() == {}
    assert stand.broker.working() == ()
    assert answers(stand) == [AnswerState.DONE]
    assert [each.answer for each in stand.events(RequestAnswered)] == ["taken", "done"]


def test_an_old_request_is_refused_and_not_obeyed_late(stand: Stand) -> None:
    entered(stand)
    ask(stand, age=601)
    stand.turn(2)

    assert stand.held() == {"AAPL": 10}
    assert answers(stand) == [AnswerState.REFUSED]


def test_a_request_for_what_is_not_held_is_refused(stand: Stand) -> None:
    stand.turn()
    ask(stand, "TSLA")
    stand.turn()

    assert "nothing is held of TSLA" in stand.asked.table[0].answer.detail  # type: ignore[union-attr]


def test_outside_the_session_the_stop_stays_until_the_market_opens(stand: Stand) -> None:
    entered(stand)
    stand.until("2026-11-23T17:00:00-05:00")
    ask(stand)
    stand.turn()
    assert stand.stops() == 10
    assert answers(stand) == [AnswerState.TAKEN]

    stand.until("2026-11-24T09:31:00-05:00")
    stand.turn(3)

    assert stand.held() == {}


def test_a_close_that_waits_for_the_market_is_told_once_for_the_night_and_is_not_late_in_the_morning(
    stand: Stand,
) -> None:
    entered(stand)
    stand.until("2026-11-23T17:00:00-05:00")
    ask(stand)
    for _ in range(5):
        stand.turn()
        stand.advance(60)
    (told,) = stand.events(ExitStuck)
    assert told.why == "the market is closed"

    stand.until("2026-11-24T09:31:00-05:00")
    stand.turn(3)

    assert stand.held() == {}
    assert stand.events(ExitStuck) == [told]


class Away(FakeRequests):
    """A control table that cannot be read."""

    def open(self) -> tuple[Request, ...]:
        raise ControlUnavailableError("timed out")


def test_a_control_table_that_is_away_is_said_once_and_keeps_nobody_from_looking_after_positions(stand: Stand) -> None:
    stand.asked = Away()
    entered(stand)
    stand.turn()

    assert len(stand.events(ControlUnavailable)) == 1
    assert stand.stops() == 10
