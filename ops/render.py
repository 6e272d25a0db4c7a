"""What a command found, for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from ops.core.judge import Counts, Finding, Judgement
from ops.core.ruling import Verdict, worst

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "yellow"}

_MEANING = {
    Verdict.PASS: "Proven: all that the rules ask for was seen, and nothing that they forbid.",
    Verdict.FAIL: "Disproven: a release that logs this does not do what it should.",
    Verdict.INCONCLUSIVE: "Not proven: no rule is broken, and not enough was seen to believe anything.",
}
_NEXT_STEP = {
    Verdict.PASS: "nothing; the log is evidence for this release only, judge the next one by its own",
    Verdict.FAIL: "do not promote this release; fix what the lines above name, and judge the log of the fixed one",
    Verdict.INCONCLUSIVE: "judge a longer log of the same release, one that has what is missing above",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement with what it was passed on, and by which rules."""

    source: str
    rule_set: str
    rules_hash: str
    replay: bool
    judgement: Judgement


def verify_document(judged: Judged) -> dict[str, Any]:
    """The judgement for programs; docs/reference/cli.md shows the shape."""
    judgement = asdict(judged.judgement)
    about = {key: value for key, value in asdict(judged).items() if key != "judgement"}
    return {"verdict": judgement.pop("verdict"), **about, **judgement}


def verify_documents(judged: list[Judged]) -> dict[str, Any]:
    """The judgements of several services as one: the worst verdict, every rule with the service it was asked of."""
    rules = [{**rule, "service": each.source} for each in judged for rule in verify_document(each)["rules"]]
    verdict = worst(each.judgement.verdict for each in judged)
    return {"verdict": verdict, "rules": rules, "services": [verify_document(each) for each in judged]}


def verify_screen(judged: Judged) -> Iterator[Text]:
    """The judgement for people: verdict, rules with evidence (one line where a rule holds), meaning, next step."""
    judgement = judged.judgement
    told = f"  {judged.source} by rules {judged.rule_set} ({judged.rules_hash}): {_counts(judgement.counts)}"
    yield Text.assemble(_coloured(judgement.verdict), told)
    yield Text()
    width = max(len(each.id) for each in judgement.rules)
    for finding in judgement.rules:
        yield from _finding(finding, width)
    for compared in judgement.compared:
        yield Text(f"  {compared.change}: {compared.id} ({compared.now} lines now, {compared.before} before)")
    yield Text()
    yield Text(_MEANING[judgement.verdict])
    for reason in judgement.reasons:
        yield Text(f"  {reason}")
    yield Text(f"Next: {_NEXT_STEP[judgement.verdict]}")


def _finding(finding: Finding, width: int) -> Iterator[Text]:
    padding = " " * (len(Verdict.INCONCLUSIVE) - len(finding.verdict))
    told = f"{padding}  {finding.kind:7}  {finding.id:{width}}  {finding.reason}"
    yield Text.assemble("  ", _coloured(finding.verdict), told)
    if finding.verdict is not Verdict.PASS:
        yield Text(f"      why: {finding.why}", style="dim")
    shown = finding.lines[:1] if finding.verdict is Verdict.PASS else finding.lines
    for line in shown:
        yield Text(f"      {line.number:>6}: {line.text}")
    if finding.count > len(shown):
        yield Text(f"              and {finding.count - len(shown)} more")


def _coloured(verdict: Verdict) -> tuple[str, str]:
    return verdict.value, _COLOURS[verdict]


def _counts(counts: Counts) -> str:
    told = [f"{counts.lines} lines", f"{counts.events} events", f"{counts.notes} notes"]
    return ", ".join([*told, f"{counts.damaged} with bytes that are no text"] if counts.damaged else told)


def show(lines: Iterator[Text], console: Console) -> None:
    """Write the lines: cut to a terminal's width, coloured unless NO_COLOR is set; whole and plain to anything else."""
    for line in lines:
        if console.is_terminal:
            console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            console.file.write(f"{line.plain}\n")
