"""What is to happen in a run, decided by (seed, number) alone, so that one run can be played again by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from benchmarks.torture.rows import Row, batch, stragglers


class Point(StrEnum):
    """Where a process stands. The first group is seen by the database, the second by the exchange."""

    LEASE = "taking the lease"
    CLAIM = "claiming"
    GIVE_BACK = "giving back a claim"
    REFUSE = "refusing"
    INTEND = "committing the intent"
    AGAIN = "committing to send again"
    DOUBT = "recording that nobody knows"
    RECORD = "recording the answer"
    REJECT = "recording a rejection"
    NOT_PLACED = "recording an order never placed"
    FOLLOW = "recording a fill"

    RECEIVED = "request received, not applied"
    APPLIED = "applied, not answered"
    ANSWERED = "answered, not recorded"
    LOOK_UP = "looking an order up"

    IDLE = "idle"
    ANYWHERE = "at any moment"


class Way(StrEnum):
    """What happens there."""

    UNDONE = "killed, rolled back"
    LATE = "killed, committed after its death"
    DONE = "committed, then killed"
    DATABASE = "database crashed"
    KILLED = "killed"
    STOPPED = "stopped for longer than its lease, then resumed"
    CUT = "cut off from the database for longer than its lease, then connected"


HELD = tuple(Point)[: tuple(Point).index(Point.RECEIVED)]
"""Points inside a transaction, where the database holds the process."""
AUTHORITY = (Point.CLAIM, Point.INTEND, Point.AGAIN, Point.RECORD)
"""Points at which a process that lives on without its lease would do harm."""
OUTLIVED = (Way.STOPPED, Way.CUT)
"""Ways in which the process outlives its lease, and meets its successor's work when it comes back."""
AT_EXCHANGE = (Point.RECEIVED, Point.APPLIED, Point.ANSWERED)


@dataclass(frozen=True, slots=True)
class Step:
    """A kill point: where, and what happens there."""

    point: Point
    way: Way

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{self.point}: {self.way}"


CATALOGUE: tuple[Step, ...] = (
    *(Step(point, way) for point in HELD for way in (Way.UNDONE, Way.LATE, Way.DONE, Way.DATABASE)),
    *(Step(point, way) for point in (*AT_EXCHANGE, Point.LOOK_UP, Point.IDLE) for way in (Way.KILLED, Way.DATABASE)),
    Step(Point.ANYWHERE, Way.KILLED),
    *(Step(point, Way.STOPPED) for point in (*AUTHORITY, *AT_EXCHANGE, Point.LOOK_UP, Point.IDLE)),
    *(Step(point, Way.CUT) for point in (*AUTHORITY, *AT_EXCHANGE, Point.IDLE)),
)
"""Every intended kill point. The first strike of run N is the N-th of a shuffled catalogue, so none waits for luck."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A step, after passing it `skip` times."""

    step: Step
    skip: int = 0
    after_seconds: float = 0.0
    """Only for ANYWHERE: how long after the process was started."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with order requests: the exchange's kind, on the `nth` request (0: any), `times` (0: always)."""

    kind: str
    applied: bool = False
    nth: int = 1
    times: int = 1
    delay_ms: int = 300

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{self.kind}{', applied' if self.applied else ''}{'' if self.times else ', always'}"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `rows` are there at first, one of `later` comes after each strike: what was struck must work on."""

    seed: int
    number: int
    strikes: tuple[Strike, ...]
    fault: Fault | None
    look_up_delay_ms: int
    unique_ids: bool
    pair: bool
    """Two processes for one account: one stands by."""
    both: bool
    """One process for two accounts; each considers every recommendation."""
    closing_only: bool
    """The exchange rejects every entry."""
    short_life: bool
    """Recommendations go stale after a few seconds."""
    rows_first: bool
    rows: tuple[Row, ...]
    later: tuple[Row, ...]

    def __str__(self) -> str:
        """The story in one line."""
        words = [" then ".join(str(strike.step) for strike in self.strikes), f"fault {self.fault or 'none'}"]
        flags = {
            "ids not unique": not self.unique_ids,
            "two processes": self.pair,
            "two accounts": self.both,
            "every entry rejected": self.closing_only,
            "short life": self.short_life,
            f"look-up {self.look_up_delay_ms} ms": bool(self.look_up_delay_ms),
        }
        return "; ".join(words + [name for name, there in flags.items() if there])


