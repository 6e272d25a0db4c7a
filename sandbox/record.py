"""What a rehearsal did, step by step, and how a step fails."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import monotonic

from sandbox.proof import Counts
from sandbox.telling import Step, Teller


class StepFailedError(Exception):
    """A step did not do what it should; `next_step` says what to do about it."""

    def __init__(self, expected: str, seen: str, *, next_step: str, tail: str = "") -> None:
        super().__init__(f"expected {expected}, saw {seen}")
        self.expected = expected
        self.seen = seen
        self.next_step = next_step
        self.tail = tail


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a release was judged to be."""

    release: str
    verdict: str


@dataclass(slots=True)
class Record:
    """What a rehearsal did, as it goes."""

    teller: Teller
    steps: list[Step] = field(default_factory=list)
    orders: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0, 0))
    verdicts: list[Verdict] = field(default_factory=list)
    mode: str = "processes"
    """How the service ran: `processes` of this machine, or `containers`."""

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Callable[[str], None]]:
        """One step. Its block calls the given function with the evidence; without evidence it has failed."""
        evidence: list[str] = []
        began = monotonic()
        try:
            with self.teller.busy(what):
                yield evidence.append
        except BaseException as error:
            self._end(Step(name, ok=False, seconds=monotonic() - began, evidence=_first_line(error)))
            raise
        told = "; ".join(evidence) or "no evidence was given"
        self._end(Step(name, ok=bool(evidence), seconds=monotonic() - began, evidence=told))

    def document(self, *, ok: bool, seconds: float) -> str:
        """The whole rehearsal as one JSON object."""
        steps = [asdict(each) | {"seconds": round(each.seconds, 3)} for each in self.steps]
        return json.dumps(
            {
                "ok": ok,
                "seconds": round(seconds, 3),
                "mode": self.mode,
                "steps": steps,
                "orders": asdict(self.orders),
                "verdicts": [asdict(each) for each in self.verdicts],
            }
        )

    def _end(self, step: Step) -> None:
        self.steps.append(step)
        self.teller.step(step)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
