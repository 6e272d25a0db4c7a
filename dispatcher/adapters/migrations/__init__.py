"""The schema's history, forward only and expand only. Run by alembic under one lock, in one transaction.

A revision that takes something away says in `oldest_image` how far back an image may be to go on working: that image's
own head. Revisions after it that only add leave that as it is.
"""

from functools import cache
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

from contract.schema import SchemaRange
from dispatcher.ports import DatabaseUnavailableError

HERE = Path(__file__).parent
LOCK = 7_430_113
"""Key of the advisory lock that two migrating processes queue on. Any constant does."""


def upgrade(url: str, password: str) -> tuple[str | None, str | None]:
    """Bring the schema to the newest revision; revision before and after. Asking twice is harmless.

    A schema that a newer image brought is left as it is: its range says whether this image may work on it.
    """
    with _connect(url, password) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = current(connection)
        if before is None or before <= carried().head:
            command.upgrade(_config(connection), "head")
        return before, current(connection)


def current(connection: Connection) -> str | None:
    """The schema's revision in the database."""
    return MigrationContext.configure(connection).get_current_revision()


@cache  # they are files of the image
def carried() -> SchemaRange:
    """The range of the schema that this image brings a database to.

    Raises:
        ValueError: the image carries no revisions.
    """
    scripts = ScriptDirectory.from_config(_config(None))
    newest = scripts.get_current_head()
    if newest is None:
        raise ValueError(f"there are no revisions in {HERE / 'versions'}")
    said = (getattr(each.module, "oldest_image", None) for each in scripts.walk_revisions())  # the newest is first
    return SchemaRange(next(each for each in said if each is not None), newest)


def head() -> str:
    """The schema's newest revision in this image."""
    return carried().head


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
