"""The environment is read once and strictly, and everything wrong with it is told at once, but for secrets."""

import json
from typing import Any

import pytest

from contract.environment import ExecutionMode
from contract.events import Speaker
from contract.strict import DocumentError
from dispatcher.ports import TradingAccount
from dispatcher.shell import settings
from dispatcher.shell.settings import Secret, Settings
from tests.dispatcher.cases import limits

PASSWORD, KEY, API_SECRET = "never-shown-1", "never-shown-2", "never-shown-3"
PAPER = "https://paper-api.alpaca.markets"
GOOD = {
    "DATABASE_URL": "postgresql://dispatcher@127.0.0.1:5432/ops_pipeline",
    "DATABASE_PASSWORD": PASSWORD,
    "ALPACA_BASE_URL": PAPER,
    "ALPACA_DATA_URL": "https://data.alpaca.markets/",
    "TRADING_ACCOUNTS": "large, tiny-one",
    "EXECUTION_MODE": "ALPACA_PAPER",
    "HEALTH_FILE": "/run/health",
    "HEARTBEAT_SECONDS": "15",
} | {
    name: value
    for suffix, number in (("LARGE", "PA3LARGE"), ("TINY_ONE", "PA3TINY"))
    for name, value in {
        f"ACCOUNT_NUMBER_{suffix}": number,
        f"TRADING_LIMITS_{suffix}": limits().document(),
        f"ALPACA_SECRET_{suffix}": json.dumps({"api_key": KEY, "api_secret": API_SECRET, "base_url": PAPER}),
    }.items()
}


def problems(**changes: str | None) -> list[str]:
    environ = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(DocumentError) as told:
        settings.read(environ)
    return [str(problem) for problem in told.value.problems]


def test_good_settings_are_read_whole() -> None:
    assert settings.read(GOOD) == Settings(
        database_url=GOOD["DATABASE_URL"],
        database_password=PASSWORD,
        trading_url=PAPER,
        data_url="https://data.alpaca.markets",
        mode=ExecutionMode.ALPACA_PAPER,
        accounts=(
            TradingAccount("large", "PA3LARGE", limits()),
            TradingAccount("tiny-one", "PA3TINY", limits()),
        ),
        secrets={"large": Secret(KEY, API_SECRET), "tiny-one": Secret(KEY, API_SECRET)},
        health_file="/run/health",
        heartbeat_seconds=15.0,
        control_table=None,
    )


def test_no_secret_is_shown_by_repr() -> None:
    shown = repr(settings.read(GOOD))

    assert [secret for secret in (PASSWORD, KEY, API_SECRET) if secret in shown] == []


def test_an_empty_environment_lacks_everything_at_once() -> None:
    with pytest.raises(DocumentError) as told:
        settings.read({})

    assert [problem.path for problem in told.value.problems] == [
        "ALPACA_BASE_URL",
        "ALPACA_DATA_URL",
        "DATABASE_PASSWORD",
        "DATABASE_URL",
        "EXECUTION_MODE",
        "HEALTH_FILE",
        "TRADING_ACCOUNTS",
    ]


