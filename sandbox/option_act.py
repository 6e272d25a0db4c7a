"""An act of its own: a call is chosen from a chain, bought, tracked, and closed by its exit rule.

It has an exchange, a database and a fresh account for itself, so that nothing of the story before stands in its way:
a year of implied volatility is filled in, today's is taken, and the dispatcher and the position manager run beside each
other as they do in production.
"""

import json
import math
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from contract import environment, events
from contract.limits import Action, Limits
from contract.options import Choice, Contracts, Entry, Options
from sandbox.feed import End, Expected, Fed, insert
from sandbox.parts import Part
from sandbox.postgres import Database
from sandbox.record import Record, StepFailedError
from sandbox.stage import ACCOUNT, Stage, done
from sandbox.venue import Venue
from sandbox.world import World

NUMBER = "PA3OPTIONS01"
SYMBOL = "AAPL"
NOW = "2026-11-23T10:30:00-05:00"
EXCHANGE = """seed = 8
now = "{now}"
[[accounts]]
number = "{number}"
key = "{key}"
secret = "{secret}"
cash = "100000"
options_level = 2
[quotes.AAPL]
bid = "232.45"
ask = "232.55"
"""
POLICY = Options(
    choice=Choice(max_spread_fraction=Decimal("0.15")),
    contracts=Contracts(fixed_fraction=Decimal("0.02"), max_loss_per_trade=Decimal(2_500)),
    entry=Entry(steps=2, step_seconds=1),
)
DAYS_OF_HISTORY = 365
TWICE = 2
"""The premium doubles: a gain beyond the declared target."""

Said = TypeVar("Said", bound=events.Event)


@dataclass(frozen=True, slots=True)
class Scenery:
    """What the act plays on."""

    world: World
    venue: Venue
    database: Database
    variables: dict[str, str]

    def run(self, name: str, *words: str) -> str:
        """One of the image's commands, to its end; what it said."""
        command = [sys.executable, "-m", "dispatcher", *words]
        return done(f"dispatcher {words[0]}", self.world.run(name, command, self.variables, seconds=90)).stdout

    def serve(self, name: str, word: str) -> Part:
        """One of the image's services."""
        return self.world.start(name, [sys.executable, "-m", "dispatcher", word], self.variables)


def call_bought_and_closed(world: World, record: Record, stage: Stage) -> None:
    """Play it."""
    record.teller.heading("a call, from its chain to its exit")
    scenery = _set(world, record, stage)
    with record.step("option-volatility", "taking the day's implied volatility") as told:
        told(_history(scenery))
    dispatcher, manager = scenery.serve("option-dispatcher", "run"), scenery.serve("option-positions", "positions")
    with record.step("option-bought", "recommending a call") as told:
        symbol, words = _bought(scenery, dispatcher)
        told(words)
    with record.step("option-closed", "doubling its premium") as told:
        told(_closed(scenery, manager, symbol))
    with record.step("option-stop", "stopping both services") as told:
        codes = (dispatcher.stop(), manager.stop())
        told(f"SIGTERM: they ended with {codes[0]} and {codes[1]}; {_flat(scenery)}")


def _set(world: World, record: Record, stage: Stage) -> Scenery:
    with record.step("option-world", "setting up an exchange and a database for it") as told:
        key, secret = f"PK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30)
        config = world.private("option-exchange.toml", EXCHANGE.format(now=NOW, number=NUMBER, key=key, secret=secret))
        command = [sys.executable, "-m", "sandbox.exchange", "--port", "0", "--config", str(config)]
        ready = world.start("option-exchange", command, {}).wait_for(
            lambda line: line.startswith("exchange ready on "), what="`exchange ready on …`"
        )
        venue, database = Venue(ready.split()[-1]), stage.server.create_database("options")
        scenery = Scenery(world, venue, database, _variables(world, stage, venue, database, key, secret))
        scenery.run("option-migrate", "migrate")
        told(f"{venue.url}, an account of $100,000 that may buy options; {', '.join(_limits(stage).allowed_actions)}")
    return scenery


def _limits(stage: Stage) -> Limits:
    """The declared limits, but that the account trades options."""
    return replace(stage.declared.accounts[ACCOUNT], allowed_actions=(Action.BUY_CALL,), options=POLICY)


