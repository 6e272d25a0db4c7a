"""`python -m benchmarks.malformed --rows N --seed S`: recommendations as bad as a table can hold, each refused by name.

The rows are what upstream could write: anything that the columns take. They go through the core as the loop sends them:
read, gates, sizing, price. Each must end as an order that can be sent, or as a refusal that names a field or a gate;
an exception is the one thing that must not come. `--only-row N` shows one of them. The same rows go through the real
parts in `tests/dispatcher/test_bad_rows.py`.
"""

import argparse
import json
import sys
import traceback
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from contract import inventory
from contract.limits import Action, Limits
from dispatcher.core import order
from dispatcher.core.decide import decide, entry_checks
from dispatcher.core.gates import STOCK_ACTIONS, Case, refusal
from dispatcher.core.held import Holdings
from dispatcher.core.options.decide import OptionMarket
from dispatcher.core.options.decide import decide as decide_option
from dispatcher.core.options.volatility import NoVolatility, Past
from dispatcher.core.reasons import Reason, Refusal
from dispatcher.core.recommendation import Recommendation, read
from dispatcher.core.standing import Account, Asset, History, Market, Quote, Session, Standing

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""A Monday, 10:00 in New York."""
FIELDS = ("created_at", "ticker", "action", "instrument_type", "confidence", "reason", "features_snapshot")
"""What a detail of a malformed row begins with; `reason.plan.entry` begins with `reason`."""
NAMES_NO_FIELD = "malformed, and names no field"

_TIMES = ("infinity", "-infinity", "20000-01-01 00:00:00+00", "0044-03-15 12:00:00+00 BC", "1969-12-31 23:59:59+00")
_NUMBERS = (
    *("0", "-1", "1e-9", "1e-300", "0.0001", "0.00005", "0.30000000000000004", "1", "3", "2.5", "99999", "999999999"),
    *("1000000000", "1e12", "1e308", "1e5000", "123456789012345678901234567890", "699.7462", "-0.0", "1e-5000"),
)
_PRICES = ("180", "194.999999", "195", "199.98", "200", "200.02", "201.0049", "209.99", "210", "650.207")
_OTHERS = ("null", "true", "false", '"200"', '""', '"NaN"', "[]", "{}", '[{"a": 1}]', '"' + "x" * 300 + '"')
_WORDS = (
    None,
    "",
    " ",
    "AAPL ",
    "aapl",
    "BRK.B",
    "X" * 400,
    "🚀",
    "'; DROP TABLE",
    "AAPL\n",
    "0",
    "HOLD",
    "BUY",
    "-",
    "é",
)


@dataclass(frozen=True, slots=True)
class Written:
    """A row as upstream writes it: JSON and times are text."""

    created_at: str
    ticker: str | None
    action: str | None
    instrument_type: str | None
    confidence: float | None
    reason: str | None
    features_snapshot: str | None

    def as_read(self, number: int) -> dict[str, Any]:
        """The row as the database gives it: prices exact, and no time that Python cannot hold."""
        return asdict(self) | {
            "id": number,
            "created_at": None if self.created_at in _TIMES else datetime.fromisoformat(self.created_at),
            "reason": _loaded(self.reason),
            "features_snapshot": _loaded(self.features_snapshot),
        }


def written(seed: int, number: int) -> Written:
    """Row `number` of a seed. Few things are wrong in each, so that every depth of the walk is reached."""
    dice = Random(f"malformed {seed} {number}")  # noqa: S311  rows that can be made again, no secret
    badness = dice.choice((0.0, 0.05, 0.15, 0.5))

    def bad() -> bool:
        return dice.random() < badness

    return Written(
        created_at=dice.choice(_TIMES) if bad() else _moment(dice, wild=bad()),
        ticker=dice.choice(_WORDS) if bad() else "AAPL",
        action=dice.choice(_WORDS) if bad() else dice.choice(("BUY", "SELL", *Action)),
        instrument_type=dice.choice(_WORDS) if bad() else dice.choice(("STOCK", "STOCK", "STOCK", "CALL", "PUT", None)),
        confidence=dice.choice((None, float("nan"), float("inf"), -1.0, 1.01, 5e-324)) if bad() else dice.random(),
        reason=_reason(dice, badness),
        features_snapshot=_document(dice, {"vol_ratio": _value(dice, badness, ("0.5", "1", "1.8"))}, badness),
    )


def ended(row: Written, number: int, limits: Limits) -> str:
    """How the row ends: `order`, or the reason of its refusal. NAMES_NO_FIELD is the one wrong ending."""
    found = read(row.as_read(number))
    result = found if isinstance(found, Refusal) else _decided(_case(found, limits))
    if not isinstance(result, Refusal):
        return "order"
    named = result.detail.startswith(FIELDS) if result.reason is Reason.MALFORMED else bool(result.detail)
    return result.reason.value if named else NAMES_NO_FIELD


def main(arguments: list[str] | None = None) -> int:
    """Exit 0 when every row ended, and every refusal named a field or a gate; else 1. The last line is one object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.malformed", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only-row", type=int, metavar="N", help="show row N of the seed, and how it ends")
    options = parser.parse_args(arguments)
    limits = declared()
    numbers = range(options.rows) if options.only_row is None else range(options.only_row, options.only_row + 1)
    endings, stopped, began = Counter[str](), 0, monotonic()
    for number in numbers:
        row = written(options.seed, number)
        if options.only_row is not None:
            print(row)
        try:
            ending = ended(row, number, limits)
        except Exception:  # noqa: BLE001  what must not come is counted, told and played again
            traceback.print_exc(limit=-2)
            stopped, ending = stopped + 1, "an exception"
        endings[ending] += 1
        if ending in {NAMES_NO_FIELD, "an exception"}:
            again = f"python -m benchmarks.malformed --seed {options.seed} --only-row {number}"
            print(f"row {number}: {ending}; again: {again}")
    told = {"rows": len(numbers), "seed": options.seed, "stopped": stopped, "unnamed": endings[NAMES_NO_FIELD]}
    print(json.dumps(told | {"endings": dict(endings.most_common()), "seconds": round(monotonic() - began, 1)}))
    return 1 if stopped or endings[NAMES_NO_FIELD] else 0


