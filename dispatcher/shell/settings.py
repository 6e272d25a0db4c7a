"""The environment, read once and strictly. Everything wrong with it is told at once; nothing has a silent default."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from contract import environment, limits
from contract.environment import ExecutionMode, Variable
from contract.events import Speaker
from contract.strict import DocumentError, Problem
from dispatcher.ports import TradingAccount

T = TypeVar("T")

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PAPER_HOST = "paper-api.alpaca.markets"
DATA_HOST = "data.alpaca.markets"


@dataclass(frozen=True, slots=True)
class Secret:
    """An account's key and secret at the broker. Not shown by repr, so not in a traceback either."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a trading command is started with."""

    database_url: str
    database_password: str = field(repr=False)
    trading_url: str
    data_url: str
    mode: ExecutionMode
    accounts: tuple[TradingAccount, ...]
    control_table: str | None
    secrets: Mapping[str, Secret]
    health_file: str
    heartbeat_seconds: float


def speaker(environ: Mapping[str, str]) -> Speaker:
    """Who speaks. Needed even to say that the settings are wrong, so it has no way to fail."""
    return Speaker(
        environ.get(environment.SERVICE_NAME.name, environment.SERVICE_NAME.default),
        environ.get(environment.BUILD_REVISION.name, environment.BUILD_REVISION.default),
    )


def database(environ: Mapping[str, str]) -> tuple[str, str]:
    """URL and password of the database.

    Raises:
        DocumentError: one of them is not set, or the URL has a password in it.
    """
    reading = _Reading(environ)
    found = reading.database()
    reading.finish()
    return found


def read(environ: Mapping[str, str]) -> Settings:
    """The settings of a trading command.

    Raises:
        DocumentError: lists every variable that is missing or wrong.
    """
    reading = _Reading(environ)
    names = reading.account_names()
    url, password = reading.database()
    trading_url = reading.url(environment.ALPACA_BASE_URL, PAPER_HOST)
    secrets = {name: reading.secret(name, trading_url) for name in names}
    accounts = [reading.account(name) for name in names]
    data_url = reading.url(environment.ALPACA_DATA_URL, DATA_HOST)
    mode = reading.mode()
    health_file = reading.text(environment.HEALTH_FILE)
    heartbeat_seconds = reading.seconds(environment.HEARTBEAT_SECONDS)
    reading.finish()
    return Settings(
        database_url=url,
        database_password=password,
        trading_url=trading_url,
        data_url=data_url,
        mode=_read(mode),
        accounts=tuple(_read(account) for account in accounts),
        control_table=environ.get(environment.CONTROL_TABLE.name) or None,
        secrets=secrets,
        health_file=health_file,
        heartbeat_seconds=heartbeat_seconds,
    )


def stream_url(environ: Mapping[str, str], trading_url: str) -> str:
    """The address of the stream of trade updates: the one that is set, or the trading host's own.

    Raises:
        DocumentError: it is another host's.
    """
    reading = _Reading(environ)
    url = reading.stream_url(trading_url)
    reading.finish()
    return url


def _read(value: T | None) -> T:
    """What `finish` has vouched for: had it not been readable, there would have been a problem."""
    if value is None:
        raise AssertionError("a setting without a value and without a problem")
    return value


