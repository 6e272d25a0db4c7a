"""Processes that may serve the same accounts share them: in the real database, and as real processes."""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import psycopg
import pytest

from contract import environment
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.ports import Attendance, DatabaseUnavailableError, Grant, Held
from dispatcher.shell.fleet import NOBODY, Fleet
from dispatcher.shell.lease import LEASE_SECONDS, MARGIN_SECONDS
from sandbox.exchange import AccountConfig, Config, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Postgres
from tests.dispatcher.books import Books
from tests.dispatcher.cases import NOW
from tests.dispatcher.services import PATIENCE_SECONDS, process
from tests.dispatcher.world import MONDAY_MORNING, QUOTES, World
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.world

ACCOUNTS = ("a", "b", "c", "d", "e", "f")
TAKEN_OVER_SECONDS = 5.0


@dataclass
class Crew:
    """Fleets on one database, each turned by hand."""

    books: Books
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    fleets: dict[str, Fleet] = field(default_factory=dict)
    accounts: tuple[str, ...] = ACCOUNTS

    def join(self, name: str) -> Fleet:
        roster = PostgresRoster(self.books.connect, name, self.accounts)
        self.fleets[name] = Fleet(roster, name, self.accounts, self.clock, Event())
        return self.fleets[name]

    def cut(self, name: str) -> None:
        """Break a process's connection."""
        self.books.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = (hashtextextended(%s, 0) & 4294967295)::oid",
            f"dispatch member {name}",
        )

    def rounds(self, number: int = 4) -> None:
        """Everyone's turn, so often; who is to let go does."""
        for _ in range(number):
            for fleet in self.fleets.values():
                fleet.round()
                for account in self.accounts:
                    berth = fleet.berth(account)
                    if berth.epoch is not None and berth.wanted_back:
                        berth.release(berth.epoch)

    def held(self) -> dict[str, list[str]]:
        return {
            name: [account for account in self.accounts if fleet.berth(account).holds()]
            for name, fleet in self.fleets.items()
        }

    def counts(self) -> list[int]:
        return [len(accounts) for accounts in self.held().values()]


@pytest.fixture
def crew(books: Books) -> Crew:
    return Crew(books)


@pytest.fixture
def pair(crew: Crew) -> Crew:
    """Processes of one account."""
    crew.accounts = ("a",)
    return crew


def test_who_joins_is_given_a_fair_share(crew: Crew) -> None:
    crew.join("p1")
    crew.rounds()
    alone = crew.counts()
    crew.join("p2")
    crew.rounds()
    two = crew.counts()
    crew.join("p3")
    crew.rounds()

    assert (alone, two, crew.counts()) == ([6], [3, 3], [2, 2, 2])
    assert sorted(chain.from_iterable(crew.held().values())) == list(ACCOUNTS)


def test_what_another_is_to_have_before_its_service_has_begun_is_let_go_all_the_same(crew: Crew) -> None:
    first = crew.join("p1")
    first.round()
    second = crew.join("p2")
    for fleet in (second, first):
        fleet.round()
    begun = [account for account in ACCOUNTS if isinstance(first.berth(account).take(), Grant)]
    for fleet in (first, second):
        fleet.round()

    assert (len(begun), crew.counts()) == (3, [3, 3])


def test_what_one_had_that_leaves_is_shared_by_the_others(crew: Crew) -> None:
    for name in ("p1", "p2", "p3"):
        crew.join(name)
    crew.rounds()
    leaving = crew.fleets.pop("p2")
    leaving.start()
    leaving.close()
    crew.rounds()

    assert crew.counts() == [3, 3]


def test_what_one_had_whose_connection_is_gone_is_taken_at_once_under_the_next_epoch(pair: Crew) -> None:
    dying = pair.join("p1")
    pair.rounds(1)
    before = dying.berth("a").take()
    pair.join("p2")
    pair.rounds(1)
    standing_by = pair.fleets["p2"].berth("a").take()
    del pair.fleets["p1"]
    pair.cut("p1")
    pair.rounds(2)

    assert [before, standing_by] == [Grant(1), Held("p1", 1)]
    assert pair.fleets["p2"].berth("a").take() == Grant(2)


def test_a_process_that_was_stopped_for_longer_than_its_lease_finds_it_is_another_s(pair: Crew) -> None:
    stopped = pair.join("p1")
    pair.rounds(1)
    sleeper = pair.fleets.pop("p1")
    pair.books.run("UPDATE dispatch_members SET seen_until = now(); UPDATE dispatch_accounts SET expires_at = now()")
    pair.join("p2")
    pair.rounds(1)
    pair.clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS)
    asleep = stopped.berth("a").holds()
    sleeper.round()

    assert (asleep, stopped.berth("a").take()) == (False, Held("p2", 2))


