"""What a walk, a status or a history found, for people; `ops.core.plain` has the same for programs."""

from collections.abc import Iterable, Iterator

from ops.core.records import Record
from ops.core.release import Release, short, short_digest
from ops.core.scene import Finding
from ops.core.standing import ServiceStanding, Standing
from ops.shell.ending import Ending
from ops.shell.rollback import Preview


def columns(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table as lines, for people and for grep: a head, and each column as wide as its widest cell."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def ending_screen(ended: Ending) -> Iterator[str]:
    """How a walk ended."""
    yield ended.message
    if ended.record is not None:
        yield from _record(ended.record)
    yield from finding_lines(ended.findings)
    yield f"Next: {ended.next_step}"


def _record(record: Record) -> Iterator[str]:
    yield f"  {record.kind} {record.id}: {record.outcome}{f', verdict {record.verdict}' if record.verdict else ''}"
    if record.to is not None:
        yield f"  from {_release(record.before)}"
        yield f"  to   {_release(record.to)}"
    for reason in record.reasons:
        yield f"  {reason}"
    if record.evidence:
        yield f"  evidence: {record.evidence}"


def _release(release: Release | None) -> str:
    if release is None:
        return "nothing"
    revisions = ", ".join(short(each) for each in release.revisions.values())
    return f"{release.label} ({short_digest(release.digest) or 'no digest'}): {revisions}"


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding with what it rests on and what to do."""
    for each in findings:
        yield f"  {each.severity}: {each.id} {each.subject}: {each.evidence}"
        yield f"      fix: {each.fix}"


def status_screen(told: Standing) -> Iterator[str]:
    """What is true of an environment."""
    proof = f"proven by {told.proven_by}" if told.proven else "NOT proven"
    yield f"release  {_release(told.release)}, {proof}" if told.release else "release  nothing runs"
    for service in told.services:
        yield from _service(service)
    if told.lock is not None:
        yield f"lock     {told.lock.holder()}"
    if told.last is not None:
        last = told.last
        ended = f"{last.ended:%Y-%m-%d %H:%M:%S %Z}" if last.ended else f"not ended, at {last.step}"
        yield f"last     {last.kind} {last.id} by {last.who.arn} on {last.who.host}: {last.outcome}, {ended}"
    yield from finding_lines(told.findings) if told.findings else ["findings none"]


def _service(each: ServiceStanding) -> Iterator[str]:
    revision = short(each.revision) if each.revision else "no release"
    digest = {True: "the digest that was built", False: "NOT the digest that was built", None: "digest not known"}
    release = f" ({each.release})" if each.revision else ""
    yield f"service  {each.name}: {each.condition}, {revision}{release}, {each.running} of {each.desired} tasks"
    if each.revision:
        yield f"         {digest[each.as_built]}{f' ({short_digest(each.digest)})' if each.digest else ''}"
    if each.waiting:
        yield f"         {each.waiting} changed fields of a newer template wait for the next ops deploy"


def history_screen(records: Iterable[Record]) -> Iterator[str]:
    """The last deployments, newest first."""
    for each in records:
        release = f"{each.to.label} {short_digest(each.to.digest)}" if each.to else "-"
        verdict = each.verdict or "-"
        yield f"{each.id:22} {each.kind:8} {each.outcome:11} {verdict:12} {release}  {each.who.arn}"
        yield from (f"    {reason}" for reason in each.reasons[:2])  # that there is no verdict, and why not


def preview_screen(told: Preview) -> Iterator[str]:
    """What a rollback would do."""
    yield f"from {_release(told.before)}"
    yield f"to   {_release(told.target)}" if told.target else "to   nothing"
    yield f"why  {told.reason}"
    for change in told.changes:
        yield f"  {change.subject} {change.path}: {change.before or '-'} -> {change.after or '-'}"
    yield from finding_lines(told.findings)
    yield f"Next: {_after(told)}"


def _after(told: Preview) -> str:
    if told.deployable:
        return "ops rollback"
    if told.findings:
        return "correct what is named above; until then this cannot be gone back to"
    return "nothing; ops history shows every release, and --to names another"
