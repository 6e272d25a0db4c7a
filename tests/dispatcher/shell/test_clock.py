"""Now is the broker's clock: measured each minute, carried on by a monotonic one."""

from datetime import datetime, timedelta

from dispatcher.shell.clock import BrokerClock
from tests.dispatcher.cases import NOW
from tests.fakes.broker import FakeBroker, away
from tests.fakes.clock import FakeClock


def test_time_goes_on_between_two_measurements_without_asking() -> None:
    ours, theirs = FakeClock(NOW), FakeClock(NOW)
    broker = FakeBroker(theirs.broker)
    clock = BrokerClock(broker, ours)
    ours.pass_by(59.5)

    assert clock.now() == NOW + timedelta(seconds=59.5)
    assert broker.asked == ["clock"]


def test_after_a_minute_the_brokers_clock_is_asked_again_and_believed() -> None:
    ours, theirs = FakeClock(NOW), FakeClock(NOW)
    broker = FakeBroker(theirs.broker)
    clock = BrokerClock(broker, ours)
    ours.pass_by(60)
    theirs.pass_by(3_600)

    assert clock.now() == NOW + timedelta(hours=1)
    assert broker.asked == ["clock", "clock"]


def test_a_measurement_that_fails_leaves_the_one_before_in_force() -> None:
    ours = FakeClock(NOW)
    broker = FakeBroker(ours.broker)
    clock = BrokerClock(broker, ours)
    broker.away = away()
    ours.pass_by(90)

    assert clock.now() == NOW + timedelta(seconds=90)


class SlowBroker(FakeBroker):
    """Its answers to the clock take so many seconds each, and it reads its clock when they are half over."""

    def __init__(self, ours: FakeClock, *seconds: float) -> None:
        super().__init__(ours.broker)
        self.ours = ours
        self.seconds = list(seconds)

    def clock(self) -> datetime:
        took = self.seconds.pop(0) if self.seconds else 0.0
        self.ours.pass_by(took / 2)
        told = super().clock()
        self.ours.pass_by(took / 2)
        return told


def test_a_question_that_waited_does_not_put_the_clock_ahead() -> None:
    ours = FakeClock(NOW)
    clock = BrokerClock(SlowBroker(ours, 5.6), ours)

    assert clock.now() == ours.broker()


def test_of_first_answers_that_all_take_long_the_quickest_is_believed() -> None:
    ours = FakeClock(NOW)
    broker = SlowBroker(ours, 4, 1, 3)
    clock = BrokerClock(broker, ours)

    assert (clock.now(), broker.asked) == (ours.broker(), ["clock"] * 3)


def test_a_later_answer_that_takes_long_leaves_the_one_before_in_force() -> None:
    ours = FakeClock(NOW)
    broker = SlowBroker(ours, 0, 8)
    clock = BrokerClock(broker, ours)
    ours.pass_by(60)
    first = clock.now()

    assert (first, clock.now(), broker.asked) == (ours.broker(), ours.broker(), ["clock", "clock"])