def test_a_lease_is_held_until_a_margin_before_it_expires(pair: Crew) -> None:
    berth = pair.join("p1").berth("a")
    before = berth.holds()
    pair.rounds(1)
    pair.clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS - 0.01)
    just_before = berth.holds()
    pair.clock.pass_by(0.01)

    assert (before, just_before, berth.holds()) == (False, True, False)


class Slow(PostgresRoster):
    """A database whose every answer takes as long as a lease holds."""

    def __init__(self, books: Books, clock: FakeClock) -> None:
        super().__init__(books.connect, "p1", ("a",))
        self._clock = clock

    def attend(self, held: Mapping[str, int], seconds: float) -> Attendance:
        self._clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS)
        return super().attend(held, seconds)

    def take(self, accounts: tuple[str, ...], seconds: float) -> dict[str, int]:
        self._clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS)
        return super().take(accounts, seconds)


def test_the_deadline_is_reckoned_from_before_a_lease_or_its_renewal_was_asked_for(books: Books) -> None:
    clock = FakeClock(NOW)
    fleet = Fleet(Slow(books, clock), "p1", ("a",), clock, Event())
    fleet.round()
    taken = fleet.berth("a").holds()
    fleet.round()

    assert (fleet.berth("a").epoch, taken, fleet.berth("a").holds()) == (1, False, False)


def test_a_release_that_cannot_be_told_ends_what_is_held_and_is_told_with_a_later_round(pair: Crew) -> None:
    fleet = pair.join("p1")
    pair.rounds(1)
    fleet.berth("a").release(1)
    pair.cut("p1")
    with pytest.raises(DatabaseUnavailableError):
        fleet.round()
    held = fleet.berth("a").holds()
    fleet.round()

    assert (held, fleet.berth("a").take()) == (False, Grant(2))


def test_an_abandoned_lease_is_not_held_and_had_again_only_after_it_has_run_out(pair: Crew) -> None:
    berth = pair.join("p1").berth("a")
    pair.rounds(1)
    berth.abandon()
    pair.rounds(1)
    abandoned = berth.take()
    pair.books.expire("a")
    pair.rounds(1)

    assert (abandoned, berth.take()) == (NOBODY, Grant(2))


def test_an_account_whose_row_is_locked_is_passed_by_and_the_others_are_kept(crew: Crew) -> None:
    crew.join("p1")
    crew.rounds(1)
    with crew.books.database.connect() as intent, intent.transaction():
        intent.execute("SELECT FROM dispatch_accounts WHERE account = 'c' FOR SHARE")
        crew.clock.pass_by(2)
        crew.rounds(1)
        crew.clock.pass_by(LEASE_SECONDS - MARGIN_SECONDS - 1)
        during = crew.held()
    crew.rounds(1)

    assert (during, crew.held()) == ({"p1": ["a", "b", "d", "e", "f"]}, {"p1": list(ACCOUNTS)})


class Away:
    """A roster whose database is away."""

    def attend(self, held: Mapping[str, int], seconds: float) -> Attendance:
        del held, seconds
        raise DatabaseUnavailableError("connection refused")

    def take(self, accounts: tuple[str, ...], seconds: float) -> dict[str, int]:
        del seconds
        raise AssertionError(accounts)

    def release(self, account: str, epoch: int) -> None:
        """It cannot be told."""

    def leave(self) -> None:
        """It cannot be told."""


def test_a_database_that_is_away_is_told_to_whoever_asks_for_a_lease() -> None:
    fleet = Fleet(Away(), "p1", ("a",), FakeClock(NOW), Event())
    fleet.start()

    with pytest.raises(DatabaseUnavailableError, match="connection refused"):
        fleet.berth("a").take()
    fleet.close()


class Broken(Away):
    """A roster with a defect."""

    def attend(self, held: Mapping[str, int], seconds: float) -> Attendance:
        raise ZeroDivisionError(f"{held} {seconds}")


def test_a_surprise_that_ends_the_attending_is_raised_by_whoever_asks_for_a_lease() -> None:
    stop = Event()
    stop.set()  # whoever asks does not wait for a first round
    fleet = Fleet(Broken(), "p1", ("a",), FakeClock(NOW), stop)
    fleet.start()
    with pytest.raises(ZeroDivisionError):
        fleet.close()

    with pytest.raises(ZeroDivisionError):
        fleet.berth("a").take()


