"""New tasks of the release that runs, so that they are given a secret's new value. No release begins or ends by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.core.member import Member
from ops.core.records import Kind, Outcome, Record, identity
from ops.core.release import Release
from ops.core.ruling import Verdict
from ops.core.settle import Superseded
from ops.core.standing import release
from ops.errors import Exit
from ops.shell.ending import Ending, announce, ending
from ops.shell.journal import Journal, close_interrupted, closing
from ops.shell.locking import holding
from ops.shell.observe import look
from ops.shell.preparing import errors, target_findings
from ops.shell.shipping import Judged, Shipped, ship
from ops.shell.taking_back import keep_evidence, reasons_of
from ops.world import Asked, Prove, Tell, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What is to have new tasks."""

    members: tuple[Member, ...]
    """Every service of the environment, in the order in which they are deployed."""
    only: tuple[str, ...] = ()
    """The services to restart; all that run when empty."""
    rules: str = ""
    asked: Asked
    evidence: Path


def restart(world: World, wanted: Renewal, prove: Prove, tell: Tell) -> Ending:
    """Service after service, new tasks of what it runs, each proven before the next.

    Raises:
        LockedError: somebody else holds the lock.
        OpsError: AWS gave no answer, or said no; the record says during which step.
    """
    with holding(world, wanted.asked, "restart", tell) as grip:
        scene = look(world, wanted.members)
        close_interrupted(world, grip, scene.records, tell)
        runs = release(scene, world.names)
        chosen = [each for each in wanted.members if _is_chosen(each, wanted, runs)]
        if runs is None or not chosen:
            return Ending(exit=Exit.NOT_DONE, message="nothing of it runs", next_step="ops status; ops deploy")
        found = errors(target_findings(world, runs))
        if found:
            message = "the tasks could not start again; nothing was changed"
            return Ending(exit=Exit.FINDINGS, message=message, next_step="correct each finding", findings=found)
        now = world.clock.now()
        record = Record(
            id=identity(now, grip.fence), kind=Kind.RESTART, who=wanted.asked.who, started=now, before=runs, to=runs
        )
        journal = Journal(world, grip, record, tell)
        journal.ships(runs, wanted.rules)
        with closing(journal):
            return _walk(journal, wanted, prove, runs, chosen)


def _is_chosen(member: Member, wanted: Renewal, runs: Release | None) -> bool:
    named = not wanted.only or member.name in wanted.only
    return named and runs is not None and member.name in runs.parts


def _walk(journal: Journal, wanted: Renewal, prove: Prove, runs: Release, chosen: Sequence[Member]) -> Ending:
    verdicts: list[Judged] = []
    for member in chosen:
        one = ship(journal, member, runs.parts[member.name], prove, wanted.asked, anew=True)
        if not isinstance(one.end, Judged) or one.end.verdict is Verdict.FAIL:
            return _failed(journal, one, runs, wanted)
        verdicts.append(one.end)
    doubtful = [each for each in verdicts if each.verdict is not Verdict.PASS]
    if doubtful:
        journal.judged(Verdict.INCONCLUSIVE, [why for each in doubtful for why in each.reasons])
        return ending(journal.end(Outcome.KEPT), f"new tasks of {runs.label} run, and are not proven")
    journal.judged(Verdict.PASS, ())
    return ending(journal.end(Outcome.PROVEN), f"new tasks of {runs.label} run, and are proven")


def _failed(journal: Journal, one: Shipped, runs: Release, wanted: Renewal) -> Ending:
    reasons = reasons_of(one.end)
    if isinstance(one.end, Superseded):
        return ending(journal.end(Outcome.SUPERSEDED, reasons), "another deployment took the place of the restart")
    journal.begin("evidence", one.member.name)
    keep_evidence(journal, one, reasons, wanted.evidence)
    journal.judged(Verdict.FAIL, reasons)
    message = f"new tasks of {one.member.name} fail, and {runs.label} was proven: look at what has changed around it"
    return announce(journal, ending(journal.end(Outcome.FAILED), message))
