"""Authority ends by our own reckoning before the database would give it to another."""

from collections.abc import Iterator

import pytest

from dispatcher.ports import Grant, Held
from dispatcher.shell.lease import LEASE_SECONDS, MARGIN_SECONDS, Lease
from tests.dispatcher.cases import NOW
from tests.fakes.clock import FakeClock
from tests.fakes.leases import FakeLeases, LeaseRow


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def leases(clock: FakeClock) -> FakeLeases:
    return FakeLeases(clock)


@pytest.fixture
def lease(leases: FakeLeases, clock: FakeClock) -> Iterator[Lease]:
    lease = Lease(leases, "us", clock)
    yield lease
    leases.away = False
    lease.abandon()


def test_before_it_was_taken_nothing_is_held(lease: Lease) -> None:
    assert not lease.holds()


def test_a_lease_that_is_another_s_is_not_held(lease: Lease, leases: FakeLeases) -> None:
    leases.row = LeaseRow("other", 4, expires_at=1.0)

    assert (lease.take(), lease.holds()) == (Held("other", 4), False)


def test_a_lease_is_held_until_a_margin_before_it_expires(lease: Lease, clock: FakeClock) -> None:
    granted = lease.take()
    clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS - 0.01)
    just_before = lease.holds()
    clock.pass_by(0.01)

    assert (granted, just_before, lease.holds()) == (Grant(1), True, False)


def test_the_deadline_is_reckoned_from_before_the_lease_was_asked_for(clock: FakeClock) -> None:
    slow = FakeLeases(clock)
    answer = slow.acquire

    def acquire_slowly(holder: str, seconds: float) -> Grant | Held:
        clock.pass_by(LEASE_SECONDS)
        return answer(holder, seconds)

    slow.acquire = acquire_slowly  # type: ignore[method-assign]  # a database that takes its time
    lease = Lease(slow, "us", clock)

    assert (lease.take(), lease.holds()) == (Grant(1), False)
    lease.abandon()


def test_a_released_lease_is_not_held_and_free_for_another(lease: Lease, leases: FakeLeases, clock: FakeClock) -> None:
    lease.take()
    lease.release(1)

    other = Lease(leases, "other", clock)
    assert (lease.holds(), other.take()) == (False, Grant(2))
    other.abandon()


def test_a_release_that_cannot_be_told_leaves_the_connection_and_lets_it_expire(
    lease: Lease, leases: FakeLeases
) -> None:
    lease.take()
    leases.away = True
    lease.release(1)

    assert (lease.holds(), leases.left) == (False, 1)


def test_an_abandoned_lease_is_not_held_and_was_not_released(lease: Lease, leases: FakeLeases) -> None:
    lease.take()
    lease.abandon()

    assert (lease.holds(), leases.left, leases.row.expires_at) == (False, 1, LEASE_SECONDS)
