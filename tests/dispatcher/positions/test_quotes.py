"""How late a price decides over a position in options: by its declared interval at most, whatever the stream says."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from contract.events import ExitDecided, ExitUndecided
from tests.dispatcher.positions.crew import Crew

pytestmark = pytest.mark.world

CALL = "AAPL261218C00200000"
STEP_SECONDS = 0.25
PHASES = 12
"""At how many moments between two turns the price falls: they are more than a turn's longest wait."""


def held(crew: Crew, quantity: int = 1) -> None:
    """A call that is in the books, in a turn that just ended."""
    stand = crew.stand
    stand.price(CALL, "1.95", "2.05")
    stand.buy(CALL, quantity)
    until(crew, lambda: CALL in stand.held() and living(crew))


def living(crew: Crew) -> bool:
    """Whether the books have a position."""
    return bool(crew.stand.rows("SELECT 1 FROM positions WHERE stage <> 'closed'"))


def until(crew: Crew, happened: Callable[[], bool]) -> float:
    """Steps until it is so; the seconds of the exchange that went by."""
    began = crew.stand.at
    for _ in range(100):
        crew.manage()
        if happened():
            return (crew.stand.at - began).total_seconds()
        crew.stand.advance(STEP_SECONDS)
    raise AssertionError([each.name for each in crew.stand.said][-20:])


def lateness(crew: Crew, phase: int) -> float:
    """Seconds from a quote below the stop to the decision that follows from it; the position is gone then."""
    held(crew)
    for _ in range(phase):
        crew.stand.advance(STEP_SECONDS)
        crew.manage()
    before = len(crew.stand.events(ExitDecided))
    crew.stand.price(CALL, "1.00", "1.04")
    late = until(crew, lambda: len(crew.stand.events(ExitDecided)) > before)
    until(
        crew, lambda: crew.stand.held() == {} and not crew.stand.rows("SELECT 1 FROM positions WHERE stage <> 'closed'")
    )
    return late


def test_an_exit_by_price_is_decided_within_quote_seconds_of_the_quote(crew: Crew) -> None:
    measured = [lateness(crew, phase) for phase in range(PHASES)]

    print(f"quote to decision, s of the exchange: worst {max(measured)}, all {measured}")  # noqa: T201  with -s
    assert max(measured) <= crew.stand.exits.options.quote_seconds
    assert [each.reason for each in crew.stand.events(ExitDecided)] == ["stop"] * PHASES


def test_a_quote_that_has_become_too_wide_between_two_turns_decides_nothing_and_that_is_said_once(crew: Crew) -> None:
    held(crew)
    crew.stand.price(CALL, "0.50", "1.50")
    until(crew, lambda: bool(crew.stand.events(ExitUndecided)))
    for _ in range(8):
        crew.stand.advance(1)
        crew.manage()

    (said,) = crew.stand.events(ExitUndecided)
    assert "the spread is 100.0 % of the price" in said.why
    assert crew.stand.held() == {CALL: Decimal(1)}


def test_a_minute_with_a_contract_costs_a_request_a_second_for_its_quote(crew: Crew) -> None:
    held(crew)
    before = crew.stand.requests()
    for _ in range(60):
        crew.stand.advance(1)
        crew.manage()
    asked = crew.stand.requests() - before

    turns = 60 / crew.stand.exits.reconcile_seconds
    assert 60 <= asked <= 60 + 5 * turns
