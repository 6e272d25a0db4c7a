"""The two services of one account as they are deployed, over a stand: their own loops, ledgers, adapters and stream.

They run by steps and on the exchange's clock. Either can die before any request to the broker, with the answer to it in
its hands, or where it waits; its leases then run out, and the next one finds what it left.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from contract.environment import ExecutionMode
from contract.limits import Action, Limits, TradingState
from contract.options import Choice, Contracts, Entry, Options, Structure, Undefined, Volatility
from dispatcher.adapters.alpaca import AlpacaBroker
from dispatcher.adapters.database import Connections
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.adapters.listener import Ear, Listener
from dispatcher.adapters.position_ledger import PostgresPositionLedger
from dispatcher.adapters.stream import TradeUpdates
from dispatcher.core.budget import Priority, Told
from dispatcher.core.order import Sendable
from dispatcher.core.outcome import Outcome
from dispatcher.ports import Channel, TradingAccount
from dispatcher.position_ports import PositionLedger
from dispatcher.shell.aside import at_once
from dispatcher.shell.catalog import Catalog
from dispatcher.shell.desk import OptionMeans
from dispatcher.shell.positions.serve import PositionMeans, PositionService
from dispatcher.shell.serve import Means, Service
from dispatcher.shell.switch import Switch
from tests.dispatcher.cases import limits
from tests.dispatcher.positions.stand import LEASE, START, Hold, Stand
from tests.dispatcher.positions.stepped import KilledError, Stepped
from tests.dispatcher.world import ACCOUNT

DISPATCHER, MANAGER = "dispatcher", "manager"
NEVER = -1
ENTRY_LIFE_SECONDS = 60
OPTIONS = Options(
    choice=Choice(max_spread_fraction=Decimal("0.2"), min_delta=Decimal("0.2"), max_delta=Decimal("0.8")),
    volatility=Volatility(undefined=Undefined.REDUCE, reduced_fraction=Decimal(1)),
    contracts=Contracts(fixed_fraction=Decimal("0.02"), max_loss_per_trade=Decimal(2_000)),
    entry=Entry(steps=2, step_seconds=1, life_seconds=ENTRY_LIFE_SECONDS, max_premium_above_middle=Decimal("0.5")),
)
"""Traded though nothing is known of the volatility's past, and moved quickly to where they fill."""


@dataclass
class Fate:
    """When a service dies: before so many more requests to the broker, or with the answer to so many more orders."""

    requests: int = NEVER
    answers: int = NEVER

    def begin(self) -> None:
        """Another life."""
        self.requests = self.answers = NEVER

    def take(self, priority: Priority) -> float:
        """See adapters.session.Budget."""
        del priority
        if self.requests == 0:
            raise KilledError
        self.requests = max(NEVER, self.requests - 1)
        return 0.0

    def hear(self, told: Told) -> None:
        """See adapters.session.Budget."""

    def answered(self, outcome: Outcome) -> Outcome:
        """What the broker said to an order; nobody learns of it where it was one too many."""
        if self.answers == 0:
            raise KilledError
        self.answers = max(NEVER, self.answers - 1)
        return outcome


