"""What one line means to one rule, and what all of its lines together mean."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum, StrEnum, auto

from contract.events import Line
from contract.verification import Evidence, Forbid, Imply, Match, Require, Rule, matches, says
from ops.core.timing import Span, when


class Verdict(StrEnum):
    """What the lines prove."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    """Everything asked for was seen, nothing forbidden was."""
    FAIL = "FAIL"
    """A rule is broken."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """No rule is broken, and not enough was seen to believe anything."""


class Mark(Enum):
    """What one line means to one rule."""

    MATCHED = auto()
    BROKEN = auto()
    """The line shows that an implication does not hold."""
    LATE = auto()
    UNTIMED = auto()
    """It should have come in time, and does not say when it came."""
    DAMAGED = auto()
    UNREADABLE = auto()
    """It names an event of the rule and cannot be read, so what it says is not known."""


def mark(rule: Rule, line: Line, span: Span, *, damaged: bool) -> Mark | None:
    """What the line means to the rule; None when the rule does not speak of it."""
    if not matches(rule.match, line):
        return Mark.UNREADABLE if _names_unreadably(rule.match, line) else None
    if isinstance(rule, Imply) and not says(line, rule.field, rule.allowed):
        return Mark.BROKEN
    if damaged and not isinstance(rule, Forbid):
        return Mark.DAMAGED
    if isinstance(rule, Require) and rule.within_seconds is not None:
        return _in_time(line, span, rule.within_seconds)
    return Mark.MATCHED


def _names_unreadably(match: Match, line: Line) -> bool:
    return line.name is None and "{" in line.raw and any(f'"{name}"' in line.raw for name in match.events)


def _in_time(line: Line, span: Span, seconds: int) -> Mark:
    at = when(line)
    if at is None:
        return Mark.UNTIMED
    return Mark.MATCHED if span.through(at).seconds <= seconds else Mark.LATE


Ruling = tuple[Verdict, str, tuple[Mark, ...]]
"""The verdict, its reason, and the marks of the lines it rests on."""


def ruling(rule: Rule, counts: Counter[Mark], *, ended: bool) -> Ruling:
    """What a rule concludes from its lines. While the log has not `ended`, what is missing may still come."""
    match rule:
        case Require():
            return _require(rule, counts, ended=ended)
        case Forbid():
            return _forbid(rule, counts)
        case Imply():
            return _imply(rule, counts)


def _require(rule: Require, counts: Counter[Mark], *, ended: bool) -> Ruling:
    seen, untimed = counts[Mark.MATCHED], counts[Mark.UNTIMED]
    limit = f" within {rule.within_seconds} seconds" if rule.within_seconds else ""
    if seen >= rule.times:
        return Verdict.PASS, f"seen {_times(seen)}{limit}", (Mark.MATCHED,)

    short = f"seen {seen} of {_times(rule.times)}" if seen else f"not seen, asked for {_times(rule.times)}"
    undecided = not ended or seen + untimed >= rule.times
    return (
        Verdict.INCONCLUSIVE if undecided else Verdict.FAIL,
        f"{short}{limit}{_doubts(counts)}",
        (Mark.MATCHED, *_DOUBTS),
    )


def _forbid(rule: Forbid, counts: Counter[Mark]) -> Ruling:
    seen = counts[Mark.MATCHED]
    allowed = f"{_times(rule.at_most)} allowed" if rule.at_most else "must not be there"
    if seen > rule.at_most:
        return Verdict.FAIL, f"seen {_times(seen)}, {allowed}", (Mark.MATCHED,)
    if counts[Mark.UNREADABLE]:
        return Verdict.INCONCLUSIVE, f"seen {_times(seen)}{_doubts(counts)}", (Mark.MATCHED, Mark.UNREADABLE)
    return Verdict.PASS, f"seen {_times(seen)}, {allowed}" if seen else "not seen", (Mark.MATCHED,)


def _imply(rule: Imply, counts: Counter[Mark]) -> Ruling:
    seen, broken = counts[Mark.MATCHED], counts[Mark.BROKEN]
    consequence = f"say {rule.field} {' or '.join(map(str, rule.allowed))}"
    if broken:
        return Verdict.FAIL, f"{broken} of {seen + broken} lines do not {consequence}", (Mark.BROKEN,)
    if counts[Mark.UNREADABLE] or (not seen and rule.evidence is Evidence.REQUIRED):
        events = " or ".join(rule.match.events)
        reason = f"{seen} lines {consequence}{_doubts(counts)}" if seen else f"no {events} seen{_doubts(counts)}"
        return Verdict.INCONCLUSIVE, reason, (Mark.MATCHED, *_DOUBTS)
    return (
        Verdict.PASS,
        f"{seen} of {seen} lines {consequence}" if seen else "none seen, none asked for",
        (Mark.MATCHED,),
    )


_DOUBTS = {
    Mark.LATE: "too late",
    Mark.UNTIMED: "without a time",
    Mark.DAMAGED: "with bytes that are no text",
    Mark.UNREADABLE: "that cannot be read",
}
"""Lines that speak of the rule and prove nothing."""


def _doubts(counts: Counter[Mark]) -> str:
    told = [f"{counts[mark]} {words}" for mark, words in _DOUBTS.items() if counts[mark]]
    return f" (and {', '.join(told)})" if told else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL if there is one, else INCONCLUSIVE if there is one, else PASS."""
    given = set(verdicts)
    return next((each for each in (Verdict.FAIL, Verdict.INCONCLUSIVE) if each in given), Verdict.PASS)