def _variables(  # noqa: PLR0917  the parts of an environment
    world: World, stage: Stage, venue: Venue, database: Database, key: str, secret: str
) -> dict[str, str]:
    names = dict(zip(environment.SECRET_KEYS, (key, secret, ACCOUNT, venue.url), strict=True))
    return dict(stage.variables) | {
        environment.DATABASE_URL.name: database.url,
        environment.DATABASE_PASSWORD.name: database.password,
        environment.ALPACA_BASE_URL.name: venue.url,
        environment.ALPACA_DATA_URL.name: venue.url,
        environment.TRADING_ACCOUNTS.name: ACCOUNT,
        environment.HEALTH_FILE.name: str(world.folder / "option-health"),
        environment.broker_secret(ACCOUNT).name: json.dumps(names),
        environment.limits_document(ACCOUNT).name: _limits(stage).document(),
        environment.account_number(ACCOUNT).name: NUMBER,
    }


def _history(scenery: Scenery) -> str:
    """A year that rises and falls, then today's, as the schedule takes it."""
    today = scenery.venue.now().date()
    rows = [
        f"{SYMBOL},{today - timedelta(days=back)},{0.35 + 0.15 * math.sin(back / 40):.4f}"
        for back in range(1, DAYS_OF_HISTORY)
    ]
    file = scenery.world.private("volatility.csv", "\n".join(["underlying,day,iv", *rows]) + "\n")
    filled = scenery.run("option-backfill", "iv-snapshot", "--import", str(file)).strip()
    taken = events.parse(scenery.run("option-snapshot", "iv-snapshot").splitlines()[-1]).event
    if not isinstance(taken, events.VolatilityRecorded) or taken.recorded != 1:
        raise StepFailedError("today's volatility of one underlying", str(taken), next_step="read option-snapshot.log")
    return f"{filled}; today's was taken in {taken.seconds} s and {taken.requests} requests"


def _bought(scenery: Scenery, dispatcher: Part) -> tuple[str, str]:
    """The contract that was bought, and what was said of it."""
    _until(dispatcher, events.ReconcileCompleted, lambda _: True)
    fed = Fed("call", "", Expected(End.FILLED), SYMBOL, instrument="CALL", reason={"rule": "BULL_ENTRY"})
    with scenery.database.connect() as connection:
        insert(connection, (fed,), scenery.venue.now())
    chosen = _until(dispatcher, events.OptionChosen, lambda _: True)
    accepted = _until(dispatcher, events.OrderAccepted, lambda _: True)
    executed = _until(dispatcher, events.ExecutionRecorded, lambda event: event.status == "EXECUTED")
    words = (
        f"{chosen.symbol} of {chosen.candidates} contracts, {chosen.suitable} of them suitable; volatility "
        f"{chosen.iv}, rank {chosen.rank}; {chosen.contracts} contracts by {chosen.bound_by}; first limit "
        f"${accepted.limit_price}, filled at ${executed.filled_avg_price}"
    )
    return chosen.symbol, words


def _closed(scenery: Scenery, manager: Part, symbol: str) -> str:
    """What its exit said, after the market has moved."""
    opened = _until(manager, events.PositionOpened, lambda event: event.symbol == symbol)
    paid = opened.average_price or Decimal(1)
    scenery.venue.quote(symbol, bid=f"{paid * TWICE:.2f}", ask=f"{paid * TWICE + Decimal('0.10'):.2f}")
    leaving = _until(manager, events.ExitDecided, lambda event: event.symbol == symbol)
    closed = _until(manager, events.PositionClosed, lambda event: event.symbol == symbol and event.complete)
    if leaving.reason != "target" or closed.realized <= 0:
        raise StepFailedError(
            "an exit at the target, with a gain",
            f"{leaving.reason}, ${closed.realized}",
            next_step="read option-positions.log",
        )
    return f"{leaving.reason}: {leaving.observed}, {leaving.threshold}; closed, ${closed.realized} gained"


def _flat(scenery: Scenery) -> str:
    orders = scenery.venue.state()["orders"]
    open_ones = [each["id"] for each in orders if each["status"] not in {"filled", "replaced", "canceled"}]
    if open_ones:
        raise StepFailedError("no order left", f"{len(open_ones)} open", next_step="look at the exchange's state")
    return f"the exchange has {len(orders)} orders, none open"


def _until(part: Part, kind: type[Said], wanted: Callable[[Said], bool]) -> Said:
    """The first event of the kind that is wanted."""
    found: list[Said] = []

    def hear(line: str) -> bool:
        event = events.parse(line).event
        if isinstance(event, kind) and wanted(event):
            found.append(event)
        return bool(found)

    part.wait_for(hear, what=f"`{kind.name}`")
    return found[0]
