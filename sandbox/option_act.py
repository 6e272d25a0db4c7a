"""An act of its own: a call and a spread are chosen from chains, opened, tracked, and closed by their exit rules.

It has an exchange, a database and a fresh account for itself, so that nothing of the story before stands in its way:
a past of implied volatility is worked out from the exchange's bars, today's is taken, and the dispatcher and the
position manager run beside each other as they do in production.
"""

import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from contract import environment, events
from contract.limits import Action, Limits
from contract.options import Choice, Contracts, Entry, Options, Volatility
from sandbox.feed import End, Expected, Fed, insert
from sandbox.parts import Part
from sandbox.postgres import Database
from sandbox.record import Record, StepFailedError
from sandbox.stage import ACCOUNT, Stage, done
from sandbox.venue import Venue
from sandbox.world import World

NUMBER = "PA3OPTIONS01"
CALLED, SPREAD = "AAPL", "MSFT"
"""What the call is on, and what the spread is on."""
NOW = "2026-11-23T10:30:00-05:00"
EXCHANGE = """seed = 23
now = "{now}"
[[accounts]]
number = "{number}"
key = "{key}"
secret = "{secret}"
cash = "100000"
options_level = 3
[quotes.AAPL]
bid = "232.45"
ask = "232.55"
[quotes.MSFT]
bid = "412.95"
ask = "413.05"
"""
POLICY = Options(
    choice=Choice(max_spread_fraction=Decimal("0.15")),
    volatility=Volatility(underlyings=(CALLED, SPREAD)),
    contracts=Contracts(fixed_fraction=Decimal("0.02"), max_loss_per_trade=Decimal(2_500)),
    entry=Entry(steps=2, step_seconds=1, max_premium_above_middle=Decimal("0.25")),
)
DAYS_OF_HISTORY = 95
"""Calendar days: enough sessions for a rank to be defined."""
TWICE = 2
"""The premium doubles: a gain beyond the declared target."""
LITTLE = "0.05"
"""USD of premium that both legs fall to: next to nothing is left of the credit to be bought back."""

Said = TypeVar("Said", bound=events.Event)
OfSymbol = TypeVar("OfSymbol", events.PositionOpened, events.ExitDecided, events.PositionClosed)


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


def options_opened_and_closed(world: World, record: Record, stage: Stage) -> None:
    """Play it."""
    record.teller.heading("a call and a spread, from their chains to their exits")
    scenery = _set(world, record, stage)
    with record.step("option-volatility", "working out past volatilities, taking today's") as told:
        told(_history(scenery))
    dispatcher, manager = scenery.serve("option-dispatcher", "run"), scenery.serve("option-positions", "positions")
    with record.step("option-bought", "recommending a call") as told:
        symbol, words = _bought(scenery, dispatcher)
        told(words)
    with record.step("option-closed", "doubling its premium") as told:
        told(_closed(scenery, manager, symbol))
    with record.step("spread-opened", "recommending to sell a put") as told:
        legs, words = _spread_opened(scenery, dispatcher)
        told(words)
    with record.step("spread-closed", "letting both legs fall to next to nothing") as told:
        told(_spread_closed(scenery, manager, legs))
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
    actions = (Action.BUY_CALL, Action.SELL_PUT)
    return replace(stage.declared.accounts[ACCOUNT], allowed_actions=actions, options=POLICY)


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
    """Past days from the exchange's bars, then today's, as the schedule takes it."""
    today = scenery.venue.now().date()
    first, last = today - timedelta(days=DAYS_OF_HISTORY), today - timedelta(days=1)
    told = scenery.run("option-backfill", "iv-snapshot", "--backfill", first.isoformat(), last.isoformat())
    filled = events.parse(told.splitlines()[-1]).event
    taken = events.parse(scenery.run("option-snapshot", "iv-snapshot").splitlines()[-1]).event
    if not isinstance(filled, events.VolatilityBackfilled) or filled.missing or not filled.recorded:
        raise StepFailedError("past days of two underlyings", str(filled), next_step="read option-backfill.log")
    if not isinstance(taken, events.VolatilityRecorded) or taken.recorded != filled.underlyings:
        raise StepFailedError("today's volatility of two underlyings", str(taken), next_step="read option-snapshot.log")
    return (
        f"{filled.recorded} days of {filled.underlyings} underlyings from bars, in {filled.requests} requests and "
        f"{filled.seconds} s; today's from quotes, in {taken.requests} requests and {taken.seconds} s"
    )


def _bought(scenery: Scenery, dispatcher: Part) -> tuple[str, str]:
    """The contract that was bought, and what was said of it."""
    _until(dispatcher, events.ReconcileCompleted, lambda _: True)
    chosen, words = _entered(scenery, dispatcher, "call", CALLED, "BUY", "CALL")
    return chosen.symbol, words