def declared() -> Limits:
    """The limits of the account `large`, as they are declared."""
    return inventory.load(Path(__file__).parents[1] / inventory.FILE_NAME).accounts["large"]


def _decided(case: Case) -> object:
    """The walk of the core, without a chain: an option ends at the first thing that it lacks."""
    if case.recommendation.action in STOCK_ACTIONS:
        decision = decide(case)
        return (
            decision.result if isinstance(decision.result, Refusal) else order.price(decision.result, "large", _TODAY)
        )
    refused = refusal(entry_checks(case))
    unknown = OptionMarket((), NoVolatility("no chain"), Past(0, None, None, 0, None), ())
    return refused or decide_option(case, unknown, "large").result


_TODAY = NOW.date()
_STANDING = Standing(
    taken_at=NOW,
    account=Account(
        number="PA3MALFORMED",
        equity=Decimal(100_000),
        last_equity=Decimal(100_000),
        buying_power=Decimal(200_000),
        blocked=False,
    ),
    session=Session(_TODAY, NOW - timedelta(minutes=30), NOW + timedelta(hours=6)),
    holdings=Holdings({}, ()),
)
_MARKET = Market(Quote(Decimal("199.98"), Decimal("200.02")), Asset("AAPL", tradable=True, shortable=True))


def _case(found: Recommendation, limits: Limits) -> Case:
    return Case(found, _STANDING, _MARKET, History(), limits, limits.trading_state, NOW)


def _moment(dice: Random, *, wild: bool) -> str:
    span = timedelta(days=dice.uniform(-20_000, 20_000)) if wild else timedelta(seconds=dice.uniform(0, 200))
    return (NOW - span).isoformat()


def _reason(dice: Random, badness: float) -> str | None:
    if dice.random() < badness:
        return _document(dice, {}, 1.0)
    plan = {name: _value(dice, badness, _PRICES) for name in ("entry", "stop_loss", "take_profit")}
    plan["quantity"] = _value(dice, badness, ("1", "3", "null"))
    inner = _document(dice, plan, badness) if dice.random() < 0.9 else "null"  # noqa: PLR2004  most bring a plan
    return f'{{"plan": {inner or "null"}}}'


def _document(dice: Random, table: dict[str, str], badness: float) -> str | None:
    """JSON text of a table of JSON texts; or, as often as `badness` says, of something else."""
    if dice.random() < badness / 2:
        return dice.choice((None, *_OTHERS, *_NUMBERS))
    kept = {name: value for name, value in table.items() if dice.random() >= badness / 4}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in kept.items()) + "}"


def _value(dice: Random, badness: float, good: tuple[str, ...]) -> str:
    return dice.choice((*_NUMBERS, *_OTHERS)) if dice.random() < badness else dice.choice(good)


def _loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text, parse_float=Decimal, parse_int=Decimal)


if __name__ == "__main__":
    sys.exit(main())
