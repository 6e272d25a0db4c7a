"""A trading day in seconds, by the exchange's clock, with every exit and its reason. `python -m benchmarks.day`.

Real exchange, real adapter, real database; the clock goes from the open to the close in steps, prices go their course.
`--half` plays the day after Thanksgiving, which ends at 13:00.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.manager import Manager, manager
from contract.events import PositionClosed, PositionDifference, PositionUnprotected
from dispatcher.core.order import NEW_YORK

STEPS = 78
CALLS = ("AAPL261218C00200000", "AAPL261218C00210000", "MSFT261218C00500000")


@dataclass(frozen=True, slots=True)
class Day:
    """A day's date, its hours in New York, and the course of every price, spread evenly over it."""

    date: str
    closes: str
    courses: Mapping[str, Sequence[str]]

    def at(self, time: str) -> datetime:
        """A moment of the day."""
        return datetime.fromisoformat(f"{self.date}T{time}:00").replace(tzinfo=NEW_YORK)


@dataclass(frozen=True, slots=True)
class Ended:
    """One exit: when, of what, why, and what it brought."""

    at: datetime
    told: PositionClosed


WHOLE = Day(
    "2026-11-24",
    "16:00",
    {
        "AAPL": ["200", "194", "189", "189"],
        "MSFT": ["500", "530", "551", "551"],
        CALLS[0]: ["2.00", "1.50", "1.10"],
        CALLS[1]: ["2.00", "3.00", "2.50"],
        CALLS[2]: ["2.00", "2.10", "1.90"],
    },
)
HALF = Day(
    "2026-11-27",
    "13:00",
    {"AAPL": ["200"], "MSFT": ["500"], CALLS[0]: ["2.00"], "MSFT261127C00500000": ["2.00"]},
)


def play(day: Day) -> tuple[list[Ended], dict[str, Any]]:
    """Open to close: every exit, and what is left of it all."""
    first = {symbol: _sides(course[0]) for symbol, course in day.courses.items()}
    opened, closed = day.at("09:31"), day.at(day.closes)
    with manager(opened, first) as standing:
        standing.turn()
        for symbol in day.courses:
            standing.buy(symbol, 1 if symbol[-1].isdigit() else 10)
        ended: list[Ended] = []
        for step in range(STEPS):
            standing.until(opened + (closed - opened) * step / STEPS)
            _move(standing, day, step)
            for _ in range(2):
                standing.turn()
            ended += [Ended(standing.at, each) for each in standing.events(PositionClosed)[len(ended) :]]
        standing.until(closed + timedelta(minutes=1))
        view = standing.turn()
        left = {
            "held": sorted(view.holdings),
            "differences": len(standing.events(PositionDifference)),
            "unprotected": sorted({each.symbol for each in standing.events(PositionUnprotected)}),
            "bare": sorted(symbol for symbol, book in view.books.items() if book.unprotected_since is not None),
        }
    return ended, left


def _move(standing: Manager, day: Day, step: int) -> None:
    for symbol, course in day.courses.items():
        at = step * len(course) // STEPS
        standing.price(symbol, Decimal(course[at]))


def _sides(middle: str) -> dict[str, str]:
    return {"bid": str(Decimal(middle) - Decimal("0.02")), "ask": str(Decimal(middle) + Decimal("0.02"))}


def main(words: Sequence[str]) -> None:
    """Print the day's report."""
    day, began = (HALF if "--half" in words else WHOLE), monotonic()
    ended, left = play(day)
    console = Console(width=120)
    console.print(_table(day, ended))
    held, bare = ", ".join(left["held"]) or "nothing", ", ".join(left["bare"]) or "none"
    console.print(f"left at the close: {held}; without a stop: {bare}; differences: {left['differences']}")
    console.print(f"{monotonic() - began:.1f} s")


def _table(day: Day, ended: Sequence[Ended]) -> Table:
    table = Table(title=f"{day.date}, 09:31 to {day.closes} in New York", title_justify="left", box=None)
    for name in ("at", "symbol", "reason", "realized", "held", "without a stop"):
        table.add_column(name, justify="right" if name in {"realized", "held", "without a stop"} else "left")
    for each in ended:
        told = each.told
        minutes, bare = f"{told.held_seconds / 60:.0f} min", f"{told.unprotected_seconds} s"
        at = f"{each.at.astimezone(NEW_YORK):%H:%M}"
        table.add_row(at, told.symbol, told.reason, f"{told.realized:.2f}", minutes, bare)
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
