"""One service of a release: brought, settled, pointed at, proven. The same for a deploy and for every way back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ops.core.member import Member
from ops.core.release import Part, short
from ops.core.ruling import Verdict
from ops.core.seen import Task
from ops.core.settle import End, Started, Succeeded, deaths, new_tasks, settle, what_runs
from ops.errors import Unreachable
from ops.shell.journal import Journal
from ops.shell.locking import pause
from ops.shell.settling import await_end, bring
from ops.world import Asked, Proof, Prove, Subject

DIGEST_SECONDS = 20
"""How long a new task may take to say which image it runs."""


@dataclass(frozen=True, slots=True)
class Judged:
    """It settled, and its own evidence was judged."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shipped:
    """What became of one service."""

    member: Member
    ours: Started
    end: End | Judged
    own: Proof | None = None
    """What its own lines say, whoever ended it; None when they were not asked."""


def ship(journal: Journal, member: Member, part: Part, prove: Prove, asked: Asked, *, anew: bool = False) -> Shipped:
    """Bring the service to its part of the release, and prove it. `anew` gives it new tasks of what it runs already."""
    since = journal.world.clock.now()
    ours, end = move(journal, member, part, asked, anew=anew)
    if not isinstance(end, Succeeded):
        return Shipped(member, ours, end, _last_words(journal, member, ours, prove, since))
    image = _image(journal, ours, part)
    if image.verdict is not Verdict.PASS:
        return Shipped(member, ours, image)
    journal.begin(f"verify {member.name}", f"by rules {member.rules}")
    proven, proof = _proven(journal, _subject(journal, member, ours, since), prove)
    return Shipped(member, ours, proven, proof)


def move(journal: Journal, member: Member, part: Part, asked: Asked, *, anew: bool = False) -> tuple[Started, End]:
    """Bring the service to its part of the release, wait, and let its parameter say what runs."""
    name = journal.world.names.service(member.name)
    journal.begin(f"update {member.name}", f"to {short(part.revision)}")
    journal.touched = True
    ours = bring(journal, name, part.revision, member.desired, anew=anew)
    journal.begin(f"settle {member.name}", f"{ours.deployment}, from {short(ours.before)}")
    end = await_end(journal, ours, asked.settle_seconds)
    if isinstance(end, Succeeded):
        journal.begin(f"point {member.name}", f"its parameter at {short(part.revision)}")
        journal.point(journal.world.names.running(member.name), part.revision)
    return ours, end


def _image(journal: Journal, ours: Started, part: Part) -> Judged:
    """Whether the digest that runs is the one that was built. ECS may need a moment to say it."""
    begun = journal.world.clock.monotonic()
    while True:
        verdict, why = what_runs(new_tasks(ours, _tasks(journal, ours)), part.digest)
        patient = journal.world.clock.monotonic() - begun < DIGEST_SECONDS
        if verdict is not Verdict.INCONCLUSIVE or not patient:
            return Judged(verdict, (why,))
        pause(journal.world, begun)


def _subject(journal: Journal, member: Member, ours: Started, since: datetime) -> Subject:
    return Subject(
        member=member,
        deployment=ours.deployment,
        revision=ours.revision,
        before=ours.before,
        since=since,
        anew=ours.anew,
        watch=lambda: _interruption(journal, ours, since),
    )


def _proven(journal: Journal, subject: Subject, prove: Prove) -> tuple[End | Judged, Proof | None]:
    """What its lines prove, unless tasks or ECS say otherwise: asked before, meanwhile and after."""
    ours = Started(
        service=journal.world.names.service(subject.member.name),
        deployment=subject.deployment,
        revision=subject.revision,
        before=subject.before,
        anew=subject.anew,
    )
    already = _gone_wrong(journal, ours, subject.since)
    if already is not None:
        return already, None
    proof = prove(subject)
    after = _gone_wrong(journal, ours, subject.since)
    return after if after is not None else Judged(proof.verdict, proof.reasons, proof.document), proof


def _last_words(journal: Journal, member: Member, ours: Started, prove: Prove, since: datetime) -> Proof | None:
    """What the lines of a deployment that has ended say by the rules: one look, because no more will come."""
    subject = _subject(journal, member, ours, since)
    try:
        return prove(replace(subject, watch=lambda: "its deployment has ended"))
    except Unreachable as error:
        return Proof(verdict=Verdict.INCONCLUSIVE, reasons=(error.message,))


def _interruption(journal: Journal, ours: Started, since: datetime) -> str | None:
    """Keeps the lock while logs are watched, and says why watching on is pointless."""
    try:
        journal.grip.renew()
        wrong = _gone_wrong(journal, ours, since)
    except Unreachable as error:
        journal.tell("verify", error.message)
        return None
    match wrong:
        case None:
            return None
        case Judged(reasons=reasons):
            return "; ".join(reasons)
        case end:
            return f"the deployment is no longer the service's: {end}"


def _gone_wrong(journal: Journal, ours: Started, since: datetime) -> End | Judged | None:
    """What logs can not tell: whether the deployment is still the service's, and whether a task of it died."""
    world = journal.world
    seen = world.ecs.service(ours.service)
    primary = seen.primary if seen is not None else None
    if primary is None or primary.id != ours.deployment or primary.revision != ours.revision:
        end = settle(ours, seen, world.ecs.past(ours.service, since), overdue=True)
        return None if isinstance(end, Succeeded) else end  # type: ignore[return-value] # overdue, so never waiting
    died = deaths(each for each in new_tasks(ours, _tasks(journal, ours)) if _later(each, since))
    return Judged(Verdict.FAIL, died) if died else None


def _later(task: Task, since: datetime) -> bool:
    return task.stopped is None or task.stopped >= since


def _tasks(journal: Journal, ours: Started) -> tuple[Task, ...]:
    return journal.world.ecs.tasks(journal.world.names.family(ours.service))
