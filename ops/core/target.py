"""Which release to go back to: the last verified one that is not running. Never "the number before"."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.core.records import Kind, Outcome, Record, proof, withdraws
from ops.core.release import Release
from ops.core.ruling import Verdict


@dataclass(frozen=True, slots=True)
class Chosen:
    """A release to go back to, why that one, and the deployment that shipped it."""

    release: Release
    reason: str
    record: Record


@dataclass(frozen=True, slots=True)
class Nothing:
    """No release was ever proven: going back means to run nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoTarget:
    """There is nothing to go back to, or not what was asked for."""

    why: str
    next_step: str


def choose(
    records: Sequence[Record], running: Mapping[str, str], asked: str | None = None
) -> Chosen | Nothing | NoTarget:
    """The release to go back to.

    Args:
        records: of every deployment, newest first.
        running: the revision each service runs now; a service that runs nothing is not in it.
        asked: what a person named: a deployment's id, a tag, a git revision or a digest, or the beginning of one.
    """
    if asked is not None:
        return _asked(records, running, asked)
    last = records[0] if records else None
    if last is not None and last.kind is Kind.ROLLBACK and _unfinished(last) and last.to is not None:
        return Chosen(last.to, f"goes on with {last.id}, which was interrupted", last)
    for record in _verified(records):
        if record.to is not None and not _runs(record.to, running):
            return Chosen(record.to, f"the last verified release that is not running: {_told(record)}", record)
    return _none(records, running)


def last_good(records: Sequence[Record], leaving: Mapping[str, str]) -> Chosen | Nothing:
    """What a failed deployment is taken back to: the last verified release, else the one before that did not fail.

    `leaving` are the revisions of the failed one.
    """
    for record in _verified(records):
        if record.to is not None and not _runs(record.to, leaving):
            return Chosen(record.to, f"the last verified release: {_told(record)}", record)
    for record in records:
        kept = record.outcome is Outcome.KEPT and record.to is not None and not _runs(record.to, leaving)
        if kept and record.to is not None and not _withdrawn(records, record.to):
            return Chosen(record.to, f"none is verified; it ran before and did not fail: {_told(record)}", record)
    return Nothing("no release was ever proven, so nothing is to run")


def _unfinished(record: Record) -> bool:
    return record.outcome in {Outcome.OPEN, Outcome.INTERRUPTED}


def _verified(records: Sequence[Record]) -> Iterable[Record]:
    """Records of releases that are proven still, newest first."""
    for record in records:
        to = record.to if record.kind is not Kind.RESTART else None
        if to is not None and record.verdict is Verdict.PASS and proof(records, to.revisions) is not None:
            yield record


def _withdrawn(records: Sequence[Record], release: Release) -> bool:
    return any(withdraws(each, release.revisions) for each in records)


def _runs(release: Release, running: Mapping[str, str]) -> bool:
    return bool(running) and all(running.get(service) == arn for service, arn in release.revisions.items())


def _asked(records: Sequence[Record], running: Mapping[str, str], asked: str) -> Chosen | NoTarget:
    named = [each for each in records if each.to is not None and _is_named(each, each.to, asked)]
    if not named:
        return NoTarget(f"no recorded release is called {asked!r}", "ops history")
    good = next((each for each in named if each.verdict is Verdict.PASS), None) or named[0]
    release = good.to
    if release is None or not release.parts:
        return NoTarget(f"{asked!r} was stopped before it had revisions", "ops history")
    if good.verdict is Verdict.FAIL or (good.verdict is not Verdict.PASS and _withdrawn(records, release)):
        return NoTarget(f"{good.id} was judged FAIL; a release that failed is not gone back to", "ops history")
    if _runs(release, running):
        return NoTarget(f"{release.label} is what runs now", "ops status")
    proven = "verified" if good.verdict is Verdict.PASS else "never proven"
    return Chosen(release, f"asked for by {asked!r}, {proven}: {_told(good)}", good)


def _is_named(record: Record, release: Release, asked: str) -> bool:
    digest = release.digest.removeprefix("sha256:")
    return bool(asked) and any(
        name.startswith(asked.removeprefix("sha256:")) for name in (record.id, release.tag, release.git, digest)
    )


def _none(records: Sequence[Record], running: Mapping[str, str]) -> Nothing | NoTarget:
    if not running:
        return NoTarget("no service runs a release, and none was proven before", "ops deploy")
    if proof_of_running(records, running) is None:
        return Nothing("what runs was never proven, and nothing before it was: the services are stopped")
    return NoTarget("what runs is proven, and no other release was", "ops history")


def proof_of_running(records: Sequence[Record], running: Mapping[str, str]) -> Record | None:
    """The record that proves everything that runs; None when nothing does."""
    for record in records:
        if record.to is not None and _runs(record.to, running):
            return proof(records, record.to.revisions)
    return None


def _told(record: Record) -> str:
    to = record.to
    kind = "rolled back to" if record.kind is Kind.ROLLBACK else "deployed"
    return f"{to.label if to else '?'}, {kind} by {record.id} on {record.started:%Y-%m-%d %H:%M %Z}"