def test_what_an_account_lacks_is_named_by_its_own_variables() -> None:
    lacking = dict.fromkeys(("ACCOUNT_NUMBER_LARGE", "TRADING_LIMITS_LARGE", "ALPACA_SECRET_LARGE"))

    assert [each.split(":")[0] for each in problems(**lacking)] == sorted(lacking)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.alpaca.markets",
        "http://paper-api.alpaca.markets",
        "https://paper-api.alpaca.markets.example.com",
        "https://paper-api.alpaca.markets@example.com",
        "https://example.com/paper-api.alpaca.markets",
        "https://data.alpaca.markets",
        "https://paper-api.alpaca.markets/v2",
        "http://127.0.0.2:80",
        "paper-api.alpaca.markets",
        "http://[::1",
        "nonsense",
    ],
)
def test_no_host_but_the_paper_host_and_loopback_may_be_traded_on(url: str) -> None:
    told = problems(ALPACA_BASE_URL=url)

    assert f"ALPACA_BASE_URL: {url!r} is neither https://paper-api.alpaca.markets nor loopback" in told[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:9", PAPER + "/"])
def test_the_paper_host_and_loopback_are_allowed(url: str) -> None:
    secret = json.dumps({"api_key": KEY, "api_secret": API_SECRET})
    changed = {**GOOD, "ALPACA_BASE_URL": url, "ALPACA_SECRET_LARGE": secret, "ALPACA_SECRET_TINY_ONE": secret}

    assert settings.read(changed).trading_url == url.rstrip("/")


@pytest.mark.parametrize("url", [PAPER, "https://example.com", "http://data.alpaca.markets"])
def test_no_host_but_the_data_host_and_loopback_is_read_from(url: str) -> None:
    assert "ALPACA_DATA_URL" in problems(ALPACA_DATA_URL=url)[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"DATABASE_URL": f"postgresql://u:{PASSWORD}@h:1/d"},
            "DATABASE_URL: has a password in it; put that into DATABASE_PASSWORD",
        ),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: is not postgresql://user@host:port/name"),
        ({"DATABASE_URL": "postgresql://[h"}, "DATABASE_URL: is not postgresql://user@host:port/name"),
        ({"TRADING_ACCOUNTS": ","}, "TRADING_ACCOUNTS: names no account"),
        ({"TRADING_ACCOUNTS": "large,large"}, "TRADING_ACCOUNTS: names an account twice"),
        (
            {"EXECUTION_MODE": "SIMULATED_FALLBACK"},
            "EXECUTION_MODE: 'SIMULATED_FALLBACK' is none of ALPACA_PAPER, SIMULATED",
        ),
        ({"ALPACA_SECRET_LARGE": "{}"}, "ALPACA_SECRET_LARGE: lacks api_key and api_secret"),
        ({"ALPACA_SECRET_LARGE": '{"api_key": "", "api_secret": 5}'}, "ALPACA_SECRET_LARGE: lacks api_key and"),
        ({"ALPACA_SECRET_LARGE": "[]"}, "ALPACA_SECRET_LARGE: is not a JSON object"),
        ({"ALPACA_SECRET_LARGE": API_SECRET}, "ALPACA_SECRET_LARGE: is not a JSON object"),
        (
            {"ALPACA_SECRET_LARGE": '{"api_key": "a", "api_secret": "b", "base_url": "https://api.alpaca.markets"}'},
            f"ALPACA_SECRET_LARGE: is for api.alpaca.markets, but ALPACA_BASE_URL is {PAPER}",
        ),
        ({"TRADING_LIMITS_LARGE": "{"}, "TRADING_LIMITS_LARGE.: is not a JSON object"),
    ],
)
def test_what_is_wrong_is_told_with_its_name_and_without_its_secret(changes: dict[str, Any], told: str) -> None:
    found = problems(**changes)

    assert [each for each in found if each.startswith(told)] != [], found
    assert [each for each in found if PASSWORD in each or API_SECRET in each] == []


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf", "3601"])
def test_a_heartbeat_is_a_number_of_seconds_up_to_an_hour(seconds: str) -> None:
    assert problems(HEARTBEAT_SECONDS=seconds) == [
        f"HEARTBEAT_SECONDS: {seconds!r} is not a number of seconds between 0 and 3600"
    ]


def test_a_limit_that_nobody_knows_is_named() -> None:
    document = json.loads(limits().document()) | {"max_notional": 5}

    (told,) = problems(TRADING_LIMITS_LARGE=json.dumps(document))

    assert told == "TRADING_LIMITS_LARGE.max_notional: unknown key; did you mean max_notional_per_order?"


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(DATABASE_PASSWORD=None, EXECUTION_MODE="LIVE", HEARTBEAT_SECONDS="soon", ACCOUNT_NUMBER_LARGE=None)

    assert [each.split(":")[0] for each in found] == [
        "ACCOUNT_NUMBER_LARGE",
        "DATABASE_PASSWORD",
        "EXECUTION_MODE",
        "HEARTBEAT_SECONDS",
    ]


@pytest.mark.parametrize(
    ("environ", "speaker"),
    [
        ({}, Speaker("dispatcher", "unbuilt")),
        ({"SERVICE_NAME": "dispatcher-tiny", "BUILD_REVISION": "abc123"}, Speaker("dispatcher-tiny", "abc123")),
    ],
)
def test_who_speaks_is_known_even_when_nothing_else_is(environ: dict[str, str], speaker: Speaker) -> None:
    assert settings.speaker(environ) == speaker
