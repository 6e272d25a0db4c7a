"""The state of an alarm from its datapoints, missing ones included, as CloudWatch judges it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt

COMPARES: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (ge, "greater than or equal to"),
    "GreaterThanThreshold": (gt, "greater than"),
    "LessThanThreshold": (lt, "less than"),
    "LessThanOrEqualToThreshold": (le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What an alarm asks of its datapoints."""

    compare: str
    threshold: float
    needed: int
    """How many datapoints must breach."""
    missing: str
    """`missing`, `notBreaching`, `breaching` or `ignore`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and its reason, in CloudWatch's words."""

    state: str
    reason: str


def judge(rule: Rule, points: Sequence[float | None]) -> Verdict | None:
    """The state of an alarm whose evaluated periods hold these datapoints, None where one holds nothing.

    Returns None when the state stays as it is: all data is missing, and missing data is ignored.
    """
    compare, words = COMPARES[rule.compare]
    known = [point for point in points if point is not None]
    breaching = [point for point in known if compare(point, rule.threshold)]
    lacking = len(points) - len(known)
    if len(breaching) + (lacking if rule.missing == "breaching" else 0) >= rule.needed:
        return Verdict("ALARM", _crossed(breaching, lacking, f"{words} the threshold ({rule.threshold})"))
    if known or rule.missing in {"notBreaching", "breaching"}:
        return Verdict("OK", _crossed(known, lacking, f"not {words} the threshold ({rule.threshold})"))
    unknown = Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {lacking} datapoints were unknown.")
    return None if rule.missing == "ignore" else unknown


def _crossed(points: Sequence[float], lacking: int, words: str) -> str:
    if not points:
        return f"Threshold Crossed: no datapoints were received for {lacking} periods."
    noun = "datapoint" if len(points) == 1 else "datapoints"
    verb = "was" if len(points) == 1 else "were"
    return f"Threshold Crossed: {len(points)} {noun} {list(points)} {verb} {words}."