_NOT_APPLIED = (Fault("drop-before"), Fault("500"), Fault("504-html"))
_UNCLEAR = (
    *_NOT_APPLIED,
    Fault("drop-after"),
    Fault("500", applied=True),
    Fault("504-html", applied=True),
    Fault("truncated-json"),
)
_SLOW = Fault("delay-before", delay_ms=800)
"""Slow to take effect, but within the grace period of one second: a 404 from before it proves nothing."""
_ANY: tuple[Fault | None, ...] = (None, None, *_UNCLEAR, Fault("429-bare"), Fault("delay"), _SLOW)
_FAULTS: Mapping[Point, tuple[Fault | None, ...]] = {
    Point.DOUBT: _UNCLEAR,
    Point.AGAIN: _NOT_APPLIED,
    Point.NOT_PLACED: (Fault("drop-before", nth=0, times=0), Fault("500", nth=0, times=0)),
    Point.REJECT: (None,),
    Point.RECEIVED: (*_ANY, _SLOW, _SLOW, _SLOW),
}
"""The faults that lead to a point, where not every one does, or some do more."""
_CLAIMED_LEFT = (Step(Point.CLAIM, Way.DONE), Step(Point.INTEND, Way.UNDONE))
_INTENDED_LEFT = (
    Step(Point.INTEND, Way.DONE),
    Step(Point.INTEND, Way.LATE),
    Step(Point.RECEIVED, Way.KILLED),
    Step(Point.APPLIED, Way.KILLED),
    Step(Point.RECORD, Way.UNDONE),
)
_LEADING: Mapping[Point, tuple[Step, ...]] = {Point.GIVE_BACK: _CLAIMED_LEFT, Point.LOOK_UP: _INTENDED_LEFT}
"""What must have happened before a point can be reached."""
_WITHOUT_CONDITIONS = tuple(
    step
    for step in CATALOGUE
    if step.point not in {Point.DOUBT, Point.AGAIN, Point.NOT_PLACED, Point.REJECT, *_LEADING}
    and step.way not in {Way.DATABASE, *OUTLIVED}
)
_PASSED_OFTEN = {Point.CLAIM, Point.RECORD, Point.INTEND, Point.RECEIVED, Point.APPLIED, Point.ANSWERED}


def plan(seed: int, number: int) -> Plan:
    """The plan of a run."""
    dice = _dice(seed, number)
    target = _target(seed, number)
    strikes = _strikes(dice, target)
    fault = dice.choice(_FAULTS.get(target.point, _ANY))
    # Which of two processes is at a point cannot be told where a cable, or no lease yet, is between.
    alone = any(strike.step.point in {Point.LEASE, Point.ANYWHERE} or strike.step.way is Way.CUT for strike in strikes)
    pair = not alone and dice.random() < 0.2  # noqa: PLR2004  a share of the runs
    return Plan(
        seed=seed,
        number=number,
        strikes=strikes,
        fault=fault,
        look_up_delay_ms=_look_up_delay(dice, strikes, fault),
        unique_ids=dice.random() < 0.5,  # noqa: PLR2004  half of the runs
        pair=pair,
        both=not pair and target.point is not Point.REJECT and dice.random() < 0.25,  # noqa: PLR2004  a share of them
        closing_only=target.point is Point.REJECT,
        short_life=target.point is Point.NOT_PLACED,
        rows_first=dice.random() < 0.5,  # noqa: PLR2004  half of the runs
        rows=batch(dice),
        later=stragglers(len(strikes)),
    )


def _dice(seed: int, what: object) -> Random:
    return Random(f"torture {seed} {what}")  # noqa: S311  a schedule that can be repeated, no secret


def _target(seed: int, number: int) -> Step:
    turn, place = divmod(number, len(CATALOGUE))
    return _dice(seed, f"turn {turn}").sample(CATALOGUE, len(CATALOGUE))[place]


def _strikes(dice: Random, target: Step) -> tuple[Strike, ...]:
    leading = _LEADING.get(target.point)
    steps = [dice.choice(leading), target] if leading else [target]
    if dice.random() < 0.3:  # noqa: PLR2004  a share of the runs
        steps.append(dice.choice(_WITHOUT_CONDITIONS))
    return tuple(_strike(dice, step) for step in steps)


def _strike(dice: Random, step: Step) -> Strike:
    skip = dice.randrange(2) if step.point in _PASSED_OFTEN else 0
    return Strike(step, skip, dice.uniform(0, 0.5))


def _look_up_delay(dice: Random, strikes: tuple[Strike, ...], fault: Fault | None) -> int:
    """A look-up that takes its time can be struck; a slow one also tells whether an old 404 is believed."""
    if any(strike.step.point is Point.LOOK_UP for strike in strikes):
        return 400
    return dice.choice((0, 1500) if fault == _SLOW else (0, 0, 0, 0, 1500))
