"""A real PostgreSQL 18 of our own: its own data folder, TCP on 127.0.0.1 only, no way in without a password.

The server is a program beside us, started and stopped by `pg_ctl`. There is one database, `ops_pipeline`, owned by the
role `dispatcher`; its password and the superuser's are made up, or taken from `DATABASE_PASSWORD`.

Alone: `python -m sandbox.postgres --port P --data FOLDER` prints `postgres ready on 127.0.0.1:P` and stops on SIGTERM.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import LiteralString, Self

import psutil
import psycopg
from psycopg import sql

from contract.environment import DATABASE_PASSWORD
from sandbox.pgbinaries import PostgresError, Programs, find
from sandbox.told import Stop, to_stop

__all__ = ["DATABASE", "ROLE", "Database", "Passwords", "Postgres", "PostgresError"]

DATABASE = "ops_pipeline"
ROLE = "dispatcher"
_SUPERUSER = "postgres"
_HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections (ip_local_port_range)."""
_TRIES = 100
_PASSWORDS = "passwords.json"
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# Commits are still written before they are answered, so they survive a crash of the server, not of the machine. A login
# costs 2 ms less when its made-up password is not stretched.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "scram_iterations": "1"}


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of the superuser and of the application's role."""

    superuser: str = field(repr=False)
    role: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Database:
    """A database to connect to. The URL holds no password; it is given apart, as the service takes it."""

    url: str
    password: str = field(repr=False)

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A new connection that commits each statement."""
        return psycopg.connect(self.url, password=self.password, autocommit=True)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that `start` brought up. It can be stopped, killed and started again on the same port."""

    programs: Programs
    folder: Path
    port: int
    passwords: Passwords

    @classmethod
    @contextmanager
    def running(cls, folder: Path, *, port: int = 0, durable: bool = True) -> Iterator[Self]:
        """A server for the length of a `with` block.

        Args:
            folder: made if absent; a folder of an earlier server is started again with its data.
            port: 0 chooses a free one.
            durable: False makes tests faster: a crash of the machine may then lose data.
        """
        server = cls.start(folder, port=port, durable=durable)
        try:
            yield server
        finally:
            server.stop()

    @classmethod
    @contextmanager
    def temporary(cls, *, durable: bool = True) -> Iterator[Self]:
        """A server for the length of a `with` block, in a new folder that is removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix="ops-pipeline-postgres-"))
        try:
            with cls.running(folder, durable=durable) as server:
                yield server
        finally:
            shutil.rmtree(folder)

    @classmethod
    def start(cls, folder: Path, *, port: int = 0, durable: bool = True) -> Self:
        """Bring a server up; see `running`.

        Raises:
            PostgresError: it did not come up; with its own words.
        """
        programs = find()
        folder = folder.resolve()
        server = cls(programs, folder, port or _free_port(), _prepare(programs, folder, durable=durable))
        server.restart()
        server._create_role_and_database()
        return server

    @property
    def database(self) -> Database:
        """The application's database, as its owner."""
        return Database(_url(ROLE, self.port, DATABASE), self.passwords.role)

    def pid(self) -> int | None:
        """The server's process id; None when it does not run."""
        try:
            pid = int((self.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split(maxsplit=1)[0])
            # After a crash the file stays, and the number may by now be another program's.
            return pid if str(self.folder / "data") in psutil.Process(pid).cmdline() else None
        except (FileNotFoundError, psutil.Error):
            return None

    def create_database(self, name: str, *, template: str = "template1") -> Database:
        """A new database like `template`, owned by the application's role."""
        create = sql.SQL("create database {} owner {} template {}")
        self._as_superuser(create.format(sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template)))
        return Database(_url(ROLE, self.port, name), self.passwords.role)

    def drop_database(self, name: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        self._as_superuser(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def configure(self, **settings: str) -> None:
        """Change settings of the running server that need no restart."""
        for name, value in settings.items():
            change = sql.SQL("alter system set {} = {}")
            self._as_superuser(change.format(sql.Identifier(name), sql.Literal(value)))
        self._as_superuser(sql.SQL("select pg_reload_conf()").format())

    def checkpoint(self) -> None:
        """Write everything that was committed to its place."""
        self._as_superuser(sql.SQL("checkpoint").format())

    def restart(self) -> None:
        """Start the server, after a clean stop if it runs.

        Raises:
            PostgresError: it did not come up; with the end of its log.
        """
        self.stop()
        try:
            self._control("start", "--log", str(self.folder / "data" / "server.log"), "--options", f"-p {self.port}")
        except PostgresError as error:
            raise PostgresError(f"{error}\n{self.log_tail()}") from error

    def stop(self) -> None:
        """Stop cleanly: connections are ended, everything is written."""
        self._end("fast")

    def kill(self) -> None:
        """Stop as a crash does: nothing is written, the next start recovers from the log."""
        self._end("immediate")

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the server's own log."""
        log = self.folder / "data" / "server.log"
        return "\n".join(log.read_text(encoding="utf-8").splitlines()[-lines:]) if log.exists() else "(no log)"

    def _end(self, mode: str) -> None:
        if self.pid() is not None:
            self._control("stop", "--mode", mode)

    def _control(self, action: str, *options: str) -> None:
        self.programs.run("pg_ctl", action, "--wait", "--silent", "--pgdata", str(self.folder / "data"), *options)

    def _create_role_and_database(self) -> None:
        """Whatever of the two is missing; the password is set at each start, because it may come from outside."""
        role = sql.Identifier(ROLE)
        if not self._knows("select 1 from pg_roles where rolname = %s", ROLE):
            self._as_superuser(sql.SQL("create role {}").format(role))
        password = sql.Literal(self.passwords.role)
        self._as_superuser(sql.SQL("alter role {} login password {}").format(role, password))
        if not self._knows("select 1 from pg_database where datname = %s", DATABASE):
            self.create_database(DATABASE)

    def _knows(self, question: LiteralString, name: str) -> bool:
        with self._superuser() as connection:
            return connection.execute(question, [name]).fetchone() is not None

    def _as_superuser(self, statement: sql.Composed) -> None:
        with self._superuser() as connection:
            connection.execute(statement)

    def _superuser(self) -> "psycopg.Connection[tuple[object, ...]]":
        return Database(_url(_SUPERUSER, self.port, "postgres"), self.passwords.superuser).connect()


def _prepare(programs: Programs, folder: Path, *, durable: bool) -> Passwords:
    """Make the folders and the data if they are not there, and know their passwords."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if programs.user is not None:
        folder.chmod(0o711)
    if not programs.can_reach(folder):
        raise PostgresError(
            f"{folder} cannot be reached by the user {programs.user}, whom PostgreSQL runs as when started by root. "
            "Next: give a folder whose parents all may pass through, for instance below /tmp"
        )
    passwords = _passwords(folder)
    if not (folder / "data").exists():
        _initialise(programs, folder, passwords, durable=durable)
    # Written last: a folder without it holds data that was never finished.
    _write_private(folder / _PASSWORDS, json.dumps(asdict(passwords)))
    return passwords


def _passwords(folder: Path) -> Passwords:
    file = folder / _PASSWORDS
    if not file.exists() and (folder / "data").exists():
        raise PostgresError(f"{folder / 'data'} was begun and never finished. Next: remove {folder} and start again")
    made_up = Passwords(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    known = Passwords(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else made_up
    return Passwords(known.superuser, os.environ.get(DATABASE_PASSWORD.name) or known.role)


def kept_in(folder: Path, url: str) -> Database:
    """A database of a server that another process started in that folder.

    Raises:
        FileNotFoundError: no server was.
    """
    return Database(url, Passwords(**json.loads((folder / _PASSWORDS).read_text(encoding="utf-8"))).role)


def _initialise(programs: Programs, folder: Path, passwords: Passwords, *, durable: bool) -> None:
    data, password_file = folder / "data", folder / "superuser.password"
    data.mkdir(mode=0o700)
    _write_private(password_file, passwords.superuser)
    programs.own(data)
    programs.own(password_file)
    settings = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE
    try:
        programs.run(
            "initdb",
            *("--pgdata", str(data), "--username", _SUPERUSER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
            *(f"--set={name}={value}" for name, value in settings.items()),
        )
    finally:
        password_file.unlink()


def _write_private(file: Path, text: str) -> None:
    """Write a file that was never readable by anyone else."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text, encoding="utf-8")


def _free_port() -> int:
    """A port that the system gives to no outgoing connection, so that it is still free when a server comes back."""
    for port in secrets.SystemRandom().sample(_PORTS, _TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((_HOST, port))
            return port
    raise PostgresError(f"{_TRIES} ports between {_PORTS.start} and {_PORTS.stop} are all taken")


def _url(role: str, port: int, database: str) -> str:
    return f"postgresql://{role}@{_HOST}:{port}/{database}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until SIGTERM or SIGINT. Exit 0 after a clean stop, 1 when it ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.postgres", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data; made if absent, kept at the end")
    options = parser.parse_args(arguments)

    try:
        with to_stop() as stop, Postgres.running(options.data, port=options.port) as server:
            return _serve(server, stop)
    except PostgresError as error:
        sys.stderr.write(f"postgres: {error}\n")
        return 1


def _serve(server: Postgres, stop: Stop) -> int:
    sys.stderr.write(f"database {server.database.url}, password in {server.folder / _PASSWORDS}\n")
    sys.stdout.write(f"postgres ready on {_HOST}:{server.port}\n")
    sys.stdout.flush()
    while not stop.wait(0.5):
        if server.pid() is None:
            sys.stderr.write(f"postgres: ended by itself\n{server.log_tail()}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
