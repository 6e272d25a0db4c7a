"""Taking a failed release back: evidence first, then the last good release, then proof that it runs again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.names import NOT_RELEASED
from ops.core.member import Member
from ops.core.records import Outcome, Record
from ops.core.release import Part, Release
from ops.core.ruling import Verdict
from ops.core.settle import ALARM, End, RolledBack, Succeeded, Superseded, Unknown
from ops.core.target import Chosen, Nothing, last_good
from ops.shell.ending import Ending, announce, ending
from ops.shell.evidence import gather, save
from ops.shell.journal import Journal
from ops.shell.promoting import tag_revisions
from ops.shell.settling import stop
from ops.shell.shipping import Judged, Shipped, ship
from ops.world import Asked, Prove


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A release that failed at one service, after some were touched."""

    release: Release
    shipped: Shipped
    members: tuple[Member, ...]
    """Every service of the environment, in the order in which they are deployed."""
    touched: tuple[Member, ...]
    before: Release | None
    """What ran when the deployment began; an earlier one may have left a service in it unproven."""

    def astray(self, target: Release | None) -> list[Member]:
        """The services that do not run their part of the target, the last deployed first.

        Those that this deployment touched; and those that ran something else before it, because an earlier deployment
        was kept or interrupted there: a release goes back as a whole, or the target would not be what runs.
        """
        runs = self.before.revisions if self.before is not None else {}
        wanted = target.revisions if target is not None else {}
        left = {name for name, revision in runs.items() if wanted.get(name) != revision}
        return [each for each in reversed(self.members) if each in self.touched or each.name in left]


def reasons_of(end: End | Judged) -> tuple[str, ...]:
    """Why it is not a success, in sentences."""
    match end:
        case Judged(verdict=verdict, reasons=reasons):
            return tuple(f"{verdict}: {each}" for each in reasons) or (verdict.value,)
        case RolledBack(by=by, why=why):
            return (f"ECS rolled it back, by {by}: {why}",)
        case Superseded(by=by, revision=revision):
            return (f"superseded by deployment {by}, which runs {revision}",)
        case Unknown(why=why):
            return (f"not known whether it runs: {why}",)
        case Succeeded():
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the way back is proven, how patient it is, and where evidence is saved."""

    prove: Prove
    asked: Asked
    evidence: Path


def take_back(journal: Journal, failure: Failure, records: Sequence[Record], way: Way) -> Ending:
    """Save the evidence, put the last good release back, prove that it runs."""
    reasons = (*reasons_of(failure.shipped.end), *_by_own_lines(failure.shipped))
    journal.begin("evidence", failure.shipped.member.name)
    keep_evidence(journal, failure.shipped, reasons, way.evidence)
    journal.judged(Verdict.FAIL, reasons)
    tag_revisions(journal, failure.release, Verdict.FAIL)
    journal.alert(
        f"FAIL, {failure.release.label} is being taken back", (*reasons, f"evidence: {journal.record.evidence}")
    )
    match last_good(records, failure.release.revisions):
        case Chosen(release=target, reason=why):
            journal.begin("take back", f"to {target.label}: {why}")
            return announce(journal, _restore(journal, failure, target, way))
        case Nothing(reason=why):
            journal.begin("take back", why)
            return announce(journal, _stop(journal, failure, way.asked))


def _by_own_lines(shipped: Shipped) -> tuple[str, ...]:
    """What its own lines add, when it was not they that ended it."""
    own = shipped.own
    if isinstance(shipped.end, Judged) or own is None or own.verdict is not Verdict.FAIL:
        return ()
    return tuple(f"{Verdict.FAIL} by its own lines: {each}" for each in own.reasons)


def keep_evidence(journal: Journal, shipped: Shipped, reasons: tuple[str, ...], folder: Path) -> None:
    """Save what the failed tasks left, tell it, and write down where it is."""
    left = gather(journal, shipped.ours, reasons, shipped.own.document if shipped.own is not None else None)
    place = save(left, folder)
    journal.found(str(place))
    for line in left.lines():
        journal.tell("evidence", line)
    journal.tell("evidence", f"saved in {place}")


def _restore(journal: Journal, failure: Failure, target: Release, way: Way) -> Ending:
    """Every service back to its part of the target, the last deployed first."""
    astray = failure.astray(target)
    shipped = [bring_back(journal, each, target.parts[each.name], way) for each in astray if each.name in target.parts]
    halted = [stopped(journal, each, way.asked) for each in astray if each.name not in target.parts]
    restored = _restored(target, shipped)
    wrong = [why for each in shipped if _not_back(each) for why in reasons_of(each.end)]
    if wrong or not all(halted):
        told = (*(f"while taking back: {why}" for why in wrong), *_unstopped(halted))
        return ending(journal.end(Outcome.FAILED, told), "failed, and NOT taken back", restored=restored)
    record = journal.end(Outcome.TAKEN_BACK)
    return ending(record, f"failed and taken back; {target.label} runs again", restored=restored)


def bring_back(journal: Journal, member: Member, part: Part, way: Way) -> Shipped:
    """The service back to its part, once more if an alarm was in the way.

    An alarm may ring for the left release's lines only now, and ECS then gives up the deployment that cures it. One
    that begins while the alarm rings is not given up for it.
    """
    back = ship(journal, member, part, way.prove, way.asked)
    if isinstance(back.end, RolledBack) and back.end.by.startswith(ALARM):
        journal.begin(f"once more {member.name}", f"{back.end.by} rang late, for what the release being left had said")
        return ship(journal, member, part, way.prove, way.asked)
    return back


def _not_back(each: Shipped) -> bool:
    """Whether the service does not run what it was to go back to. Not to be proven yet is no reason to say so."""
    return not isinstance(each.end, Judged) or each.end.verdict is Verdict.FAIL


def _restored(target: Release, shipped: Sequence[Shipped]) -> dict[str, Any]:
    verdicts = {s.member.name: s.end.verdict.value if isinstance(s.end, Judged) else "unknown" for s in shipped}
    return {"release": target.document(), "verdicts": verdicts}


def _stop(journal: Journal, failure: Failure, asked: Asked) -> Ending:
    """No release was ever good: nothing is to run."""
    halted = [stopped(journal, member, asked) for member in failure.astray(None)]
    if not all(halted):
        return ending(journal.end(Outcome.FAILED, _unstopped(halted)), "failed, and NOT stopped")
    record = journal.end(Outcome.TAKEN_BACK)
    return ending(record, "failed; it was the first release, so the service runs nothing", restored={"release": None})


def _unstopped(halted: Sequence[bool]) -> tuple[str, ...]:
    return () if all(halted) else ("a service was told to run nothing, and its tasks have not ended",)


def stopped(journal: Journal, member: Member, asked: Asked) -> bool:
    """Let the service run nothing, and its parameter say so; whether its tasks have ended."""
    journal.begin(f"stop {member.name}", "desired count 0")
    journal.touched = True
    ended = stop(journal, journal.world.names.service(member.name), asked.settle_seconds)
    journal.begin(f"point {member.name}", f"its parameter at {NOT_RELEASED}")
    journal.point(journal.world.names.running(member.name), NOT_RELEASED)
    return ended
