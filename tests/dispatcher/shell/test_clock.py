"""Now is the broker's clock: measured each minute, carried on by a monotonic one."""

from datetime import timedelta

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
