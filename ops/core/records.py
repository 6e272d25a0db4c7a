"""The record of a deployment: written before acting and after each step, so that a killed one is still told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from contract.names import Key
from ops.core.plain import plain
from ops.core.release import Release, release_of
from ops.core.ruling import Verdict
from ops.core.seen import Who


class Kind(StrEnum):
    """What was asked for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    REPAIR = "repair"
    SCHEDULES = "schedules"
    RESTART = "restart"


class Outcome(StrEnum):
    """How a deployment ended."""

    OPEN = "open"
    """It has not: it is under way, or it was killed."""
    PROVEN = "proven"
    """What it shipped runs and is proven."""
    DONE = "done"
    """What was asked for is done; nothing was released by it."""
    KEPT = "kept"
    """What it shipped runs, and neither proof nor disproof was seen. Not promoted."""
    TAKEN_BACK = "taken back"
    """What it shipped failed, and the release before it runs again."""
    STOPPED = "stopped"
    """It ended before any service was touched."""
    SUPERSEDED = "superseded"
    """Somebody else's deployment took its place."""
    FAILED = "failed"
    """It failed, and what runs now is not what was meant to. The reasons say what is known."""
    INTERRUPTED = "interrupted"
    """Its process ended in the middle; a later one found it and closed its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was begun, and when. A step is done when the next one is begun, or the deployment has ended."""

    name: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One deployment."""

    id: str
    """Begins with the UTC time, so that ids sort by time; ends with the lock's fencing number, so that each is one."""
    kind: Kind
    who: Who
    started: datetime
    before: Release | None
    """What ran when it began; None when nothing did."""
    to: Release | None = None
    """What it ships; None until that is known."""
    rules: str = ""
    """Hashes of the rule sets it is judged by."""
    steps: tuple[Step, ...] = ()
    verdict: Verdict | None = None
    outcome: Outcome = Outcome.OPEN
    reasons: tuple[str, ...] = ()
    evidence: str = ""
    """Folder on the host that deployed; empty when there is none."""
    ended: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has closed it."""
        return self.outcome is Outcome.OPEN

    @property
    def step(self) -> str:
        """The last step that was begun."""
        return self.steps[-1].name if self.steps else "nothing"

    def begin(self, step: Step) -> "Record":
        """The record with one more step."""
        return replace(self, steps=(*self.steps, step))

    def document(self) -> dict[str, Any]:
        """The record as JSON has it; times as ISO 8601."""
        document: dict[str, Any] = plain(self)
        return document


def identity(at: datetime, fence: int) -> str:
    """The id of a deployment that begins at that time under the lock's fencing number."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{fence}"


def pointer(parameter: str) -> Key:
    """The control table's copy of a parameter: with the fencing number that it was written under."""
    return Key("pointers", parameter)


def record_of(document: Mapping[str, Any]) -> Record:
    """Read what `Record.document` wrote through JSON; keys that a later version added are passed over."""
    known = {name: document[name] for name in Record.__dataclass_fields__ if name in document}
    return Record(
        **{
            **known,
            "kind": Kind(known["kind"]),
            "who": Who(**known["who"]),
            "started": _time(known["started"]),
            "ended": _time(known.get("ended")),
            "before": release_of(known["before"]) if known.get("before") else None,
            "to": release_of(known["to"]) if known.get("to") else None,
            "steps": tuple(Step(name=s["name"], at=_time(s["at"]), detail=s["detail"]) for s in known.get("steps", ())),
            "verdict": Verdict(known["verdict"]) if known.get("verdict") else None,
            "outcome": Outcome(known["outcome"]),
            "reasons": tuple(known.get("reasons", ())),
        }
    )


def _time(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


# ------------------------------------------------------------------------------------------------ what records tell


def interrupted(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records that nobody closed. Whoever holds the lock knows that none of them is under way."""
    return tuple(each for each in records if each.open)


def proof(records: Iterable[Record], revisions: Mapping[str, str]) -> Record | None:
    """The record that proves the revisions and still counts: the newest that speaks of them, if it says PASS.

    Newest first. A later record that failed with them, or that went back from them, undoes the proof. A restart does
    neither: it is asked for because a key has changed, and says more about the key than about the release.
    """
    for record in records:
        if record.kind is Kind.RESTART:
            continue
        if withdraws(record, revisions):
            return None
        if record.to is not None and record.to.revisions == dict(revisions) and record.verdict is Verdict.PASS:
            return record
    return None


def withdraws(record: Record, revisions: Mapping[str, str]) -> bool:
    """Whether the record says that this release is not to be gone back to: it failed, or was gone back from."""
    if record.kind is Kind.RESTART:
        return False
    failed = record.verdict is Verdict.FAIL or record.outcome is Outcome.TAKEN_BACK
    if failed and record.to is not None and record.to.revisions == dict(revisions):
        return True
    # Also when that rollback was interrupted: whoever began it wanted to leave.
    left = record.before.revisions if record.before is not None else None
    stayed = record.to is not None and record.to.revisions == left
    gone_back = record.kind is Kind.ROLLBACK and record.outcome is not Outcome.STOPPED and not stayed
    return gone_back and left == dict(revisions)
