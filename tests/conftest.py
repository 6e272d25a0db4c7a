"""What tests stand on: one real PostgreSQL, a fresh database for each test, a container engine where one answers."""

import shutil
from collections.abc import Iterator
from itertools import count

import pytest

from sandbox.engine.client import address, answering
from sandbox.postgres import Database, Postgres

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of container mode run where an engine answers. Where none does they are skipped, and counted so."""
    marked = [each for each in items if each.get_closest_marker("containers")]
    if marked and not _engine_answers():
        reason = f"CONTAINER MODE IS NOT TESTED: no container engine answers at {address()}"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


def _engine_answers() -> bool:
    client = answering()
    if client is not None:
        client.close()
    return client is not None and shutil.which("docker") is not None


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
