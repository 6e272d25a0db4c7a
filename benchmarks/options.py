"""Recommendations for options against the exchange: each ends in an order that it takes, or in a refusal with a reason.

Run: python -m benchmarks.options [--recommendations 1000] [--seed 1]. Every underlying has a price, a volatility and a
tick class of its own, drawn from the seed. The dispatcher is a process of its own with its usual limits, but for what
would stop it after thirty positions; three accounts take turns: single contracts at level 3, spreads at level 3, and
level 2, which may not trade spreads. Ends with one line of JSON, and with 1 when the exchange rejected anything.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import product
from string import ascii_uppercase
from time import monotonic, sleep
from typing import Any

from benchmarks.bench.dispatching import dispatcher, insert
from contract.limits import Action, Limits
from contract.limits import parse as parse_limits
from contract.options import Choice, Options, Structure, Undefined, Volatility
from sandbox.exchange import AccountConfig, Config, Running, Settings, running
from sandbox.exchange.text import nanoseconds
from sandbox.postgres import Database, Postgres

NOW = datetime.fromisoformat("2026-11-23T10:00:00-05:00")
ACTIONS = (Action.BUY_CALL, Action.BUY_PUT, Action.SELL_CALL, Action.SELL_PUT)
Turn = tuple[Structure, int, float]
TURNS: tuple[Turn, ...] = ((Structure.SINGLE, 3, 0.4), (Structure.VERTICAL, 3, 0.4), (Structure.VERTICAL, 2, 0.2))
"""What is bought as what, at which options level, and the share of the recommendations."""
PATIENCE_SECONDS = 400.0

CLAIMS = """
SELECT r.action || '_' || r.instrument_type AS action, c.state, c.reason, c.http_status, c.code
FROM dispatch_claims c JOIN dispatch_recommendations r ON r.id = c.recommendation_id
WHERE c.state NOT IN ('claimed', 'intended', 'unknown')
"""


@dataclass
class Tally:
    """What became of the recommendations. `rejections` are the exchange's own words."""

    recommendations: int = 0
    accepted: int = 0
    refused: int = 0
    rejected: int = 0
    unknown: int = 0
    accepted_by_action: Counter[str] = field(default_factory=Counter)
    refused_by_reason: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def main(arguments: list[str]) -> int:
    """Exit 0 when nothing was rejected and nothing is without an ending."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recommendations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    tally = run(asked.recommendations, asked.seed)
    sys.stdout.write(json.dumps(vars(tally) | {"seed": asked.seed}) + "\n")
    return 1 if tally.rejected or tally.unknown else 0


def run(recommendations: int, seed: int, turns: tuple[Turn, ...] = TURNS) -> Tally:
    """Feed so many recommendations, and count their endings."""
    tally, began = Tally(), monotonic()
    with Postgres.temporary(durable=False) as server:
        for number, (structure, level, share) in enumerate(turns):
            count = round(recommendations * share)
            database = server.create_database(f"turn_{number}")
            _turn(tally, database, structure, level, count, random.Random(f"{seed} {number}"))  # noqa: S311  a draw
    tally.seconds = round(monotonic() - began, 1)
    return tally


def _turn(  # noqa: PLR0917  one account's turn, said once
    tally: Tally, database: Database, structure: Structure, level: int, count: int, draw: random.Random
) -> None:
    account = AccountConfig("PA3OPTIONS", "PKOPTIONS", "options-secret", cash=Decimal(10**8), options_level=level)
    prices = {symbol: _price(draw) for symbol in _symbols(count)}
    config = Config(
        seed=draw.randrange(10**6),
        now=nanoseconds(NOW),
        accounts=(account,),
        settings=Settings(rate_limit=0, volatility=Decimal(0)),
        quotes={symbol: _quote(price) for symbol, price in prices.items()},
        assets={symbol: {"penny_options": draw.random() < 0.5} for symbol in prices},  # noqa: PLR2004  half of them
    )
    with running(config) as exchange, dispatcher(exchange, database, account, limits_for(structure)):
        _feed(exchange, database, list(prices), draw)
        _count(tally, database, count)


def _symbols(count: int) -> Iterator[str]:
    """Names of letters alone: a contract's root has no digits."""
    names = ("O" + "".join(each) for each in product(ascii_uppercase, repeat=3))
    return (name for name, _ in zip(names, range(count), strict=False))


def _price(draw: random.Random) -> Decimal:
    """From $4 to $900, as many cheap ones as dear ones."""
    return Decimal(str(round(4 * 225 ** draw.random(), 2)))


def _quote(price: Decimal) -> dict[str, str]:
    return {"bid": str(price - Decimal("0.01")), "ask": str(price + Decimal("0.01"))}


def _feed(exchange: Running, database: Database, symbols: list[str], draw: random.Random) -> None:
    now = datetime.fromisoformat(str(exchange.state()["now"]))
    with database.connect() as connection, connection.transaction():
        for symbol in symbols:
            insert(connection, now, symbol, draw.choice(ACTIONS), {"rule": "BULL_ENTRY"})


def _count(tally: Tally, database: Database, count: int) -> None:
    """Wait for every ending, then count them."""
    deadline = monotonic() + PATIENCE_SECONDS
    with database.connect() as connection:
        rows: list[Any] = []
        while len(rows := connection.execute(CLAIMS).fetchall()) < count and monotonic() < deadline:
            sleep(0.5)
    tally.recommendations += count
    tally.unknown += count - len(rows)
    for action, state, reason, status, code in rows:
        _ending(tally, action, state, reason, f"{status} {code}: {reason}")


def _ending(tally: Tally, action: str, state: str, reason: Any, words: str) -> None:
    if state in {"refused", "not_placed"}:
        tally.refused += 1
        tally.refused_by_reason[reason] += 1
    elif state == "rejected":
        tally.rejected += 1
        tally.rejections[words] += 1
    else:
        tally.accepted += 1
        tally.accepted_by_action[action] += 1


def limits_for(structure: Structure) -> Limits:
    """The usual limits of options, but for the counts that a thousand orders at once would reach."""
    options = Options(
        bought_as=structure,
        choice=Choice(max_spread_fraction=Decimal("0.25")),
        volatility=Volatility(undefined=Undefined.REDUCE, reduced_fraction=Decimal(1)),
    )
    lifted = {
        "max_open_positions": 10**6,
        "max_exposure": 10**9,
        "max_recommendation_age_seconds": 3_600,
        "requests_per_minute": 10**6,  # the exchange's own limit is lifted as well
    }
    declared = {
        "trading_state": "ACTIVE",
        "allowed_actions": list(ACTIONS),
        "allow_shorting": False,
        "max_notional_per_order": 25_000,
        "max_contracts_per_order": 10,
        "max_daily_loss": 10**7,
        "max_orders_per_symbol_per_day": 4,
        "symbol_cooldown_minutes": 15,
        "min_confidence_stock": 0.35,
        "min_confidence_option": 0.55,
        "max_standing_age_seconds": 5,
        "entry_after_open_minutes": 5,
        "entry_before_close_minutes": 30,
        "entry_life_seconds": 3_600,
        "absence_grace_seconds": 10,
        "halt_after_rejections": 10**6,
        "halt_window_seconds": 600,
        "halt_after_unknown_seconds": 120,
        "above_ceilings": True,
        "sizing": {
            "risk_fraction": 0.01,
            "stop_volatility_multiple": 2.0,
            "daily_volatility": 0.015,
            "target_risk_multiple": 2.0,
            "max_equity_fraction": 0.2,
        },
        "options": asdict(options),
    }
    return parse_limits(json.dumps(declared | lifted, default=float), name="benchmarks.options")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
