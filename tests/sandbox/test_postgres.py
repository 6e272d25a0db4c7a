import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contract.environment import DATABASE_PASSWORD
from sandbox.postgres import Database, Postgres, PostgresError

pytestmark = pytest.mark.world


def _one(database: Database, question: str) -> object:
    with database.connect() as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def own() -> Iterator[Postgres]:
    with Postgres.temporary(durable=False) as server:
        yield server


def test_a_database_is_owned_by_a_role_that_is_no_superuser(database: Database) -> None:
    assert _one(database, "select current_user::text") == "dispatcher"
    assert _one(database, "show is_superuser") == "off"


def test_nobody_comes_in_without_the_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(postgres.database.url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.database.url.replace("dispatcher@", "postgres@"), password=postgres.database.password)


def test_it_listens_on_loopback_and_nowhere_else(postgres: Postgres) -> None:
    assert _one(postgres.database, "show listen_addresses") == "127.0.0.1"


def test_no_password_is_printed_with_a_database(postgres: Postgres) -> None:
    shown = f"{postgres} {postgres.database}"

    assert postgres.database.password not in shown
    assert postgres.passwords.superuser not in shown


def test_a_database_starts_as_a_copy_of_its_template(postgres: Postgres) -> None:
    template = postgres.create_database("a_template")
    with template.connect() as connection:
        connection.execute("create table fact as select 42 as answer")

    copy = postgres.create_database("a_copy", template="a_template")

    assert _one(copy, "select answer from fact") == 42
    postgres.drop_database("a_copy")
    postgres.drop_database("a_template")


def test_a_restart_keeps_the_port_and_what_was_committed(own: Postgres) -> None:
    with own.database.connect() as connection:
        connection.execute("create table fact as select 42 as answer")
    before = own.pid()

    own.kill()
    assert own.pid() is None
    own.restart()

    assert own.pid() not in {None, before}
    assert _one(own.database, "select answer from fact") == 42


def test_a_folder_of_an_earlier_server_is_started_again(own: Postgres) -> None:
    own.stop()

    with Postgres.running(own.folder) as again:
        assert again.passwords == own.passwords
        assert _one(again.database, "select current_database()::text") == "ops_pipeline"


def test_a_folder_that_was_never_finished_is_refused_with_the_next_step(own: Postgres) -> None:
    own.stop()
    (own.folder / "passwords.json").unlink()

    with pytest.raises(PostgresError, match=f"never finished. Next: remove {own.folder} and start again"):
        Postgres.start(own.folder)


def test_a_port_that_is_taken_is_told_in_the_servers_own_words(postgres: Postgres, own: Postgres) -> None:
    own.stop()

    with pytest.raises(PostgresError, match="could not bind IPv4 address"):
        Postgres.start(own.folder, port=postgres.port)


def test_passwords_are_readable_by_their_owner_only(own: Postgres) -> None:
    assert stat.S_IMODE((own.folder / "passwords.json").stat().st_mode) == 0o600
    assert not (own.folder / "superuser.password").exists()


def test_durable_is_the_default_and_tests_may_do_without() -> None:
    with Postgres.temporary() as durable:
        assert _one(durable.database, "show fsync") == "on"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_alone_it_says_ready_and_stops_cleanly_when_asked(own: Postgres, end: signal.Signals) -> None:
    own.stop()
    program = _alone(own.folder)
    with program:
        assert program.stdout is not None
        ready = program.stdout.readline()
        database = Database(f"postgresql://dispatcher@{ready.split()[-1]}/ops_pipeline", "from-outside")
        assert _one(database, "select 42") == 42
        program.send_signal(end)

    assert ready.startswith("postgres ready on 127.0.0.1:")
    assert program.returncode == 0
    assert own.pid() is None


def test_alone_it_ends_with_an_error_when_the_server_is_gone(own: Postgres) -> None:
    own.stop()
    program = _alone(own.folder)
    with program:
        assert program.stdout is not None
        program.stdout.readline()
        own.kill()

    assert program.returncode == 1


def _alone(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.postgres", "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, DATABASE_PASSWORD.name: "from-outside"},
    )


def test_its_port_is_none_that_an_outgoing_connection_may_have_taken_while_it_was_down(postgres: Postgres) -> None:
    first, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()

    assert postgres.port < int(first)
