"""`run` as a process of its own: stopped, killed, put to sleep, and replaced by another."""

import signal
from time import monotonic
from typing import Any

import pytest

from dispatcher.shell.lease import LEASE_SECONDS
from tests.dispatcher.services import process
from tests.dispatcher.world import World

pytestmark = pytest.mark.world


def sent(world: World) -> list[Any]:
    return [post["client_order_id"] for post in world.posts()]


def test_told_to_stop_it_finishes_says_so_and_every_line_reads_back_typed(world: World) -> None:
    number = world.recommend()

    with process(world.environ(), "run") as running:
        running.log.until("execution_recorded", recommendation_id=number)
        running.signal(signal.SIGTERM)
        code = running.exit_code()
        running.log.until("service_stopped", reason="told to stop")

    assert code == 0
    assert running.log.names()[:6] == [
        "service_started",
        "broker_connected",
        "limits_in_force",
        "lease_acquired",
        "reconcile_completed",
        "order_accepted",
    ]
    assert running.log.names()[-1] == "service_stopped"
    assert [line.raw for line in running.log.lines if line.event is None] == []
    assert {claim["state"] for claim in world.claims().values()} <= {"accepted", "filled"}


def test_told_to_stop_while_it_is_frozen_it_stops_when_it_thaws(world: World) -> None:
    with process(world.environ(), "run") as running:
        running.log.until("reconcile_completed")
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
            running.signal(number)
        code = running.exit_code()
        running.log.until("service_stopped", reason="told to stop")

    assert code == 0


def test_a_second_process_stands_by_and_takes_over_at_once_when_the_first_is_killed(world: World) -> None:
    with process(world.environ(), "run") as first:
        first.log.until("reconcile_completed")
        with process(world.environ(), "run") as second:
            second.log.until("standby", epoch=1)
            first.log.until("order_accepted", recommendation_id=world.recommend())
            first.signal(signal.SIGKILL)
            killed_at = monotonic()
            second.log.until("lease_acquired", epoch=2)
            took = monotonic() - killed_at
            number = world.recommend(ticker="MSFT", reason=None)
            second.log.until("order_accepted", recommendation_id=number)
            names = second.log.names()

    assert took < LEASE_SECONDS
    assert names.index("standby") < names.index("lease_acquired") < names.index("order_accepted")
    assert len(sent(world)) == len(set(sent(world))) == len(world.orders()) == 2


def test_a_process_that_slept_through_its_lease_is_replaced_and_sends_nothing_when_it_wakes(world: World) -> None:
    with process(world.environ(), "run") as first:
        first.log.until("reconcile_completed")
        with process(world.environ(), "run") as second:
            second.log.until("standby", epoch=1)
            first.signal(signal.SIGSTOP)
            number = world.recommend()
            second.log.until("lease_acquired", epoch=2)
            second.log.until("order_accepted", recommendation_id=number)
            first.signal(signal.SIGCONT)
            first.log.until("lease_lost", epoch=1)
            first.log.until("standby", epoch=2)
            second.log.until("order_accepted", recommendation_id=world.recommend(ticker="MSFT", reason=None))
            names = first.log.names()

    assert "order_accepted" not in names
    assert len(sent(world)) == len(set(sent(world))) == len(world.orders()) == 2
