"""`migrate`: from whatever is there to this image's schema, and asking twice is harmless."""

import pytest

from dispatcher.adapters import migrations
from dispatcher.commands import migrate
from sandbox.postgres import Database

pytestmark = pytest.mark.world


def environ(database: Database, **changes: str) -> dict[str, str]:
    return {"DATABASE_URL": database.url, "DATABASE_PASSWORD": database.password} | changes


def test_it_tells_from_where_to_where(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [migrate.main([], environ(database)), migrate.main([], environ(database))]

    head = migrations.head()
    assert codes == [0, 0]
    assert capsys.readouterr().out == f"schema: empty -> {head}\nschema: {head} -> {head}\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE_PASSWORD": "wrong"},
        {"DATABASE_PASSWORD": ""},
        {"DATABASE_URL": "postgresql://u@127.0.0.1:1/d"},
        {"DATABASE_URL": "nonsense"},
    ],
)
def test_what_keeps_it_from_migrating_is_told_without_a_password(
    database: Database, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    code = migrate.main([], environ(database, **changes))

    told = capsys.readouterr().err
    assert (code, told.startswith("migrate: ")) == (1, True)
    assert database.password not in told
