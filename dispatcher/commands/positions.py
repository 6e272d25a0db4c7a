"""`positions`: look after what every configured account holds, until SIGTERM."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Event
from time import monotonic

from contract.environment import EXECUTION_MODE, ExecutionMode
from dispatcher.adapters.control import DynamoRequests
from dispatcher.adapters.database import Connections
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.adapters.session import of_manager
from dispatcher.adapters.stream import TradeUpdates
from dispatcher.commands import service, trading
from dispatcher.commands.service import Command, Serve, Setting
from dispatcher.position_ports import PositionLedger
from dispatcher.shell import settings as reading
from dispatcher.shell.check import Finding
from dispatcher.shell.fleet import Fleet
from dispatcher.shell.positions.serve import PositionMeans, PositionService
from dispatcher.shell.settings import Settings


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 after SIGTERM, 1 when it may not manage anything."""
    del arguments
    return service.run(Command("positions", _serving, _refuses), environ)


def lease_of(account: str) -> str:
    """The key of the lease for an account's positions; the dispatcher has one of its own."""
    return f"{account}/positions"


def _refuses(settings: Settings) -> list[Finding]:
    if settings.mode is not ExecutionMode.SIMULATED:
        return []
    evidence = "simulated positions live in the dispatcher's process; those at the broker are another matter"
    return [Finding("mode", EXECUTION_MODE.name, evidence, "run positions for ALPACA_PAPER only")]


@contextmanager
def _serving(settings: Settings, stop: Event) -> Iterator[Serve]:
    leases = tuple(lease_of(account.name) for account in settings.accounts)
    with trading.fleet(settings, "positions", leases, stop) as fleet:

        def serve_one(setting: Setting) -> None:
            PositionService(_means(setting, fleet, _listen(setting)), setting.stop).run()

        yield serve_one


def _listen(setting: Setting) -> TradeUpdates:
    """The one connection to the account's stream of trade updates."""
    secret = setting.settings.secrets[setting.account.name]
    url = reading.stream_url(setting.environ, setting.settings.trading_url)
    return TradeUpdates(url, secret.key, secret.secret)


def _means(setting: Setting, fleet: Fleet, stream: TradeUpdates) -> PositionMeans:
    settings, account = setting.settings, setting.account
    name, lease = f"positions {account.name}", lease_of(account.name)
    connections = Connections(partial(trading.connected, settings, f"{name} budget"), 1)

    @contextmanager
    def open_ledger(epoch: int) -> Iterator[PositionLedger]:
        with trading.connection(settings, name) as opened:
            yield PostgresPositionLedger(opened, account=account.name, lease=lease, epoch=epoch)

    return PositionMeans(
        account=account,
        broker=trading.alpaca(settings, account, connections, of_manager),
        lease=fleet.berth(lease),
        bell=stream,
        requests=DynamoRequests(settings.control_table, account.name) if settings.control_table else None,
        open_ledger=open_ledger,
        say=setting.say,
        alive=setting.alive,
        monotonic=monotonic,
        wall=lambda: datetime.now(UTC),
        heartbeat_seconds=settings.heartbeat_seconds,
    )
