"""A stand for each test: the session's database emptied, an exchange whose clock stands still; a crew over it."""

from collections.abc import Iterator

import pytest

from dispatcher.adapters.listener import Listener
from sandbox.exchange import Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database
from tests.dispatcher.books import Books
from tests.dispatcher.positions.crew import DISPATCHER, MANAGER, Crew
from tests.dispatcher.positions.stand import START, Stand
from tests.dispatcher.world import ACCOUNT, MONDAY_MORNING, QUOTES


@pytest.fixture(scope="session")
def standing_still() -> Iterator[Running]:
    """One exchange for the session; each test begins it again."""
    config = Config(
        seed=7,
        now=nanoseconds(MONDAY_MORNING),
        clock_running=False,
        accounts=(ACCOUNT,),
        quotes=QUOTES,
        settings=Settings(rate_limit=0),
    )
    with running(config) as exchange:
        yield exchange


@pytest.fixture
def stand(standing_still: Running, shelf: Database) -> Iterator[Stand]:
    """An account with nothing in it."""
    stand = Stand(standing_still, START, database=shelf)
    stand.begin_again()
    yield stand
    for connection in stand.connections:
        connection.close()


@pytest.fixture
def crew(stand: Stand, books: Books) -> Iterator[Crew]:
    """The account's two services, none of which has begun."""
    listener = Listener(books.connect)
    listener.start()
    assert listener.listening.wait(10)
    crew = Crew(stand, listener)
    yield crew
    crew.kill(DISPATCHER, MANAGER)
    listener.close()
