"""The record of the walk that is under way: every step is written down before it is taken."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from contract.names import DEPLOYMENTS, deployment
from ops.core.records import Outcome, Record, Step, interrupted, pointer, record_of
from ops.core.release import Release
from ops.core.ruling import Verdict
from ops.errors import Exit, OpsError
from ops.shell.locking import Grip
from ops.world import Fenced, Tell, World

KEPT_RECORDS = 200
"""How far back records are read: several deployments a day for a month."""


class Journal:
    """Writes one deployment's record, and the pointers that it moves."""

    def __init__(self, world: World, grip: Grip, record: Record, tell: Tell) -> None:
        self.world = world
        self.grip = grip
        self.record = record
        self.tell = tell
        self.touched = False
        """Whether a service may have been changed."""

    def begin(self, step: str, detail: str = "") -> None:
        """The step is about to be taken: the lock is renewed and the record written first.

        Raises:
            Fenced: the lock is not ours any more, so nothing may be done.
        """
        self.grip.renew()
        self.record = self.record.begin(Step(name=step, at=self.world.clock.now(), detail=detail))
        self._write()
        self.tell(step, detail)

    def ships(self, release: Release, rules: str) -> None:
        """What this deployment ships, and by which rules it is judged; written with the next step."""
        self.record = replace(self.record, to=release, rules=rules)

    def judged(self, verdict: Verdict, reasons: Iterable[str]) -> None:
        """The verdict, written at once: from here on it is known, whatever becomes of this process."""
        self.record = replace(self.record, verdict=verdict, reasons=tuple(reasons))
        self._write()

    def found(self, evidence: str) -> None:
        """Where the evidence was saved, written at once."""
        self.record = replace(self.record, evidence=evidence)
        self._write()

    def end(self, outcome: Outcome, reasons: Iterable[str] = ()) -> Record:
        """The deployment has ended so."""
        reasons = (*self.record.reasons, *(each for each in reasons if each not in self.record.reasons))
        self.record = replace(self.record, outcome=outcome, reasons=reasons, ended=self.world.clock.now())
        self._write()
        return self.record

    def point(self, parameter: str, value: str) -> None:
        """Let a parameter say the value: first in the table, under our fencing number, then where others read it.

        Raises:
            Fenced: the lock is not ours any more; the parameter is as it was.
        """
        said = {"parameter": parameter, "value": value, "by": self.record.id}
        if not self.world.control.write(pointer(parameter), said, self.grip.fence):
            raise self.grip.lost()
        self.world.parameters.write(parameter, value)

    def alert(self, subject: str, lines: Iterable[str]) -> None:
        """Let everybody hear of it. A message that cannot be sent is told here, and stops nothing."""
        text = "\n".join([*lines, f"deployment {self.record.id} by {self.record.who.arn} on {self.record.who.host}"])
        try:
            self.world.alerts.send(f"{self.world.names.environment}: {subject}", text)
        except OpsError as error:
            self.tell("message", f"not sent: {error.message}")

    def _write(self) -> None:
        if not self.world.control.write(deployment(self.record.id), self.record.document(), self.grip.fence):
            raise self.grip.lost()


@contextmanager
def closing(journal: Journal) -> Iterator[None]:
    """Close the record when a surprise ends the walk, if AWS can still be told; else the next deployment does."""
    try:
        yield
    except Fenced:
        raise
    except OpsError as error:
        _close(journal, error.message)
        raise
    except KeyboardInterrupt as asked:
        _close(journal, "somebody asked it to end")
        left = "ECS goes on with what it was last told" if journal.touched else "no service was touched"
        raise OpsError(
            f"ended by a signal during {journal.record.step}; {left}",
            next_step="ops status; then ops deploy to go on, or ops rollback to go back",
            exit_code=Exit.NOT_DONE,
        ) from asked


def _close(journal: Journal, why: str) -> None:
    outcome = Outcome.INTERRUPTED if journal.touched else Outcome.STOPPED
    with suppress(OpsError):  # the first error is the one to tell
        journal.end(outcome, (f"during {journal.record.step}: {why}",))


def records(world: World, limit: int = KEPT_RECORDS) -> tuple[Record, ...]:
    """The records of the last deployments, newest first."""
    return tuple(record_of(each) for each in world.control.newest(DEPLOYMENTS, limit))


def close_interrupted(world: World, grip: Grip, found: Iterable[Record], tell: Tell) -> tuple[Record, ...]:
    """Close what a killed process left open; the records as they are then. Only the lock's holder may know."""
    held = tuple(found)
    for record in interrupted(held):
        why = f"its process ended during {record.step}; closed by the next holder of the lock"
        closed = replace(record, outcome=Outcome.INTERRUPTED, reasons=(*record.reasons, why), ended=world.clock.now())
        tell("interrupted", f"{record.id} was interrupted during {record.step}")
        if not world.control.write(deployment(record.id), closed.document(), grip.fence):
            raise grip.lost()
        held = tuple(closed if each.id == record.id else each for each in held)
    return held
