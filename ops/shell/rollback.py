"""The walk back: schedules first, then services, each settled and proven. It needs AWS only: no git, no build."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.core.member import Member
from ops.core.plan import Change, changes
from ops.core.records import Kind, Outcome, Record, identity
from ops.core.release import Release, short
from ops.core.ruling import Verdict, worst
from ops.core.scene import Finding, Scene
from ops.core.settle import Superseded
from ops.core.standing import release, running
from ops.core.target import Chosen, NoTarget, Nothing, choose
from ops.errors import Exit
from ops.shell.ending import Ending, announce, ending
from ops.shell.journal import Journal, close_interrupted, closing
from ops.shell.locking import holding
from ops.shell.observe import look
from ops.shell.preparing import errors, target_findings
from ops.shell.promoting import move_schedules, promote, world_schedules
from ops.shell.shipping import Judged, Shipped
from ops.shell.taking_back import Way, bring_back, keep_evidence, reasons_of, stopped
from ops.world import Asked, Prove, Tell, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What to go back to, and how."""

    members: tuple[Member, ...]
    to: str | None = None
    """What a person named; None for the last verified release."""
    rules: str = ""
    asked: Asked
    evidence: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rollback would do."""

    before: Release | None
    target: Release | None
    """None when there is none, or when nothing is to run."""
    reason: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    deployable: bool

    def document(self) -> dict[str, Any]:
        """The preview as JSON has it. Others read the first five keys; they stay as they are."""
        return {
            "from": self.before.document() if self.before else None,
            "to": self.target.document() if self.target else None,
            "reason": self.reason,
            "changes": [_change(each) for each in self.changes],
            "deployable": self.deployable,
            "findings": [_finding(each) for each in self.findings],
        }


def _change(each: Change) -> dict[str, Any]:
    return {"subject": each.subject, "path": each.path, "from": each.before, "to": each.after}


def _finding(each: Finding) -> dict[str, str]:
    return {
        "id": each.id,
        "severity": each.severity,
        "subject": each.subject,
        "evidence": each.evidence,
        "fix": each.fix,
    }


def preview(world: World, members: tuple[Member, ...], to: str | None) -> Preview:
    """What a rollback would do now. Changes nothing, and takes no lock."""
    scene = look(world, members)
    before = release(scene, world.names)
    match choose(scene.records, running(scene, world.names), to):
        case Chosen(release=target, reason=reason):
            found = target_findings(world, target)
            changed = _changes(world, scene, members, target)
            return Preview(
                before=before,
                target=target,
                reason=reason,
                changes=changed,
                findings=found,
                deployable=not errors(found),
            )
        case Nothing(reason=reason):
            halted = tuple(Change(name, "desired count", "1", "0") for name in running(scene, world.names))
            return Preview(before=before, target=None, reason=reason, changes=halted, findings=(), deployable=True)
        case NoTarget(why=why):
            return Preview(before=before, target=None, reason=why, changes=(), findings=(), deployable=False)


def _changes(world: World, scene: Scene, members: Sequence[Member], target: Release) -> tuple[Change, ...]:
    """What of the task definitions and of the schedules will be different."""
    runs, found = running(scene, world.names), []
    for name, part in target.parts.items():
        now, then = scene.definitions.get(runs.get(name, "")), world.ecs.definition(part.revision)
        if runs.get(name) != part.revision:
            was = runs.get(name)
            found.append(Change(name, "revision", short(was) if was else None, short(part.revision)))
            found += changes(name, now.document if now else None, then.document) if then else []
    there = {each.name: each.revision for each in scene.triggers}
    for name, revision in world_schedules(world, _schedules(members, target)).items():
        found.append(Change(name, "schedule", short(there[name]) if name in there else None, short(revision)))
    return tuple(found)


def _schedules(members: Sequence[Member], target: Release) -> dict[str, str]:
    return {
        s: target.parts[each.name].revision for each in members if each.name in target.parts for s in each.schedules
    }


def roll_back(world: World, wanted: Return, prove: Prove, tell: Tell) -> Ending:
    """Go back to a release that was proven, and prove it again.

    Raises:
        LockedError: somebody else holds the lock.
        OpsError: AWS gave no answer, or said no; the record says during which step.
    """
    with holding(world, wanted.asked, "roll back", tell) as grip:
        scene = look(world, wanted.members)
        records = close_interrupted(world, grip, scene.records, tell)
        chosen = choose(records, running(scene, world.names), wanted.to)
        if isinstance(chosen, NoTarget):
            return Ending(exit=Exit.NOT_DONE, message=chosen.why, next_step=chosen.next_step)
        now, before = world.clock.now(), release(scene, world.names)
        record = Record(
            id=identity(now, grip.fence), kind=Kind.ROLLBACK, who=wanted.asked.who, started=now, before=before
        )
        journal = Journal(world, grip, record, tell)
        with closing(journal):
            return _go(journal, wanted, prove, chosen)


def _go(journal: Journal, wanted: Return, prove: Prove, chosen: Chosen | Nothing) -> Ending:
    match chosen:
        case Chosen(release=target, reason=reason):
            found = target_findings(journal.world, target)
            if errors(found):
                message = f"{target.label} cannot be deployed any more; nothing was changed"
                return Ending(exit=Exit.FINDINGS, message=message, next_step="correct each finding", findings=found)
            journal.ships(target, wanted.rules)
            journal.begin("go back", f"to {target.label}: {reason}")
            return announce(journal, _walk(journal, wanted, prove, chosen))
        case Nothing(reason=reason):
            journal.begin("stop", reason)
            ended = [stopped(journal, member, wanted.asked) for member in reversed(wanted.members)]
            return announce(journal, _nothing(journal, all(ended), reason))


def _nothing(journal: Journal, ended: bool, reason: str) -> Ending:  # noqa: FBT001 - one fact, named at the call
    if not ended:
        return ending(journal.end(Outcome.FAILED, ("tasks have not ended",)), "the services were told to run nothing")
    return ending(journal.end(Outcome.PROVEN, (reason,)), "nothing runs; no release was ever proven")


def _walk(journal: Journal, wanted: Return, prove: Prove, chosen: Chosen) -> Ending:
    """Schedules first: until they have moved they start what is being left. All services, though one is not proven."""
    target = chosen.release
    move_schedules(journal, _schedules(wanted.members, target))
    members = [each for each in wanted.members if each.name in target.parts]
    way = Way(prove=prove, asked=wanted.asked, evidence=wanted.evidence)
    shipped = [bring_back(journal, each, target.parts[each.name], way) for each in members]
    left_over = [each for each in wanted.members if each.name not in target.parts]
    ended = [stopped(journal, each, wanted.asked) for each in left_over]
    if not all(ended):
        return ending(journal.end(Outcome.FAILED, ("tasks have not ended",)), "a service would not stop")
    return _conclude(journal, wanted, shipped, chosen)


def _conclude(journal: Journal, wanted: Return, shipped: Sequence[Shipped], chosen: Chosen) -> Ending:
    target = chosen.release
    reasons = tuple(
        f"{each.member.name}: {why}" for each in shipped for why in reasons_of(each.end) if not _passed(each)
    )
    if any(isinstance(each.end, Superseded) for each in shipped):
        return ending(journal.end(Outcome.SUPERSEDED, reasons), "another deployment took the place of the rollback")
    failed = [each for each in shipped if not _back(each)]
    if failed:
        for each in failed:
            keep_evidence(journal, each, reasons, wanted.evidence)
        journal.judged(Verdict.FAIL, reasons)
        return ending(journal.end(Outcome.FAILED), f"{target.label} was put back, and fails as well")
    verdict = worst(each.end.verdict for each in shipped if isinstance(each.end, Judged))
    journal.judged(verdict, reasons)
    # That it was proven before stays true: it is what the pointer names, whatever can be seen today.
    promote(journal, target, _schedules(wanted.members, target), proven_by=chosen.record.id)
    outcome = Outcome.PROVEN if verdict is Verdict.PASS else Outcome.KEPT
    return ending(journal.end(outcome), f"{target.label} runs again, {verdict}")


def _passed(each: Shipped) -> bool:
    return isinstance(each.end, Judged) and each.end.verdict is Verdict.PASS


def _back(each: Shipped) -> bool:
    return isinstance(each.end, Judged) and each.end.verdict is not Verdict.FAIL
