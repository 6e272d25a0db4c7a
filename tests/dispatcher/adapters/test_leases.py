"""Who may trade for an account: one holder, by a row with an epoch; presence only speeds the takeover."""

import pytest

from dispatcher.ports import DatabaseUnavailableError, Grant, Held
from tests.dispatcher.books import NOBODY_PRESENT, Books

pytestmark = pytest.mark.world


def test_a_free_lease_is_granted_and_seen_as_held_by_others(books: Books) -> None:
    first, second = books.leases(), books.leases()

    answers = [first.acquire("first", 60), second.acquire("second", 60), second.acquire("second", 60)]

    assert answers == [Grant(1), Held("first", 1), Held("first", 1)]


def test_accounts_are_leased_apart(books: Books) -> None:
    assert [books.leases().acquire("one", 60), books.leases("tiny").acquire("other", 60)] == [Grant(1), Grant(1)]


def test_an_expired_lease_is_taken_over_under_the_next_epoch(books: Books) -> None:
    first, second = books.leases(), books.leases()
    first.acquire("first", 60)
    books.expire()

    assert second.acquire("second", 60) == Grant(2)


def test_a_lease_is_taken_over_at_once_when_its_holders_connection_is_gone(books: Books) -> None:
    first, second = books.leases(), books.leases()
    first.acquire("first", 3600)
    before = second.acquire("second", 3600)
    first.leave()
    assert books.until(NOBODY_PRESENT)

    assert [before, second.acquire("second", 3600)] == [Held("first", 1), Grant(2)]


def test_a_lease_that_was_released_is_free(books: Books) -> None:
    first, second = books.leases(), books.leases()
    first.acquire("first", 3600)
    first.release(1)

    assert second.acquire("second", 3600) == Grant(2)


def test_a_lease_is_renewed_only_by_its_epoch_and_while_it_lasts(books: Books) -> None:
    first, second = books.leases(), books.leases()
    first.acquire("first", 60)
    renewed = first.renew(1, 60)
    books.expire()
    too_late = first.renew(1, 60)
    second.acquire("second", 60)

    assert [renewed, too_late, first.renew(1, 60), second.renew(2, 60)] == [True, False, False, True]


def test_a_holder_that_lost_its_lease_does_not_steal_it_back_from_a_live_one(books: Books) -> None:
    first, second = books.leases(), books.leases()
    first.acquire("first", 60)
    books.expire()
    second.acquire("second", 60)

    # The first is still connected, so its presence was never given up; it must not take that for the other's absence.
    assert [first.acquire("first", 60), first.renew(1, 60)] == [Held("second", 2), False]


def test_a_holder_that_slept_and_left_does_not_take_its_living_successor_for_gone(books: Books) -> None:
    first, second, third = books.leases(), books.leases(), books.leases()
    first.acquire("first", 60)
    books.expire()
    second.acquire("second", 60)
    first.leave()
    assert books.until(NOBODY_PRESENT)

    answers = [first.acquire("first", 60), third.acquire("third", 60), second.renew(2, 60)]

    assert answers == [Held("second", 2), Held("second", 2), True]


def test_a_holder_becomes_present_once_the_one_before_it_is_gone(books: Books) -> None:
    first, second, third = books.leases(), books.leases(), books.leases()
    first.acquire("first", 60)
    books.expire()
    second.acquire("second", 60)
    first.leave()
    assert books.until(NOBODY_PRESENT)
    second.renew(2, 60)
    held = third.acquire("third", 60)
    second.leave()
    assert books.until(NOBODY_PRESENT)

    assert [held, third.acquire("third", 60)] == [Held("second", 2), Grant(3)]


def test_a_release_by_an_old_epoch_frees_nothing(books: Books) -> None:
    first, second, third = books.leases(), books.leases(), books.leases()
    first.acquire("first", 60)
    books.expire()
    second.acquire("second", 60)
    first.release(1)
    assert books.until(NOBODY_PRESENT)
    second.renew(2, 60)

    assert third.acquire("third", 60) == Held("second", 2)


def test_a_broken_connection_is_told_and_opened_again(books: Books) -> None:
    leases = books.leases()
    leases.acquire("first", 60)
    books.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'shelf'"
    )

    with pytest.raises(DatabaseUnavailableError):
        leases.renew(1, 60)

    assert leases.renew(1, 60)