def test_who_was_buried_in_its_sleep_is_a_member_again_with_its_next_round(pair: Crew) -> None:
    first, second = pair.join("p1"), pair.join("p2")
    pair.rounds(1)
    pair.books.run("UPDATE dispatch_members SET seen_until = clock_timestamp() WHERE holder = 'p1'")
    second.round()
    buried = pair.books.rows("SELECT holder FROM dispatch_members")
    first.round()

    assert (buried, len(pair.books.rows("SELECT FROM dispatch_members"))) == ([{"holder": "p2"}], 2)


def test_after_the_end_nothing_is_held(pair: Crew) -> None:
    fleet = pair.join("p1")
    fleet.start()
    granted = fleet.berth("a").changed.wait(10)
    fleet.close()
    rows = pair.books.rows("SELECT expires_at <= clock_timestamp() AS free FROM dispatch_accounts")

    assert (granted, rows, pair.books.rows("SELECT FROM dispatch_members")) == (True, [{"free": True}], [])
    assert fleet.berth("a").take() == NOBODY


NAMES = ("one", "two", "three", "four")
NUMBERS = {
    name: AccountConfig(number=f"PA3{name.upper()}", key=f"PK{name.upper()}", secret=f"{name}-secret-0123456789")
    for name in NAMES
}


@pytest.fixture
def shared(postgres: Postgres, migrated: str, tmp_path: Path) -> Iterator[World]:
    """A world with four accounts."""
    config = Config(
        seed=7,
        now=nanoseconds(MONDAY_MORNING),
        accounts=tuple(NUMBERS.values()),
        quotes=QUOTES,
        settings=Settings(rate_limit=0),
    )
    name = f"shared_{abs(hash(tmp_path)) % 10**8}"
    with running(config) as exchange:
        yield World(exchange, postgres.create_database(name, template=migrated), tmp_path)
        postgres.drop_database(name)


def environ(world: World) -> dict[str, str]:
    found = world.environ(**{environment.TRADING_ACCOUNTS.name: ",".join(NAMES)})
    for name, account in NUMBERS.items():
        secret = {"api_key": account.key, "api_secret": account.secret, "base_url": world.exchange.url}
        found |= {
            environment.account_number(name).name: account.number,
            environment.broker_secret(name).name: json.dumps(secret),
            environment.limits_document(name).name: world.limits.document(),
        }
    return found


def test_a_killed_processs_accounts_are_taken_over_by_the_other_and_every_account_trades_for_itself(
    shared: World,
) -> None:
    with ExitStack() as stack, shared.connect() as connection:
        first = stack.enter_context(process(environ(shared), "run"))
        for name in NAMES:
            first.log.until("lease_acquired", account=name)
        second = stack.enter_context(process(environ(shared), "run"))
        second.log.until("lease_acquired")
        given = _given(connection, second.popen.pid)
        shared.recommend()
        for name in NAMES:
            (second if name in given else first).log.until("execution_recorded", account=name)
        first.signal(signal.SIGKILL)
        killed = monotonic()
        for name in set(NAMES) - given:
            second.log.until("lease_acquired", account=name)
        seconds = monotonic() - killed

    assert len(given) == 2
    assert seconds < TAKEN_OVER_SECONDS
    assert sorted(order["account"] for order in shared.orders()) == sorted(each.number for each in NUMBERS.values())
    assert len(shared.executions()) == len({row["account_name"] for row in shared.executions()}) == len(NAMES)
    assert len(shared.posts()) == len(NAMES)


def test_position_managers_share_the_accounts_as_dispatchers_do_and_beside_them(shared: World) -> None:
    with ExitStack() as stack, shared.connect() as connection:
        stack.enter_context(process(environ(shared), "run"))
        first = stack.enter_context(process(environ(shared), "positions"))
        for name in NAMES:
            first.log.until("lease_acquired", account=name)
        second = stack.enter_context(process(environ(shared), "positions"))
        second.log.until("lease_acquired")
        given = {lease.removesuffix("/positions") for lease in _given(connection, second.popen.pid)}
        first.signal(signal.SIGKILL)
        for name in set(NAMES) - given:
            second.log.until("lease_acquired", account=name)

    assert given < set(NAMES)


def _given(connection: "psycopg.Connection[Any]", process_id: int) -> set[str]:
    """The accounts of a process, once it has its half."""
    statement = "SELECT account FROM dispatch_accounts WHERE holder LIKE %s AND expires_at > clock_timestamp()"
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until:
        rows = connection.execute(statement, (f"%:{process_id}",)).fetchall()
        if len(rows) == len(NAMES) / 2:
            return {row[0] for row in rows}
        connection.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("it was not given its half")
