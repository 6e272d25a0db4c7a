"""`migrate`: from whatever is there to this image's schema, and asking twice is harmless."""

import pytest

from contract import schema
from contract.names import Names
from dispatcher.adapters import migrations
from dispatcher.commands import migrate
from sandbox.postgres import Database
from tests.dispatcher.endpoint import AWS, client

pytestmark = pytest.mark.world


def environ(database: Database, **changes: str) -> dict[str, str]:
    return {"DATABASE_URL": database.url, "DATABASE_PASSWORD": database.password} | changes


def test_it_tells_from_where_to_where(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [migrate.main([], environ(database)), migrate.main([], environ(database))]

    head, works = migrations.head(), f"images from {migrations.carried().min} on work on it"
    assert codes == [0, 0]
    assert capsys.readouterr().out == f"schema: empty -> {head}; {works}\nschema: {head} -> {head}; {works}\n"


def test_the_range_is_published_for_whoever_wants_to_go_back(
    database: Database, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (AWS | {"AWS_ENDPOINT_URL": endpoint}).items():
        monkeypatch.setenv(name, value)
    name = Names("sandbox").schema_head

    codes = [migrate.main([], environ(database, SCHEMA_PARAMETER=name)) for _ in range(2)]

    published = client(endpoint, "ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert (codes, schema.read(published)) == ([0, 0], migrations.carried())


def test_a_range_that_cannot_be_published_is_told_and_the_schema_stands(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (AWS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)

    code = migrate.main([], environ(database, SCHEMA_PARAMETER="/somewhere"))

    told = capsys.readouterr().err
    assert (code, "could not be published: /somewhere" in told, "next: " in told) == (1, True, True)
    assert migrations.upgrade(database.url, database.password)[0] == migrations.head()


def test_a_schema_of_a_newer_image_is_left_as_it_is(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    migrate.main([], environ(database))
    with database.connect() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    capsys.readouterr()

    code = migrate.main([], environ(database, SCHEMA_PARAMETER="/never asked"))

    assert (code, capsys.readouterr().out.partition(";")[0]) == (0, "schema: 9999, of a newer image")


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
