"""The schema's history, forward only and expand only. Run by alembic under one lock, in one transaction."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from dispatcher.ports import DatabaseUnavailableError

HERE = Path(__file__).parent
LOCK = 7_430_113
"""Key of the advisory lock that two migrating processes queue on. Any constant does."""


def upgrade(url: str, password: str) -> tuple[str | None, str | None]:
    """Bring the schema to the newest revision; revision before and after. Asking twice is harmless."""
    with _connect(url, password) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = current(connection)
        command.upgrade(_config(connection), "head")
        return before, current(connection)


def current(connection: Connection) -> str | None:
    """The schema's revision in the database."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The schema's newest revision in this image."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def _config(connection: Connection | None) -> Config:
    config = Config(attributes={"connection": connection})
    # A path with a percent sign would be read as an interpolation.
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    return config


def _connect(url: str, password: str) -> Any:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg", password=password), poolclass=NullPool)
    try:
        return engine.connect()
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig).strip()) from error