def _spread_opened(scenery: Scenery, dispatcher: Part) -> tuple[tuple[str, ...], str]:
    """The contracts of the spread, bought and sold, and what was said of it."""
    _, words = _entered(scenery, dispatcher, "spread", SPREAD, "SELL", "PUT")
    orders = scenery.venue.state()["orders"]
    whole = next((each for each in orders if not each["symbol"] and each["status"] == "filled"), None)
    if whole is None:
        raise StepFailedError("one order of two legs, filled", str(orders), next_step="look at the exchange's state")
    legs = {each["position_intent"]: each["symbol"] for each in orders if each["parent"] == whole["id"]}
    bought, sold = legs["buy_to_open"], legs["sell_to_open"]
    return (bought, sold), f"{sold} sold and {bought} bought as one order; {words}"


def _entered(  # noqa: PLR0917  a recommendation, said once
    scenery: Scenery, dispatcher: Part, name: str, symbol: str, action: str, instrument: str
) -> tuple[events.OptionChosen, str]:
    """What was chosen for a recommendation, once it is filled, and what was said of it."""
    fed = Fed(name, "", Expected(End.FILLED), symbol, action, instrument=instrument, reason={"rule": "BULL_ENTRY"})
    with scenery.database.connect() as connection:
        insert(connection, (fed,), scenery.venue.now())
    chosen = _until(dispatcher, events.OptionChosen, lambda event: event.underlying == symbol)
    ours = chosen.recommendation_id
    accepted = _until(dispatcher, events.OrderAccepted, lambda event: event.recommendation_id == ours)
    executed = _until(
        dispatcher,
        events.ExecutionRecorded,
        lambda event: event.recommendation_id == ours and event.status == "EXECUTED",
    )
    return chosen, (
        f"{chosen.symbol} of {chosen.candidates} contracts, {chosen.suitable} of them suitable; volatility "
        f"{chosen.iv}, rank {chosen.rank}; {chosen.contracts} contracts by {chosen.bound_by}, each able to lose "
        f"${chosen.loss}; first limit ${accepted.limit_price}, filled at ${executed.filled_avg_price}"
    )


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


def _spread_closed(scenery: Scenery, manager: Part, legs: tuple[str, ...]) -> str:
    """What its exit said: decided over the whole, both legs closed."""
    _each(manager, events.PositionOpened, legs)
    for symbol in legs:
        scenery.venue.quote(symbol, bid=LITTLE, ask=LITTLE)
    leaving = _each(manager, events.ExitDecided, legs)
    closed = _each(manager, events.PositionClosed, legs)
    gained = sum((each.realized for each in closed), Decimal(0))
    reasons = {each.reason for each in leaving}
    if reasons != {"target"} or gained <= 0:
        raise StepFailedError(
            "an exit of both legs at the target, with a gain",
            f"{', '.join(sorted(reasons))}, ${gained}",
            next_step="read option-positions.log",
        )
    first = leaving[0]
    return f"{first.reason} of the whole: {first.observed}, {first.threshold}; both legs closed, ${gained} gained"


def _flat(scenery: Scenery) -> str:
    orders = scenery.venue.state()["orders"]
    open_ones = [each["id"] for each in orders if each["status"] not in {"filled", "replaced", "canceled"}]
    if open_ones:
        raise StepFailedError("no order left", f"{len(open_ones)} open", next_step="look at the exchange's state")
    return f"the exchange has {len(orders)} orders, none open"


def _each(part: Part, kind: type[OfSymbol], symbols: tuple[str, ...]) -> list[OfSymbol]:
    """The first event of the kind for each symbol, in whatever order they are said."""
    found: dict[str, OfSymbol] = {}
    while len(found) < len(symbols):
        event = _until(part, kind, lambda event: event.symbol in symbols and event.symbol not in found)
        found[event.symbol] = event
    return list(found.values())


def _until(part: Part, kind: type[Said], wanted: Callable[[Said], bool]) -> Said:
    """The first event of the kind that is wanted. Nothing is refused here, so a refusal is told at once."""
    found: list[Said] = []

    def hear(line: str) -> bool:
        event = events.parse(line).event
        if isinstance(event, events.RecommendationRefused):
            seen = f"refused: {event.reason}, {event.observed}"
            raise StepFailedError(f"`{kind.name}`", seen, next_step=f"read {part.name}.log in the evidence")
        if isinstance(event, kind) and wanted(event):
            found.append(event)
        return bool(found)

    part.wait_for(hear, what=f"`{kind.name}`")
    return found[0]
