"""`run` refuses to trade before it starts: one event for each thing that is wrong, and exit 1."""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag

import pytest

from contract import events
from contract.events import CheckFailed, Event
from dispatcher import __main__ as entry
from dispatcher.commands import run, service
from dispatcher.commands.service import Command, Serve, Setting
from dispatcher.shell.settings import Settings
from tests.dispatcher.world import World

pytestmark = pytest.mark.world


def refused(world: World, capsys: pytest.CaptureFixture[str], **changes: str) -> list[Event | None]:
    """What it says when it must not trade."""
    assert run.main([], world.environ(**changes)) == 1
    return [events.parse(line).event for line in capsys.readouterr().out.splitlines()]


def failed(said: list[Event | None]) -> list[tuple[str, str]]:
    return [(event.check, event.subject) for event in said if isinstance(event, CheckFailed)]


def test_a_limit_that_nobody_knows_is_named_and_nothing_starts(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.dumps(json.loads(world.limits.document()) | {"max_daily_gain": 5})

    said = refused(world, capsys, TRADING_LIMITS_LARGE=document)

    assert failed(said) == [("settings", "TRADING_LIMITS_LARGE.max_daily_gain")]
    assert len(said) == 1


def test_a_refused_database_password_ends_the_process(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(world, capsys, DATABASE_PASSWORD="rotated-away")

    assert failed(said) == [("database", "login")]


def test_another_account_than_the_declared_is_not_traded(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(world, capsys, ACCOUNT_NUMBER_LARGE="PA3OTHER")

    assert failed(said) == [("account", "large")]
    assert [event for event in said if isinstance(event, events.BrokerConnected)] == []


def test_a_key_that_the_broker_refuses_is_not_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    secret = json.dumps({"api_key": "PKLARGE", "api_secret": "wrong"})

    said = refused(world, capsys, ALPACA_SECRET_LARGE=secret)

    assert failed(said) == [("broker", "large")]


@pytest.mark.parametrize("host", ["https://api.alpaca.markets", "https://example.com"])
def test_no_other_host_is_traded_on(world: World, capsys: pytest.CaptureFixture[str], host: str) -> None:
    said = refused(world, capsys, ALPACA_BASE_URL=host)

    assert ("settings", "ALPACA_BASE_URL") in failed(said)
    assert world.posts() == []


def test_everything_that_is_missing_is_told_at_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(world, capsys, ACCOUNT_NUMBER_LARGE="", DATABASE_PASSWORD="", EXECUTION_MODE="LIVE")

    assert [subject for _, subject in failed(said)] == ["ACCOUNT_NUMBER_LARGE", "DATABASE_PASSWORD", "EXECUTION_MODE"]


def test_a_schema_that_is_behind_is_not_traded_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with world.connect() as connection:
        connection.execute("DELETE FROM alembic_version")

    assert failed(refused(world, capsys)) == [("schema", "revision")]


def test_what_start_up_built_is_kept_from_the_collector_before_anything_is_served(world: World) -> None:
    kept: list[int] = []

    @contextmanager
    def serving(_: Settings, stop: Flag) -> Iterator[Serve]:
        def serve(_: Setting) -> None:
            kept.append(gc.get_freeze_count())
            stop.set()

        yield serve

    try:
        code = service.run(Command("run", serving), world.environ())
    finally:
        gc.unfreeze()

    assert code == 0
    assert kept[0] > 10_000


@pytest.mark.parametrize("arguments", [[], ["dance"], ["--help"]])
def test_wrong_usage_is_exit_2_and_tells_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = entry.main(arguments)

    told = capsys.readouterr().err
    assert code == 2
    assert [command for command in entry.COMMANDS if command not in told] == []
