"""Connections are few, lent to one at a time, and opened again when they broke."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from dispatcher.adapters.database import Connections, execute
from dispatcher.adapters.listener import Listener
from dispatcher.ports import Channel, DatabaseUnavailableError
from tests.dispatcher.books import Books

pytestmark = pytest.mark.world

BACKEND = "SELECT pg_backend_pid() AS pid"
END = "SELECT pg_terminate_backend(%s)"


def backend(connections: Connections) -> int:
    with connections.lend() as connection:
        pid: int = execute(connection, BACKEND, {})[0]["pid"]
        return pid


def test_one_after_the_other_uses_the_same_connection(books: Books) -> None:
    connections = Connections(books.connect, 4)

    assert len({backend(connections) for _ in range(5)}) == 1


def test_no_more_are_open_than_are_allowed(books: Books) -> None:
    connections, together = Connections(books.connect, 2), Barrier(2)

    def hold(_: int) -> int:
        with connections.lend() as connection:
            together.wait(10)
            pid: int = execute(connection, BACKEND, {})[0]["pid"]
            return pid

    with ThreadPoolExecutor(6) as pool:
        used = set(pool.map(hold, range(6)))

    assert len(used) == 2


def test_one_that_broke_is_replaced_and_the_idle_ones_with_it(books: Books) -> None:
    connections = Connections(books.connect, 2)
    with connections.lend() as first, connections.lend() as second:
        before = {execute(each, BACKEND, {})[0]["pid"] for each in (first, second)}
    for pid in before:
        books.rows(END, pid)

    with pytest.raises(DatabaseUnavailableError), connections.lend() as broken:
        execute(broken, BACKEND, {})

    with connections.lend() as first, connections.lend() as second:
        after = {execute(each, BACKEND, {})[0]["pid"] for each in (first, second)}
    assert not before & after


def test_after_its_connection_broke_the_listener_rings_everyone_and_hears_again(books: Books) -> None:
    listener = Listener(books.connect)
    listener.start()
    try:
        assert listener.listening.wait(10)
        ear = listener.ear("large")
        ear.wait(0)
        listening = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
        for row in books.rows(listening):
            books.rows(END, row["pid"])
        rung = ear.wait(10)
        books.recommend()

        assert (set(rung), set(ear.wait(10))) == (set(Channel), {Channel.RECOMMENDATIONS})
    finally:
        listener.close()
