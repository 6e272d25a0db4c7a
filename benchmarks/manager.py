"""A position manager on its feet: real exchange, adapter and database, one turn at a time, on the exchange's clock."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Event as Stop
from time import monotonic
from typing import Any, TypeVar

import requests

from contract.events import Event
from contract.inventory import FILE_NAME, load
from contract.limits import ByHand
from dispatcher.adapters import migrations
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.database import connect
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.adapters.roster import PostgresRoster
from dispatcher.ports import Grant, TradingAccount
from dispatcher.shell.fleet import Fleet
from dispatcher.shell.positions.cycle import View, turn
from dispatcher.shell.positions.desk import PositionDesk
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Postgres

KEY, SECRET, NUMBER = "PKBENCH", "bench-secret", "PA3BENCH"
LEASE = "large/positions"
HALF_SPREAD = Decimal("0.02")
Kind = TypeVar("Kind", bound=Event)


@dataclass
class OnExchangeTime:
    """An exchange whose clock moves only when told, and everything that was said over it, oldest first."""

    exchange: Running
    at: datetime
    """The exchange's time."""
    said: list[Event] = field(default_factory=list)

    def now(self) -> datetime:
        """The exchange's time, which moves only when told."""
        return self.at

    def until(self, moment: datetime | str) -> None:
        """Let time go by for everyone until an instant, or the ISO text of one."""
        self.at = (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(UTC)
        self.exchange.set_clock(self.at.isoformat())

    def advance(self, seconds: float) -> None:
        """Let so much time go by."""
        self.until(self.at + timedelta(seconds=seconds))

    def events(self, kind: type[Kind]) -> list[Kind]:
        """What was said of a kind."""
        return [each for each in self.said if isinstance(each, kind)]

    def requests(self) -> int:
        """How many requests the exchange has had."""
        counters: Any = self.exchange.state()["counters"]
        return int(counters["requests"])


@dataclass
class Manager(OnExchangeTime):
    """One account's manager."""

    desk: PositionDesk = field(init=False)

    def turn(self) -> View:
        """One turn."""
        return turn(self.desk)

    def price(self, symbol: str, middle: Decimal) -> None:
        """Move a symbol's quote to both sides of a price, USD."""
        self.exchange.quotes({symbol: {"bid": str(middle - HALF_SPREAD), "ask": str(middle + HALF_SPREAD)}})

    def buy(self, symbol: str, quantity: int) -> None:
        """What a person buys at the market, at the broker's own page."""
        headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
        body = {"symbol": symbol, "qty": str(quantity), "side": "buy", "type": "market", "time_in_force": "day"}
        url = f"{self.exchange.url}/v2/orders"
        requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()


@contextmanager
def manager(
    at: datetime,
    quotes: Mapping[str, Mapping[str, str]],
    *,
    held: Mapping[str, Mapping[str, str]] | None = None,
    by_hand: ByHand = ByHand.PROTECT,
    broker: type[AlpacaBroker] = AlpacaBroker,
) -> Iterator[Manager]:
    """A manager with the declared policy over an exchange whose clock stands still, and over a database of its own."""
    account = AccountConfig(NUMBER, KEY, SECRET, Decimal(1_000_000), positions=dict(held or {}))
    config = Config(
        seed=7,
        now=nanoseconds(at),
        clock_running=False,
        accounts=(account,),
        quotes=dict(quotes),
        settings=Settings(rate_limit=0),
    )
    with running(config) as exchange, Postgres.temporary() as server:
        database = server.database
        migrations.upgrade(database.url, database.password)
        asked = broker(key=KEY, secret=SECRET, trading_url=exchange.url, data_url=exchange.url)
        connected = partial(connect, database.url, database.password)
        roster = PostgresRoster(partial(connected, name="bench fleet"), "bench", (LEASE,))
        with (
            connected(name="bench") as connection,
            closing(Fleet(roster, "bench", (LEASE,), monotonic, Stop())) as fleet,
        ):
            fleet.start()
            lease = fleet.berth(LEASE)
            granted = lease.take()
            assert isinstance(granted, Grant), "nobody else knows the database"
            declared = load(Path(FILE_NAME)).accounts["large"]
            limits = replace(declared, exits=replace(declared.exits, by_hand=by_hand))
            ledger = PostgresPositionLedger(connection, account="large", lease=LEASE, epoch=granted.epoch)
            standing = Manager(exchange, at)
            standing.desk = PositionDesk(
                account=TradingAccount("large", NUMBER, limits),
                broker=asked,
                ledger=ledger,
                lease=lease,
                requests=None,
                say=standing.said.append,
                now=standing.now,
                monotonic=monotonic,
                wall=standing.now,
                since=at,
            )
            yield standing
