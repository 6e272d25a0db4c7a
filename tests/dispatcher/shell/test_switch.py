"""The kill switch: of those who have a say, the one that allows least. Silence is not consent."""

import pytest

from contract.control import TradingOrder
from contract.limits import TradingState
from dispatcher.shell.switch import UNREADABLE_SECONDS, Switch
from tests.dispatcher.cases import NOW
from tests.fakes.clock import FakeClock
from tests.fakes.control import FakeControl

ACTIVE, REDUCE_ONLY, HALTED = TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def person(state: TradingState) -> TradingOrder:
    return TradingOrder(state, "a person", NOW, "because")


def switch(control: FakeControl | None, clock: FakeClock, declared: TradingState = ACTIVE) -> Switch:
    made = Switch(control, declared, clock, clock.broker)
    made.listen()
    return made


def test_without_a_control_table_the_declared_state_is_in_force(clock: FakeClock) -> None:
    assert switch(None, clock).order() == TradingOrder(ACTIVE, "pipeline.toml", NOW, "declared")


@pytest.mark.parametrize(
    ("declared", "said", "state"),
    [
        (ACTIVE, ACTIVE, ACTIVE),
        (ACTIVE, HALTED, HALTED),
        (REDUCE_ONLY, ACTIVE, REDUCE_ONLY),
        (REDUCE_ONLY, HALTED, HALTED),
        (HALTED, ACTIVE, HALTED),
    ],
)
def test_whoever_allows_least_decides(
    clock: FakeClock, declared: TradingState, said: TradingState, state: TradingState
) -> None:
    assert switch(FakeControl(person(said)), clock, declared).order().state is state


def test_until_the_table_was_heard_once_nothing_is_opened(clock: FakeClock) -> None:
    assert switch(FakeControl(away=True), clock).order().state is REDUCE_ONLY


def test_a_table_that_falls_silent_means_reduce_only_after_a_while(clock: FakeClock) -> None:
    control = FakeControl()
    ours = switch(control, clock)
    control.away = True
    clock.pass_by(UNREADABLE_SECONDS - 0.1)
    ours.listen()
    before = ours.order().state
    clock.pass_by(0.1)
    after = ours.order().state
    control.away = False
    ours.listen()

    assert [before, after, ours.order().state] == [ACTIVE, REDUCE_ONLY, ACTIVE]


def test_silence_does_not_soften_a_halt(clock: FakeClock) -> None:
    control = FakeControl(person(HALTED))
    ours = switch(control, clock)
    control.away = True
    clock.pass_by(3600)

    assert ours.order() == person(HALTED)


def test_a_halt_of_our_own_is_in_force_at_once_and_handed_on(clock: FakeClock) -> None:
    control = FakeControl()
    ours = switch(control, clock)
    ours.halt("5 rejections")
    at_once = ours.order()
    ours.halt("another reason")
    ours.listen()

    assert at_once == TradingOrder(HALTED, "dispatcher", NOW, "5 rejections")
    assert (control.written, ours.order()) == ([at_once], at_once)


def test_a_person_resumes_what_we_halted(clock: FakeClock) -> None:
    control = FakeControl()
    ours = switch(control, clock)
    ours.halt("5 rejections")
    ours.listen()
    control.said = person(ACTIVE)
    ours.listen()

    assert ours.order().state is ACTIVE


def test_a_halt_that_could_not_be_handed_on_stays_in_force_until_it_was(clock: FakeClock) -> None:
    control = FakeControl(person(ACTIVE))
    ours = switch(control, clock)
    ours.halt("5 rejections")
    control.away = True
    ours.listen()
    alone = ours.order().state
    control.away = False
    ours.listen()

    assert (alone, [order.state for order in control.written]) == (HALTED, [HALTED])


def test_the_first_reason_for_a_halt_stays_and_is_handed_on_once(clock: FakeClock) -> None:
    control = FakeControl()
    ours = switch(control, clock)
    for why in ("many rejections", "a daily loss"):
        ours.halt(why)
        ours.listen()

    assert [each.why for each in control.written] == ["many rejections"]
    assert ours.order().why == "many rejections"


def test_whoever_waits_is_told_of_what_is_new_and_of_nothing_else(clock: FakeClock) -> None:
    rung: list[TradingState] = []
    control = FakeControl()
    ours = Switch(control, ACTIVE, clock, clock.broker, changed=lambda: rung.append(ours.order().state))
    for said in (None, person(HALTED), person(HALTED), person(ACTIVE)):
        control.said = said
        ours.listen()
    ours.halt("many rejections")

    assert rung == [HALTED, ACTIVE, HALTED]
