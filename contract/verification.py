"""The rules a log is judged by, as data: what must be seen, what must not, and what follows from what.

A rule set is declared in `pipeline.toml` under `[verification.NAME]`, one table per rule, its id being the last key:

    [verification.default.require.alive]
    match = { events = ["heartbeat"] }
    times = 3
    why = "liveness is output, not a process"

A rule that cannot match is refused when it is read: a verification that cannot fail, or cannot pass, proves nothing.
Rules read one line at a time and know equality only, so that they can be compiled to metric filters as well.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from hashlib import sha256
from types import NoneType
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

from voluptuous import Invalid

from contract.events import EVENTS, LEGACY_EVENTS, Line
from contract.strict import NotNegativeInt, PositiveInt


class Kind(StrEnum):
    """What a rule asks of a log."""

    REQUIRE = "require"
    """Matching lines must be there."""
    FORBID = "forbid"
    """Matching lines must not be there, or not more than so many."""
    IMPLY = "imply"
    """Of every matching line, one field must have one of the allowed values."""


class Evidence(StrEnum):
    """What it means that an `imply` rule met no line at all."""

    REQUIRED = "required"
    """Nothing is proven: the verdict is INCONCLUSIVE."""
    OPTIONAL = "optional"
    """The rule holds."""


def _meaningful(text: str) -> str:
    if not text.strip():
        raise Invalid("is empty; it would match every line")
    if "\n" in text:
        raise Invalid("has a line break and cannot match; rules read one line at a time")
    return text


def _compiles(regex: str) -> str:
    try:
        compiled = re.compile(regex)
    except re.error as error:
        raise Invalid(f"{regex!r} is not a regular expression: {error}") from error
    if compiled.search("") is not None:
        raise Invalid(f"{regex!r} matches every line, even an empty one; say what must be there")
    return regex


def _known_events(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in EVENTS and name not in LEGACY_EVENTS]:
        raise Invalid(f"cannot match: no event is called {', '.join(unknown)}; docs/reference/events.md lists them")
    return names


def _why(text: str) -> str:
    if not text.strip():
        raise Invalid("is empty; say what goes wrong when this rule is broken")
    return text


Why = Annotated[str, _why]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which lines a rule speaks of: exactly one of `events`, `text` and `regex`."""

    events: Annotated[tuple[str, ...], _known_events] = ()
    """Lines that carry one of these events, ours or the original system's."""
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Narrows `events`: each named field has one of the listed values."""
    text: Annotated[str, _meaningful] | None = None
    """Lines whose raw text contains this, JSON included."""
    regex: Annotated[str, _compiles] | None = None
    """Lines in whose raw text this is found, JSON included."""

    def __post_init__(self) -> None:
        """Refuse a match that is by nothing, by two things, or by what its events never say."""
        given = [name for name in ("events", "text", "regex") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"is by {' and '.join(given) or 'nothing'}; give one of events, text, regex")
        if self.where and not self.events:
            raise ValueError("has `where` without events; only an event has fields")

        _refuse(problem for name, values in self.where.items() for problem in _misfits(self.events, name, values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Require:
    """At least `times` lines match; those later than `within_seconds` after the log's first line do not count."""

    kind: ClassVar[Kind] = Kind.REQUIRE
    match: Match
    why: Why
    times: PositiveInt = 1
    within_seconds: PositiveInt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbid:
    """At most `at_most` lines match."""

    kind: ClassVar[Kind] = Kind.FORBID
    match: Match
    why: Why
    at_most: NotNegativeInt = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imply:
    """Every matching line says `field`, and with one of the `allowed` values. A missing field breaks the rule."""

    kind: ClassVar[Kind] = Kind.IMPLY
    match: Match
    why: Why
    field: str
    allowed: tuple[Any, ...]
    evidence: Evidence = Evidence.OPTIONAL

    def __post_init__(self) -> None:
        """Refuse a consequence that the events can never, or could never but, have."""
        if not self.match.events:
            raise ValueError("implies something of a text; match by events, only an event has fields")

        _refuse(_misfits(self.match.events, self.field, self.allowed))


Rule = Require | Forbid | Imply


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """What a release must prove by its own log lines."""

    soak_seconds: NotNegativeInt
    """A live verdict of PASS needs a log at least this long. Skipped in replay."""
    require: Mapping[str, Require] = field(default_factory=dict)
    forbid: Mapping[str, Forbid] = field(default_factory=dict)
    imply: Mapping[str, Imply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a set that a silent log would satisfy."""
        if not self.require and not any(rule.evidence is Evidence.REQUIRED for rule in self.imply.values()):
            raise ValueError('asks for no evidence; add a require rule, or an imply rule with evidence = "required"')

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Every rule with its id: what is required, then forbidden, then implied, each as declared."""
        yield from self.require.items()
        yield from self.forbid.items()
        yield from self.imply.items()

    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 over the rules, to tell which ones a verdict was given by."""
        document = json.dumps(asdict(self), default=str, sort_keys=True, separators=(",", ":"))
        return sha256(document.encode()).hexdigest()[:12]


def matches(match: Match, line: Line) -> bool:
    """Whether the rule speaks of the line."""
    if match.text is not None:
        return match.text in line.raw
    if match.regex is not None:
        return re.search(match.regex, line.raw) is not None
    return line.name in match.events and all(says(line, name, values) for name, values in match.where.items())


def says(line: Line, name: str, allowed: tuple[Any, ...]) -> bool:
    """Whether the line's field has one of the values. A field that is not there has none of them."""
    if line.fields is None or name not in line.fields:
        return False
    said = line.fields[name]
    return any(_same(said, value) for value in allowed)


def _same(said: Any, value: Any) -> bool:
    """Equality as the wire has it: amounts are text there, and true is not 1."""
    if isinstance(value, bool) or isinstance(said, bool):
        return said is value
    if isinstance(value, str):
        return isinstance(said, str) and said == value
    try:
        return isinstance(said, str | int | float) and Decimal(str(said)) == value
    except InvalidOperation:
        return False


def _refuse(problems: Iterator[str]) -> None:
    if found := "; ".join(problems):
        raise ValueError(f"cannot match: {found}")


def _misfits(events: tuple[str, ...], name: str, values: tuple[Any, ...]) -> Iterator[str]:
    """Why the field of the events can never have one of the values."""
    if not values:
        yield f"{name} is allowed no value at all"
    for event in events:
        known = _fields(event)
        if name not in known:
            yield f"{event} has no field {name}; it has {', '.join(sorted(known))}"
            continue
        for value in values:
            yield from _misfit(f"{event}.{name}", known[name], value)


def _fields(event: str) -> Mapping[str, Any]:
    """The fields of an event with their types; of the original's events the types are not known."""
    kind = EVENTS.get(event)
    if kind is None:
        return dict.fromkeys(LEGACY_EVENTS[event], str | bool | int | Decimal)
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _misfit(subject: str, hint: Any, value: Any) -> Iterator[str]:
    kinds = [each for each in get_args(hint) or (hint,) if each is not NoneType]
    if not any(_fits(kind, value) for kind in kinds):
        words = " or ".join(_word(kind) for kind in kinds)
        yield f"{subject} is never {value!r}; it is {words}"


def _fits(kind: type, value: Any) -> bool:
    if issubclass(kind, Enum):
        return value in [member.value for member in kind]
    return type(value) is kind or (kind is Decimal and type(value) is int)


def _word(kind: type) -> str:
    if issubclass(kind, Enum):
        return ", ".join(str(member.value) for member in kind)
    return {str: "text", int: "a whole number", bool: "true or false", Decimal: "a number"}[kind]