class MortalBroker(AlpacaBroker):
    """The real adapter of a service that may die of a request."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(key=ACCOUNT.key, secret=ACCOUNT.secret, trading_url=url, data_url=url, budget=fate)
        self._fate = fate
        fate.begin()

    def submit(self, order: Sendable) -> Outcome:
        return self._fate.answered(super().submit(order))

    def close(self, symbol: str) -> Outcome:
        return self._fate.answered(super().close(symbol))


class RestingEar(Ear):
    """Hears what the real listener hears, and rests where it would wait."""

    def __init__(self, real: Ear, stepped: Stepped) -> None:
        super().__init__()
        self._real, self._stepped = real, stepped

    def expected(self) -> frozenset[str]:
        return self._real.expected()

    def wait(self, seconds: float) -> frozenset[Channel]:
        del seconds
        self._stepped.rest()
        return self._real.wait(0)


@dataclass
class RestingBell:
    """The real stream; where the manager would wait for it, it rests. `rang` has an entry for each wait cut short."""

    real: TradeUpdates
    stepped: Stepped
    rang: list[int] = field(default_factory=list)

    def listen(self) -> None:
        self.real.listen()

    def silence(self) -> None:
        self.real.silence()

    def wait(self, seconds: float) -> bool:
        del seconds
        if not self.real.wait(0):
            self.stepped.rest()
            if not self.real.wait(0):
                return False
        self.rang.append(1)
        return True

    def take(self) -> tuple[str, ...]:
        return self.real.take()


@dataclass
class Crew:
    """A dispatcher and a position manager of one account."""

    stand: Stand
    listener: Listener
    rang: list[int] = field(default_factory=list)
    fates: dict[str, Fate] = field(default_factory=lambda: {DISPATCHER: Fate(), MANAGER: Fate()})
    bought_as: Structure = Structure.SINGLE
    """What a call or a put that is recommended is bought as."""
    _running: dict[str, Stepped] = field(default_factory=dict)
    _service: PositionService | None = None

    @property
    def limits(self) -> Limits:
        """Nothing here is about how much may be traded, so no count stands in the way."""
        return limits(
            above_ceilings=True,
            allowed_actions=tuple(Action),
            options=replace(OPTIONS, bought_as=self.bought_as),
            exits=self.stand.exits,
            symbol_cooldown_minutes=0,
            max_orders_per_symbol_per_day=10_000,
            max_daily_loss=10_000_000,
            halt_after_rejections=10_000,
            halt_after_unknown_seconds=100_000,
            entry_life_seconds=ENTRY_LIFE_SECONDS,
        )

    @property
    def account(self) -> TradingAccount:
        """As both services know it."""
        return TradingAccount("large", ACCOUNT.number, self.limits)

    def monotonic(self) -> float:
        """Seconds of the exchange."""
        return (self.stand.now() - START).total_seconds()

    def dispatch(self) -> None:
        """The dispatcher's step: everything that upstream wrote, up to where it waits for more."""
        self._step(DISPATCHER, self._run_dispatcher)

    def manage(self) -> bool:
        """The manager's step; whether it made a whole turn. A look at quotes alone is none: it reads no holdings."""
        before = self._read()
        alive, after = self._step(MANAGER, self._run_manager), self._read()
        return alive and after is not None and after is not before

    def kill(self, *names: str) -> None:
        """End services where they wait."""
        for name in names:
            if (service := self._running.pop(name, None)) is not None:
                service.kill()

    def _step(self, name: str, run: Callable[[Stepped], None]) -> bool:
        running = self._running.get(name)
        if running is None or not running.alive:
            running = self._running[name] = Stepped(run)
        return running.step()

    def spare(self) -> None:
        """Nobody is to die any more."""
        for fate in self.fates.values():
            fate.begin()

    def _read(self) -> object:
        view = None if self._service is None else self._service._view
        return None if view is None else view.holdings

    def _run_dispatcher(self, stepped: Stepped) -> None:
        real = MortalBroker(self.stand.exchange.url, self.fates[DISPATCHER])
        ear = RestingEar(self.listener.ear("large"), stepped)
        connections = Connections(self.stand.connect, 1)
        means = Means(
            account=self.account,
            mode=ExecutionMode.ALPACA_PAPER,
            broker=real,
            options=OptionMeans(real, complete),
            lease=Hold(self.stand, "large"),
            switch=Switch(None, TradingState.ACTIVE, self.monotonic, self.stand.now),
            open_ledger=lambda epoch: PostgresLedger(connections, ear, account="large", epoch=epoch),
            catalog=Catalog(self.monotonic),
            aside=at_once,
            threads_to_spare=True,
            say=self.stand.said.append,
            alive=lambda: None,
            monotonic=self.monotonic,
            heartbeat_seconds=10,
        )
        Service(means, stepped.stop).run()

    def _run_manager(self, stepped: Stepped) -> None:
        url = self.stand.exchange.url.replace("http", "ws", 1) + "/stream"
        stream = TradeUpdates(url, ACCOUNT.key, ACCOUNT.secret, first_pause=0.01)

        @contextmanager
        def open_ledger(epoch: int) -> Iterator[PositionLedger]:
            yield PostgresPositionLedger(self.stand.connect(), account="large", lease=LEASE, epoch=epoch)

        means = PositionMeans(
            account=self.account,
            broker=MortalBroker(self.stand.exchange.url, self.fates[MANAGER]),
            lease=Hold(self.stand, LEASE),
            bell=RestingBell(stream, stepped, self.rang),
            requests=self.stand.asked,
            open_ledger=open_ledger,
            say=self.stand.said.append,
            alive=lambda: None,
            monotonic=self.monotonic,
            wall=self.stand.now,
            heartbeat_seconds=10,
        )
        self._service = PositionService(means, stepped.stop)
        self._service.run()
