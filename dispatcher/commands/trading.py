"""The composition root of the trading commands: the only place that knows which adapter stands on which port."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from threading import Event

from psycopg import Connection
from psycopg.rows import DictRow

from contract.environment import ExecutionMode
from dispatcher.adapters import migrations, schema
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.budget import PostgresBudget
from dispatcher.adapters.control import DynamoControl
from dispatcher.adapters.database import Connections, connect
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Listener
from dispatcher.adapters.pulse import beat
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.adapters.session import Classify, of_dispatcher
from dispatcher.adapters.simulated import SimulatedBroker
from dispatcher.ports import Broker, BrokerRefusedError, Say, TradingAccount
from dispatcher.shell import check
from dispatcher.shell.aside import Start
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.check import Finding
from dispatcher.shell.desk import OptionMeans
from dispatcher.shell.fleet import Fleet
from dispatcher.shell.serve import WAIT_SECONDS, Means
from dispatcher.shell.settings import Settings
from dispatcher.shell.switch import Switch

MOST_CONNECTIONS = 8
"""To the database, for statements. More accounts wait for one another's commits, which are short."""
MOST_ASIDE = 4
ACCOUNTS_LOOKING_A_SECOND = 200
"""What is written is told to all of them at once; without that, so many look for it."""


def alpaca(
    settings: Settings,
    account: TradingAccount,
    connections: Connections | None = None,
    classify: Classify = of_dispatcher,
) -> AlpacaBroker:
    """The account at the real broker, whatever EXECUTION_MODE says; on the shared budget where there is a database."""
    limit = account.limits.requests_per_minute
    budget = PostgresBudget(connections, account.name, limit, time.monotonic) if connections else None
    secret = settings.secrets[account.name]
    return AlpacaBroker(
        key=secret.key,
        secret=secret.secret,
        trading_url=settings.trading_url,
        data_url=settings.data_url,
        budget=budget,
        classify=classify,
    )


def broker(settings: Settings, account: TradingAccount) -> Broker:
    """The broker of an account, as EXECUTION_MODE chooses it."""
    return _chosen(settings, alpaca(settings, account))


def _chosen(settings: Settings, real: AlpacaBroker) -> Broker:
    return real if settings.mode is ExecutionMode.ALPACA_PAPER else SimulatedBroker(real)


def findings(settings: Settings, say: Say | None = None) -> list[Finding]:
    """Everything that keeps the service from trading. `say` is told of each account that answers as declared.

    Raises:
        DatabaseUnavailableError, DatabaseAuthenticationError, BrokerUnavailableError: it could not be found out.
    """
    with connection(settings, "dispatcher check") as opened:
        columns = {table: schema.columns(opened, table) for table in check.COLUMNS}
        found = check.schema(schema.revision(opened), migrations.head(), columns)
        found += check.one_execution_per_account(schema.unique_columns(opened, "dispatch_executions"))
    for account in settings.accounts:
        found += _account_findings(settings, account, say)
    return found


def _account_findings(settings: Settings, account: TradingAccount, say: Say | None) -> list[Finding]:
    try:
        answered = broker(settings, account).account()
    except BrokerRefusedError as error:
        return [check.refused(account, error.error)]
    wrong = check.identity(account, answered)
    if say is not None and not wrong:
        say(check.connected(account, answered, settings.trading_url))
    return wrong


@dataclass(frozen=True, slots=True)
class Commons:
    """What the accounts of one process share, so that the thousandth costs little more than the first."""

    connections: Connections
    listener: Listener
    catalog: Catalog
    aside: Start
    fleet: Fleet


@contextmanager
def commons(settings: Settings, stop: Event) -> Iterator[Commons]:
    """Opened for all accounts, and closed after the last of them has ended."""
    accounts = len(settings.accounts)
    connections = Connections(partial(connected, settings, "dispatcher"), min(2 * accounts, MOST_CONNECTIONS))
    listener = Listener(partial(connected, settings, "dispatcher listener"))
    listener.start()
    try:
        with (
            fleet(settings, "dispatcher", tuple(account.name for account in settings.accounts), stop) as ours,
            ThreadPoolExecutor(min(2 * accounts, MOST_ASIDE), thread_name_prefix="aside") as aside,
        ):
            yield Commons(connections, listener, Catalog(time.monotonic), aside.submit, ours)
    finally:
        listener.close()
        connections.close()


@contextmanager
def fleet(settings: Settings, service: str, leases: tuple[str, ...], stop: Event) -> Iterator[Fleet]:
    """This process among those that share the leases, until the last of them was let go."""
    us = member()
    roster = PostgresRoster(partial(connected, settings, f"{service} fleet"), us, leases)
    fleet = Fleet(roster, us, leases, time.monotonic, stop)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.close()


def means(settings: Settings, commons: Commons, account: TradingAccount, say: Say, alive: Callable[[], None]) -> Means:
    """What one account is served with."""
    ear = commons.listener.ear(account.name)
    real = alpaca(settings, account, commons.connections)
    return Means(
        account=account,
        mode=settings.mode,
        broker=_chosen(settings, real),
        options=OptionMeans(real, complete),
        lease=commons.fleet.berth(account.name),
        switch=switch(settings, account, ear.ring),
        open_ledger=lambda epoch: PostgresLedger(commons.connections, ear, account=account.name, epoch=epoch),
        catalog=commons.catalog,
        aside=commons.aside,
        threads_to_spare=2 * len(settings.accounts) <= MOST_ASIDE,
        say=say,
        alive=alive,
        monotonic=time.monotonic,
        heartbeat_seconds=settings.heartbeat_seconds,
        wait_seconds=max(WAIT_SECONDS, len(settings.accounts) / ACCOUNTS_LOOKING_A_SECOND),
    )


def switch(settings: Settings, account: TradingAccount, changed: Callable[[], None] = lambda: None) -> Switch:
    """The account's kill switch; `changed` is told of news."""
    table = settings.control_table
    control = DynamoControl(table, account.name) if table is not None else None
    return Switch(control, account.limits.trading_state, time.monotonic, changed=changed)


def member() -> str:
    """This process among those that share accounts: unlike any other, even one that gets its process id again."""
    return f"{socket.gethostname()}:{token_hex(3)}:{os.getpid()}"


def pulse(settings: Settings) -> Callable[[], None]:
    """Gives the sign of life that `health` looks for."""
    return partial(beat, Path(settings.health_file))


def connected(settings: Settings, name: str) -> Connection[DictRow]:
    """A connection that its user closes; `name` shows in pg_stat_activity."""
    return connect(settings.database_url, settings.database_password, name=name)


@contextmanager
def connection(settings: Settings, name: str) -> Iterator[Connection[DictRow]]:
    """A connection for the length of a block."""
    opened = connected(settings, name)
    try:
        yield opened
    finally:
        opened.close()
