"""The parts of a dispatcher's world, each test with its own."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from dispatcher.adapters import migrations
from sandbox.exchange import Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database, Postgres
from tests.dispatcher.books import Books
from tests.dispatcher.endpoint import answering
from tests.dispatcher.world import ACCOUNT, MONDAY_MORNING, QUOTES, World

# The machine may be busy with others' tests: how long an example takes says nothing here.
hypothesis.settings.register_profile("dispatcher", deadline=None)
hypothesis.settings.load_profile("dispatcher")


@pytest.fixture
def exchange() -> Iterator[Running]:
    """An exchange whose clock stands at a Monday morning and moves only when told."""
    config = Config(
        seed=7,
        now=nanoseconds(MONDAY_MORNING),
        accounts=(ACCOUNT,),
        quotes=QUOTES,
        settings=Settings(rate_limit=0),
    )
    with running(config) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a database that has the schema, to copy from."""
    database = postgres.create_database("migrated")
    migrations.upgrade(database.url, database.password)
    return "migrated"


@pytest.fixture
def world(exchange: Running, postgres: Postgres, migrated: str, tmp_path: Path) -> Iterator[World]:
    """The world of one test, with the schema in place."""
    name = f"world_{tmp_path.name.replace('-', '_').lower()[:40]}_{abs(hash(tmp_path)) % 10_000}"
    yield World(exchange, postgres.create_database(name, template=migrated), tmp_path)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of an AWS endpoint with the control table in it."""
    with answering() as url:
        yield url


@pytest.fixture(scope="session")
def shelf(postgres: Postgres, migrated: str) -> Database:
    """A database with the schema in it, for tests that leave nothing behind but rows."""
    return postgres.create_database("shelf", template=migrated)


@pytest.fixture
def books(shelf: Database) -> Iterator[Books]:
    """Empty books in the real database. A database of its own for each test would cost more than the test."""
    books = Books(shelf, [])
    books.run(
        "TRUNCATE dispatch_accounts, dispatch_members, dispatch_claims, dispatch_executions, dispatch_recommendations"
        " RESTART IDENTITY"
    )
    yield books
    books.close()
