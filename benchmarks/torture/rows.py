"""The recommendations of a run. Each has a target price of its own, by which its order is known at the exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

CENT = Decimal("0.01")
MARKET: Mapping[str, Decimal] = {
    "AAPL": Decimal(200),
    "MSFT": Decimal(500),
    "AMD": Decimal(150),
    "KO": Decimal(60),
    "NVDA": Decimal(120),
    "IBM": Decimal(250),
    "ORCL": Decimal(180),
}
"""The middle of each symbol's quote, USD."""
LATER = ("NVDA", "IBM", "ORCL")
"""The symbols of what is recommended after each strike."""


@dataclass(frozen=True, slots=True)
class Row:
    """What upstream writes. `target` is the take-profit in USD; `age_seconds` is how long ago it was recommended."""

    ticker: str | None
    action: str
    entry: Decimal
    stop: Decimal | str
    target: Decimal
    confidence: float
    age_seconds: int = 0

    def reason(self) -> dict[str, object]:
        """The row's `reason`, with prices as numbers, as upstream writes them."""
        stop = self.stop if isinstance(self.stop, str) else float(self.stop)
        plan = {"entry": float(self.entry), "stop_loss": stop, "take_profit": float(self.target), "quantity": 3}
        return {"plan": plan}


def batch(dice: Random) -> tuple[Row, ...]:
    """One that rests, one that fills, a second one in a symbol, one malformed, one stale; in any order of strength."""
    first, second, third = dice.sample(sorted(set(MARKET) - set(LATER)), 3)
    malformed = dice.choice(({"ticker": None}, {"action": "HOLD"}, {"stop": "a little lower"}))
    made = (
        _row(dice, first, "0.99", 1),
        _row(dice, second, "1.002", 2),
        _row(dice, first, "0.985", 3),
        _row(dice, third, "0.99", 4, **malformed),
        _row(dice, third, "0.99", 5, age_seconds=600),
    )
    return tuple(dice.sample(made, len(made)))


def stragglers(count: int) -> tuple[Row, ...]:
    """Good ones, each in a symbol that nothing else trades."""
    return tuple(_straggler(symbol) for symbol in LATER[:count])


def _straggler(symbol: str) -> Row:
    price = MARKET[symbol]
    return Row(symbol, "BUY", price * Decimal("0.99"), price * Decimal("0.9"), price * Decimal("1.1"), 0.5)


def _row(dice: Random, symbol: str, of_market: str, mark: int, **wrong: object) -> Row:
    price = MARKET[symbol]
    good: dict[str, object] = {
        "ticker": symbol,
        "action": "BUY",
        "entry": (price * Decimal(of_market)).quantize(CENT),
        "stop": (price * Decimal("0.9")).quantize(CENT),
        "target": (price * Decimal("1.1")).quantize(CENT) + mark * CENT,
        "confidence": round(dice.uniform(0.6, 0.9), 3),
    }
    return Row(**good | wrong)  # type: ignore[arg-type]  # the keys above are the fields
