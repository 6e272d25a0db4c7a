"""How a walk ended, for people, programs and scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from ops.core.records import Outcome, Record
from ops.core.scene import Finding
from ops.errors import Exit
from ops.shell.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A walk that ended: with a record, with findings, or with neither because there was nothing to do."""

    exit: Exit
    message: str
    next_step: str
    record: Record | None = None
    findings: tuple[Finding, ...] = ()
    restored: Mapping[str, Any] | None = None
    """After a taking back: what runs again, and what the second verification said."""


def exit_of(outcome: Outcome) -> Exit:
    """The exit code of an outcome. Only what is proven is 0."""
    match outcome:
        case Outcome.PROVEN | Outcome.DONE:
            return Exit.DONE
        case Outcome.KEPT:
            return Exit.INCONCLUSIVE
        case Outcome.TAKEN_BACK:
            return Exit.TAKEN_BACK
        case Outcome.SUPERSEDED:
            return Exit.SUPERSEDED
        case Outcome.STOPPED | Outcome.FAILED | Outcome.INTERRUPTED | Outcome.OPEN:
            return Exit.NOT_DONE
        case never:
            assert_never(never)


NEXT_STEP = {
    Outcome.PROVEN: "nothing; the release is proven",
    Outcome.DONE: "nothing",
    Outcome.KEPT: "ops deploy again when there is something to see (the same image is judged, not shipped again)",
    Outcome.TAKEN_BACK: "read the evidence, fix what it names, deploy the fix",
    Outcome.SUPERSEDED: "ops status, which says what runs; deploy again if that is not what you want",
    Outcome.STOPPED: "correct what the reasons name; nothing was changed",
    Outcome.FAILED: "ops status now; then ops rollback",
    Outcome.INTERRUPTED: "ops status; then ops deploy to go on, or ops rollback",
    Outcome.OPEN: "ops status; then ops deploy to go on, or ops rollback",
}


def announce(journal: Journal, ended: Ending) -> Ending:
    """Let everybody hear how it ended, when it is not what was meant; the same ending."""
    journal.alert(ended.message, (*(ended.record.reasons if ended.record else ()), f"Next: {ended.next_step}"))
    return ended


def ending(record: Record, message: str, **more: Any) -> Ending:
    """The ending that a closed record tells."""
    outcome = record.outcome
    return Ending(exit=exit_of(outcome), message=message, next_step=NEXT_STEP[outcome], record=record, **more)
