"""What a torture is reported as: tables for people, one line of JSON at the end."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.torture.plan import CATALOGUE, Step
from benchmarks.torture.run import Outcome

ENOUGH = 2_000
"""From so many runs on, every intended kill point must have been reached: each is then aimed at 25 times, and the one
that is missed most often, of an order never placed, was missed two times in five."""


_NUMBERS: Mapping[str, str] = {
    **{name: name for name in ("runs", "seed", "duplicates", "lost", "ghosts", "unknown_left")},
    **{name: name for name in ("first", "orders", "repeated_posts")},
    "pairs": "two_processes",
    "both": "two_accounts",
    "crashes": "crashes",
}
"""A sum's numbers, and how the last line calls them, in its order."""


@dataclass(slots=True)
class Tally:
    """The sum of all outcomes so far: of the runs of a seed from `first` on."""

    seed: int
    first: int = 0
    runs: int = 0
    duplicates: int = 0
    lost: int = 0
    ghosts: int = 0
    unknown_left: int = 0
    orders: int = 0
    repeated_posts: int = 0
    pairs: int = 0
    both: int = 0
    crashes: int = 0
    kill_points: Counter[Step] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @classmethod
    def restored(cls, document: Mapping[str, Any]) -> Self:
        """A sum as `document` told it.

        Raises:
            KeyError: it is not such a sum, or has a kill point that is none.
        """
        steps = {str(step): step for step in CATALOGUE}
        return cls(
            **{ours: document[theirs] for ours, theirs in _NUMBERS.items()},
            kill_points=Counter({steps[words]: count for words, count in document["kill_points"].items()}),
            faults=Counter(document["faults"]),
            seconds=document["seconds"],
        )

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        verdict = outcome.verdict
        self.runs += 1
        self.duplicates += len(verdict.duplicates)
        self.lost += len(verdict.lost)
        self.ghosts += len(verdict.ghosts)
        self.unknown_left += len(verdict.unknown_left)
        self.orders += outcome.orders
        self.repeated_posts += outcome.repeated_posts
        self.pairs += outcome.plan.pair
        self.both += outcome.plan.both
        self.crashes += len(outcome.crashes)
        self.kill_points.update(outcome.hits)
        self.faults[str(outcome.plan.fault or "none")] += 1

    @property
    def missed(self) -> list[Step]:
        """Intended kill points that nothing reached."""
        return [step for step in CATALOGUE if not self.kill_points[step]]

    @property
    def clean(self) -> bool:
        """Whether all four counts are zero, nothing ended unasked, and enough runs reached every kill point."""
        wrong = self.duplicates or self.lost or self.ghosts or self.unknown_left or self.crashes
        return not wrong and not (self.runs >= ENOUGH and self.missed)


def failure(outcome: Outcome) -> Iterator[str]:
    """A run that went wrong: what, the story, and how to play it again."""
    verdict, plan = outcome.verdict, outcome.plan
    named = {
        "duplicate": verdict.duplicates,
        "lost": verdict.lost,
        "ghost": verdict.ghosts,
        "unknown": verdict.unknown_left,
        "crash": outcome.crashes,
    }
    found = [f"  {name}: {words}" for name, lines in named.items() for words in lines]
    if found:
        yield f"run {plan.number}: {plan}"
        yield from found
        yield f"  again: python -m benchmarks.torture --seed {plan.seed} --only-run {plan.number}"


def tables(tally: Tally) -> Iterator[str]:
    """The distinct kill points reached and the faults, with counts."""
    yield from _table("kill point", ((str(step), tally.kill_points[step]) for step in _in_order(tally)))
    yield from _table("fault of the exchange (runs)", sorted(tally.faults.items()))
    if tally.runs >= ENOUGH and tally.missed:
        yield f"not reached: {', '.join(str(step) for step in tally.missed)}"


def line(tally: Tally) -> str:
    """The last line."""
    return json.dumps(document(tally))


def document(tally: Tally) -> dict[str, Any]:
    """The sum as a JSON object, from which `Tally.restored` makes it again."""
    return {
        **{theirs: getattr(tally, ours) for ours, theirs in _NUMBERS.items()},
        "kill_points": {str(step): tally.kill_points[step] for step in _in_order(tally)},
        "faults": dict(sorted(tally.faults.items())),
        "seconds": round(tally.seconds, 1),
    }


def _in_order(tally: Tally) -> list[Step]:
    return [step for step in CATALOGUE if tally.kill_points[step]]


def _table(title: str, rows: Iterable[tuple[str, int]]) -> Iterator[str]:
    yield f"\n{title:60} {'count':>6}"
    for name, count in rows:
        yield f"{name:60} {count:6}"
