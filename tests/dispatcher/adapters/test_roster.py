"""Leases as the database grants them, whatever a process believes: by epoch, and only while they last."""

import pytest

from dispatcher.adapters.roster import PostgresRoster
from dispatcher.ports import DatabaseUnavailableError
from tests.dispatcher.books import Books

pytestmark = pytest.mark.world

LARGE = ("large",)


def roster(books: Books, holder: str) -> PostgresRoster:
    return PostgresRoster(books.connect, holder, LARGE)


def test_a_lease_is_renewed_only_by_its_epoch_and_while_it_lasts(books: Books) -> None:
    first, second = roster(books, "first"), roster(books, "second")
    first.take(LARGE, 60)
    renewed = first.attend({"large": 1}, 60).renewed
    books.expire()
    too_late = first.attend({"large": 1}, 60).renewed
    second.take(LARGE, 60)
    by_an_old_epoch = first.attend({"large": 1}, 60).renewed

    assert [renewed, too_late, by_an_old_epoch] == [{"large"}, set(), set()]
    assert second.attend({"large": 2}, 60).renewed == {"large"}


def test_a_release_by_an_old_epoch_frees_nothing(books: Books) -> None:
    first, second, third = (roster(books, name) for name in ("first", "second", "third"))
    first.take(LARGE, 60)
    books.expire()
    second.take(LARGE, 60)
    first.release("large", 1)
    after_the_old = third.take(LARGE, 60)
    second.release("large", 2)

    assert (after_the_old, third.take(LARGE, 60)) == ({}, {"large": 3})


def test_a_broken_connection_is_told_and_opened_again(books: Books) -> None:
    ours = roster(books, "first")
    ours.take(LARGE, 60)
    books.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'shelf'"
    )

    with pytest.raises(DatabaseUnavailableError):
        ours.attend({"large": 1}, 60)

    assert ours.attend({"large": 1}, 60).renewed == {"large"}
