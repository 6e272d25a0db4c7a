"""Quotes asked for ahead: used once, when they are about what is wanted and young."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from dispatcher.core.standing import Quote
from dispatcher.ports import BrokerUnavailableError
from dispatcher.shell.foresight import GOOD_FOR, Foresight
from tests.dispatcher.cases import NOW
from tests.fakes.broker import away
from tests.fakes.clock import FakeClock

QUOTE = Quote(Decimal("199.98"), Decimal("200.02"))


@dataclass
class Counter:
    """Where quotes are asked for. What is `unquoted` has none; `away` is raised by the next question."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    unquoted: set[str] = field(default_factory=set)
    away: BrokerUnavailableError | None = None

    def ask(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        self.asked.append(symbols)
        error, self.away = self.away, None
        if error is not None:
            raise error
        return {symbol: QUOTE for symbol in symbols if symbol not in self.unquoted}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def foresight(counter: Counter, clock: FakeClock) -> Foresight:
    return Foresight(counter.ask, clock.broker)


def test_what_was_asked_for_ahead_is_not_asked_for_again(foresight: Foresight, counter: Counter) -> None:
    foresight.expect({"MSFT", "AAPL"})

    assert foresight.quotes(frozenset({"AAPL"}))["AAPL"] == QUOTE
    assert counter.asked == [("AAPL", "MSFT")]


def test_what_was_not_expected_is_asked_for_beside_it(foresight: Foresight, counter: Counter) -> None:
    foresight.expect({"AAPL"})

    assert foresight.quotes(frozenset({"AAPL", "MSFT", "IBM"})) == dict.fromkeys(("AAPL", "MSFT", "IBM"), QUOTE)
    assert counter.asked == [("AAPL",), ("IBM", "MSFT")]


def test_a_symbol_that_was_told_to_have_no_quote_is_not_asked_for_twice(foresight: Foresight, counter: Counter) -> None:
    counter.unquoted = {"AAPL"}
    foresight.expect({"AAPL"})

    assert foresight.quotes(frozenset({"AAPL"})) == {}
    assert counter.asked == [("AAPL",)]


def test_without_a_symbol_nothing_is_asked(foresight: Foresight, counter: Counter) -> None:
    foresight.expect(())

    assert (foresight.quotes(frozenset()), counter.asked) == ({}, [])


def test_an_answer_about_something_else_is_of_no_interest_whatever_it_is(
    foresight: Foresight, counter: Counter
) -> None:
    counter.away = away()
    foresight.expect({"AAPL"})

    assert foresight.quotes(frozenset({"MSFT"})) == {"MSFT": QUOTE}


def test_an_answer_serves_once(foresight: Foresight, counter: Counter) -> None:
    foresight.expect({"AAPL"})
    for _ in range(2):
        foresight.quotes(frozenset({"AAPL"}))

    assert counter.asked == [("AAPL",), ("AAPL",)]


def test_what_was_expected_a_turn_before_serves_no_more(foresight: Foresight, counter: Counter) -> None:
    foresight.expect({"AAPL"})
    foresight.expect(())
    foresight.quotes(frozenset({"AAPL"}))

    assert counter.asked == [("AAPL",), ("AAPL",)]


@pytest.mark.parametrize(("seconds", "questions"), [(0.0, 1), (0.001, 2)])
def test_an_answer_that_grew_old_before_the_decision_is_asked_for_again(
    foresight: Foresight, counter: Counter, clock: FakeClock, seconds: float, questions: int
) -> None:
    foresight.expect({"AAPL"})
    clock.pass_by(GOOD_FOR.total_seconds() + seconds)
    foresight.quotes(frozenset({"AAPL"}))

    assert len(counter.asked) == questions


def test_what_kept_the_broker_from_answering_ahead_is_raised_to_whoever_wants_the_quote(
    foresight: Foresight, counter: Counter
) -> None:
    counter.away = away()
    foresight.expect({"AAPL"})

    with pytest.raises(BrokerUnavailableError):
        foresight.quotes(frozenset({"AAPL"}))
