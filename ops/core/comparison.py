"""A judgement in the light of another one: what is new, what was so before, what is gone.

A forbidden line that the release before says as well is no reason to take this one back: that would cure nothing, and
would hold up the release that brings the cure. It is no proof either, so the verdict is then INCONCLUSIVE: what runs
is kept, and not promoted.
"""

from collections.abc import Iterator
from dataclasses import replace

from contract.verification import Kind
from ops.core.judge import Change, Compared, Finding, Judgement
from ops.core.ruling import Verdict, worst


def against(now: Judgement, before: Judgement | None) -> Judgement:
    """The judgement of a release, when the log of the one before is known; as it is when there is none before."""
    if before is None:
        return now
    compared = tuple(_compared(now, before))
    excused = {each.id for each in compared if each.change is Change.ALSO_BEFORE}
    return replace(now, compared=compared, verdict=_verdict(now, excused), reasons=_reasons(now, excused))


def settled(now: Judgement, *, soaked: bool) -> bool:
    """Whether waiting on cannot change the verdict."""
    excused = {each.id for each in now.compared if each.change is Change.ALSO_BEFORE}
    open_still = [each for each in now.rules if each.verdict is not Verdict.PASS and each.id not in excused]
    return now.verdict is not Verdict.INCONCLUSIVE or (soaked and not open_still)


def _compared(now: Judgement, before: Judgement) -> Iterator[Compared]:
    earlier = {each.id: _broken(each) for each in before.rules}
    for finding in now.rules:
        counts = (_broken(finding), earlier.get(finding.id, 0))
        if any(counts):
            yield Compared(id=finding.id, change=_change(*counts), now=counts[0], before=counts[1])


def _change(now: int, before: int) -> Change:
    if not now:
        return Change.GONE
    return Change.ALSO_BEFORE if before else Change.NEW


def _broken(finding: Finding) -> int:
    """Lines that break the rule. What is required and missing is never excused by having been missing before."""
    return finding.count if finding.verdict is Verdict.FAIL and finding.kind is not Kind.REQUIRE else 0


def _verdict(now: Judgement, excused: set[str]) -> Verdict:
    if now.verdict is not Verdict.FAIL:
        return now.verdict
    left = (each.verdict for each in now.rules if each.id not in excused)
    return worst([*left, Verdict.INCONCLUSIVE]) if excused else now.verdict


def _reasons(now: Judgement, excused: set[str]) -> tuple[str, ...]:
    marked = {f"{each.id}: {each.reason}": each.id in excused for each in now.rules}
    return tuple(f"{reason} (also before)" if marked.get(reason) else reason for reason in now.reasons)
