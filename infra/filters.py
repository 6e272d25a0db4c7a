"""Verification rules as CloudWatch metric filters: the rules `ops verify` judges by, enforced when nobody is looking.

Only what a filter can say is compiled; what it cannot is told with the reason, and stays with `ops verify`. A `require`
rule asks for presence, which a filter on lines cannot miss: heartbeats have an alarm of their own for that.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any, get_args, get_type_hints

from contract.events import EVENTS, pattern
from contract.verification import Forbid, Imply, Match, RuleSet

MOST_REGEX_FILTERS = 5
"""CloudWatch takes no more of them for one log group."""
LONGEST_PATTERN = 1024

_GROUP = re.compile(r"([^()|]*)\(([^()]+)\)([^()|?*+{]*)")
"""Text, one group of alternatives, text. CloudWatch knows alternatives but no groups."""
_SPEAKABLE = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]+")
"""All that CloudWatch takes in a regular expression."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A rule that became a filter pattern. More than `at_most` matching lines within `seconds` break it."""

    rule: str
    pattern: str
    at_most: int
    seconds: int
    why: str


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """A rule that only `ops verify` enforces, and why."""

    rule: str
    reason: str


def compiled(rules: RuleSet) -> Iterator[Filter | NotCompiled]:
    """Every forbid and imply rule of the set, as a filter or with the reason why not."""
    regexes = 0
    for name, forbid in rules.forbid.items():
        made = _forbidden(name, forbid, rules.soak_seconds)
        if isinstance(made, Filter) and forbid.match.regex is not None:
            regexes += 1
            if regexes > MOST_REGEX_FILTERS:
                made = NotCompiled(name, f"a log group takes {MOST_REGEX_FILTERS} filters with regular expressions")
        yield made
    for name, imply in rules.imply.items():
        yield _implied(name, imply)


def _forbidden(name: str, rule: Forbid, soak_seconds: int) -> Filter | NotCompiled:
    try:
        text = _pattern(rule.match)
    except ValueError as reason:
        return NotCompiled(name, str(reason))
    if len(text) > LONGEST_PATTERN:
        return NotCompiled(name, f"its pattern has {len(text)} characters; a filter takes {LONGEST_PATTERN}")
    # One line too many is told within a minute; a number of them is counted over the time the rule was written for.
    return Filter(name, text, rule.at_most, 60 if rule.at_most == 0 else _minutes(soak_seconds), rule.why)


def _implied(name: str, rule: Imply) -> Filter | NotCompiled:
    """The lines that break the rule: the event, and none of the allowed values."""
    try:
        events = [_condition(event, {}) for event in rule.match.events]
    except ValueError as reason:
        return NotCompiled(name, str(reason))
    if rule.match.where or not all(isinstance(value, str) for value in rule.allowed):
        return NotCompiled(name, "only texts are compared, and only where every line of the event counts")
    others = "".join(f" && ($.{rule.field} != {json.dumps(value)})" for value in rule.allowed)
    event = events[0] if len(events) == 1 else f"({_either(events)})"
    return Filter(name, f"{{ {event}{others} }}", 0, 60, rule.why)


def _pattern(match: Match) -> str:
    if match.text is not None:
        return json.dumps(match.text)
    if match.regex is not None:
        return _regex(match.regex)
    choices = list(product(*match.where.values()))
    conditions = [
        _condition(event, dict(zip(match.where, values, strict=True))) for event in match.events for values in choices
    ]
    return f"{{ {_either(conditions)} }}"


def _condition(event: str, equals: dict[str, Any]) -> str:
    if event not in EVENTS:
        raise ValueError(f"{event} is an event of the original system; our services cannot say it")
    hints = get_type_hints(EVENTS[event])
    amounts = [name for name in equals if Decimal in (hints[name], *get_args(hints[name]))]
    if amounts:
        raise ValueError(f"{', '.join(amounts)} of {event} is an amount, which is text on the wire and has many forms")
    return pattern(EVENTS[event], **equals).removeprefix("{ ").removesuffix(" }")


def _either(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else " || ".join(f"({each})" for each in conditions)


def _regex(regex: str) -> str:
    grouped = _GROUP.fullmatch(regex)
    if grouped is not None:
        before, alternatives, after = grouped.groups()
        regex = "|".join(f"{before}{each}{after}" for each in alternatives.split("|"))
    if not _SPEAKABLE.fullmatch(regex):
        raise ValueError(f"CloudWatch does not take the regular expression {regex}")
    return f"%{regex}%"


def _minutes(seconds: int) -> int:
    """A period as CloudWatch has it: whole minutes, at least one."""
    return max(1, -(-seconds // 60)) * 60
