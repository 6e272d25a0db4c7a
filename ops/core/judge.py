"""The judge: log lines and rules in, a verdict with its evidence out.

One pass, bounded memory: of each rule a few example lines are kept, the rest is counted. A line is read as JSON only
when a cheap test of its text says that it may concern a rule. Nothing in a log can make the judge raise.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from contract.events import parse
from contract.verification import Kind, Match, Rule, RuleSet
from ops.core.ruling import Mark, Verdict, mark, ruling, worst
from ops.core.timing import Span, when

EXAMPLES = 5
"""Lines kept per rule and mark."""
EXCERPT = 400
"""Characters kept of a line, around what matched."""

BYTE_ORDER_MARK = "\ufeff"
_DAMAGED = re.compile("[\ud800-\udfff\ufffd]")
"""What decoding leaves of bytes that were no text: surrogates (our reader), replacement characters (someone else's)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of evidence: its number in the log, counted from 1, and its text, shortened around the match."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one rule."""

    id: str
    kind: Kind
    verdict: Verdict
    reason: str
    why: str
    count: int
    """All lines that the verdict rests on."""
    lines: tuple[Seen, ...]
    """The first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the log consisted of."""

    lines: int
    """Lines that were judged: neither notes nor blank."""
    notes: int
    """Lines that start with #."""
    blank: int
    events: int
    """Judged lines that have a key `event`."""
    damaged: int
    """Judged lines with bytes that are no UTF-8. They can break a rule, and never prove one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a log, rule by rule."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """In words, what keeps the verdict from PASS. Empty when it is PASS."""
    rules: tuple[Finding, ...]
    counts: Counts
    compared: tuple["Compared", ...] = ()
    """Every rule that is broken now or was before; empty when nothing was compared."""


class Change(StrEnum):
    """How a rule stands compared with the log of another release."""

    NEW = "new"
    """Broken now, and not before."""
    ALSO_BEFORE = "also before"
    """Broken now as it was before. Going back would cure nothing."""
    GONE = "gone"
    """Broken before, and not now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One rule, now and before."""

    id: str
    change: Change
    now: int
    """Lines that break the rule now; 0 when it holds."""
    before: int


def judge(lines: Iterable[str], rule_set: RuleSet, *, replay: bool) -> Judgement:
    """Judge a log.

    Args:
        lines: the log, line by line, with or without line ends. Bytes that are no UTF-8 arrive as surrogates
            (`errors="surrogateescape"`).
        rule_set: the rules to judge by.
        replay: True for a log that has ended: soak time is not asked for. False for the log of a running release: until
            it spans the soak time, what is not there yet is INCONCLUSIVE, and so is everything else that is not FAIL.
    """
    hearing = Hearing(rule_set, timed=not replay)
    for line in lines:
        hearing.hear(line)
    return hearing.judgement(replay=replay)


class _Tally:
    """What one rule has seen so far."""

    __slots__ = ("counts", "examples", "id", "rule")

    def __init__(self, rule_id: str, rule: Rule) -> None:
        self.id = rule_id
        self.rule = rule
        self.counts: Counter[Mark] = Counter()
        self.examples: dict[Mark, list[Seen]] = defaultdict(list)

    def note(self, meaning: Mark, number: int, raw: str) -> None:
        """Count the line, and keep it if it is one of the first."""
        self.counts[meaning] += 1
        if len(self.examples[meaning]) < EXAMPLES:
            self.examples[meaning].append(Seen(number, _excerpt(raw, _position(self.rule.match, raw))))


class Hearing:
    """A log that is judged while it is written: lines go in as they come, a judgement may be asked for at any time."""

    def __init__(self, rule_set: RuleSet, *, timed: bool) -> None:
        self._tallies = [_Tally(rule_id, rule) for rule_id, rule in rule_set.rules()]
        self._concerned = _prefilter(self._tallies)
        self._soak_seconds = rule_set.soak_seconds
        self._timed = timed
        self._wants_time = timed or any(rule.within_seconds for rule in rule_set.require.values())
        self._span = Span()
        self._number = self._lines = self._notes = self._blank = self._events = self._damaged = 0

    def hear(self, line: str) -> None:
        """Take one line in."""
        self._number += 1
        raw = line.rstrip("\r\n").removeprefix(BYTE_ORDER_MARK)
        if not raw or raw.isspace():
            self._blank += 1
        elif raw.startswith("#"):
            self._notes += 1
        else:
            self._judge(raw)

    def _judge(self, raw: str) -> None:
        self._lines += 1
        self._events += '"event"' in raw
        damaged = not raw.isascii() and _DAMAGED.search(raw) is not None
        self._damaged += damaged
        if self._wants_time:
            self._tell_time(raw)

        concerned = self._concerned(raw)
        if concerned:
            line = parse(raw)
            for tally in concerned:
                meaning = mark(tally.rule, line, self._span, damaged=damaged)
                if meaning is not None:
                    tally.note(meaning, self._number, raw)

    def _tell_time(self, raw: str) -> None:
        self._span = self._span.through(when(parse(raw)))
        self._wants_time = self._timed or self._span.first is None

    @property
    def soaked(self) -> bool:
        """Whether what was heard spans the soak time."""
        return self._span.seconds >= self._soak_seconds

    def judgement(self, *, replay: bool) -> Judgement:
        """The verdict on what was heard. With `replay` the log has ended, and soak time is not asked for."""
        ended = replay or self.soaked
        findings = tuple(_conclude(tally, empty=not self._lines, ended=ended) for tally in self._tallies)
        reasons = [f"{each.id}: {each.reason}" for each in findings if each.verdict is not Verdict.PASS]
        if not ended:
            reasons.append(f"the log spans {self._span.seconds:.0f} of {self._soak_seconds} seconds of soak time")
        if not self._lines:
            reasons = ["the log has no lines to judge"]
        return Judgement(
            verdict=worst([*(each.verdict for each in findings), *([] if ended else [Verdict.INCONCLUSIVE])]),
            reasons=tuple(reasons),
            rules=findings,
            counts=Counts(
                lines=self._lines,
                notes=self._notes,
                blank=self._blank,
                events=self._events,
                damaged=self._damaged,
            ),
        )


def _prefilter(tallies: Iterable[_Tally]) -> Callable[[str], Iterable[_Tally]]:
    """Which rules a line may concern: cheap, without reading it, and never missing one."""
    texts = [(tally.rule.match.text, tally) for tally in tallies if tally.rule.match.text is not None]
    searches = [
        (re.compile(each.rule.match.regex).search, each) for each in tallies if each.rule.match.regex is not None
    ]
    by_event = [(name, tally) for tally in tallies for name in tally.rule.match.events]
    of_events = list(dict.fromkeys(tally for _, tally in by_event))

    def concerned(raw: str) -> Iterable[_Tally]:
        found = [tally for text, tally in texts if text in raw]
        found += [tally for search, tally in searches if search(raw)]
        if "\\u" in raw:  # the one way in which JSON can spell a name differently
            return found + of_events
        if '"event"' in raw:
            found += dict.fromkeys(tally for name, tally in by_event if name in raw)
        return found

    return concerned


def _conclude(tally: _Tally, *, empty: bool, ended: bool) -> Finding:
    verdict, reason, marks = ruling(tally.rule, tally.counts, ended=ended)
    if empty:
        verdict, reason = Verdict.INCONCLUSIVE, "nothing was logged"
    lines = sorted((line for each in marks for line in tally.examples[each]), key=lambda line: line.number)
    return Finding(
        id=tally.id,
        kind=tally.rule.kind,
        verdict=verdict,
        reason=reason,
        why=tally.rule.why,
        count=sum(tally.counts[each] for each in marks),
        lines=tuple(lines[:EXAMPLES]),
    )


def _position(match: Match, raw: str) -> int:
    """Where in the line its matter begins."""
    if match.text is not None:
        return raw.find(match.text)
    found = re.search(match.regex, raw) if match.regex is not None else None
    return found.start() if found else max(raw.find("{"), 0)


def _excerpt(raw: str, at: int) -> str:
    """A printable piece of the line around the place, with what is no text spelled out."""
    start = max(0, min(at - EXCERPT // 4, len(raw) - EXCERPT))
    piece = raw[start : start + EXCERPT]
    shown = "".join(printable(piece))
    return f"{'...' if start else ''}{shown}{'...' if start + EXCERPT < len(raw) else ''}"


def printable(text: str) -> Iterator[str]:
    """Log lines are others' words: no control character of theirs reaches a terminal."""
    for character in text:
        yield character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