def _split(url: str) -> SplitResult:
    """The parts of an address; none of them for what is no address at all."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class _Reading:
    """Collects what is wrong, so that it can all be told in one error."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[Problem] = []

    def finish(self) -> None:
        if self._problems:
            raise DocumentError("environment", tuple(sorted(self._problems)))

    def text(self, variable: Variable) -> str:
        value = self._environ.get(variable.name, variable.default)
        if not value:
            self._problem(variable, f"is not set; {variable.meaning}")
        return value

    def database(self) -> tuple[str, str]:
        url = self.text(environment.DATABASE_URL)
        parts = _split(url)
        if url and (parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or not parts.path.strip("/")):
            self._problem(environment.DATABASE_URL, "is not postgresql://user@host:port/name")
        if parts.password is not None:
            self._problem(environment.DATABASE_URL, "has a password in it; put that into DATABASE_PASSWORD")
        return url, self.text(environment.DATABASE_PASSWORD)

    def url(self, variable: Variable, host: str) -> str:
        """A broker's address: only its paper or data host over TLS, or loopback."""
        url = self.text(variable)
        parts = _split(url)
        allowed = parts.hostname in LOOPBACK or (parts.hostname == host and parts.scheme == "https")
        if url and not (allowed and parts.path in {"", "/"}):
            self._problem(variable, f"{url!r} is neither https://{host} nor loopback; no other host may be traded on")
        return url.rstrip("/")

    def stream_url(self, trading_url: str) -> str:
        """The stream's address: the one that is set, or the trading host's own."""
        url = self._environ.get(environment.ALPACA_STREAM_URL.name)
        if not url:
            return trading_url.replace("http", "ws", 1) + "/stream"
        parts = urlsplit(url)
        local = parts.hostname in LOOPBACK and parts.scheme in {"ws", "wss"}
        if not (local or (parts.hostname == PAPER_HOST and parts.scheme == "wss")):
            self._problem(environment.ALPACA_STREAM_URL, f"{url!r} is neither wss://{PAPER_HOST} nor loopback")
        return url

    def mode(self) -> ExecutionMode | None:
        value = self.text(environment.EXECUTION_MODE)
        try:
            return ExecutionMode(value)
        except ValueError:
            if value:
                self._problem(environment.EXECUTION_MODE, f"{value!r} is none of {', '.join(ExecutionMode)}")
            return None

    def seconds(self, variable: Variable) -> float:
        value = self.text(variable)
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 3600:  # noqa: PLR2004  an hour without a sign of life is none
            self._problem(variable, f"{value!r} is not a number of seconds between 0 and 3600")
        return seconds

    def account_names(self) -> list[str]:
        names = [name.strip() for name in self.text(environment.TRADING_ACCOUNTS).split(",") if name.strip()]
        if not names and environment.TRADING_ACCOUNTS.name in self._environ:
            self._problem(environment.TRADING_ACCOUNTS, "names no account")
        if len(set(names)) != len(names):
            self._problem(environment.TRADING_ACCOUNTS, "names an account twice")
        return names

    def account(self, name: str) -> TradingAccount | None:
        number = self.text(environment.account_number(name))
        variable = environment.limits_document(name)
        document = self.text(variable)
        if not document:
            return None
        try:
            return TradingAccount(name, number, limits.parse(document, name=variable.name))
        except DocumentError as error:
            self._problems += [Problem(f"{variable.name}.{each.path}", each.message) for each in error.problems]
            return None

    def secret(self, name: str, trading_url: str) -> Secret:
        variable = environment.broker_secret(name)
        table = self._json(variable)
        missing = [key for key in ("api_key", "api_secret") if not isinstance(table.get(key), str) or not table[key]]
        if variable.name in self._environ and missing:
            self._problem(variable, f"lacks {' and '.join(missing)}")
        declared = _split(str(table.get("base_url", trading_url))).hostname
        if declared != _split(trading_url).hostname:
            self._problem(variable, f"is for {declared}, but {environment.ALPACA_BASE_URL.name} is {trading_url}")
        return Secret(str(table.get("api_key", "")), str(table.get("api_secret", "")))

    def _json(self, variable: Variable) -> dict[str, object]:
        text = self.text(variable)
        try:
            table = json.loads(text or "{}")
        except ValueError:
            table = None
        if not isinstance(table, dict):
            self._problem(variable, "is not a JSON object")  # never the value: it is a secret
            return {}
        return table

    def _problem(self, variable: Variable, message: str) -> None:
        self._problems.append(Problem(variable.name, message))
