"""The real PostgreSQL that tests stand on: one server for the session, a fresh database for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from sandbox.postgres import Database, Postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole session. Tests that stop or kill a server start their own."""
    with Postgres.temporary(durable=False) as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """An empty database of the test's own: `database.url` (without a password) and `database.password`."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def database_url(database: Database) -> str:
    return database.url


@pytest.fixture
def database_password(database: Database) -> str:
    return database.password
