import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from contract.inventory import load
from contract.verification import Forbid, Imply, Match, Require, RuleSet
from infra.filters import MOST_REGEX_FILTERS, Filter, NotCompiled, compiled

LOUD = Require(match=Match(events=("heartbeat",)), why="because")


def compile_one(rule: Forbid | Imply, *, soak_seconds: int = 300) -> Filter | NotCompiled:
    """What becomes of a rule that is alone in its set."""
    kind = {"forbid": {"rule": rule}} if isinstance(rule, Forbid) else {"imply": {"rule": rule}}
    (only,) = compiled(RuleSet(soak_seconds=soak_seconds, require={"loud": LOUD}, **kind))
    return only


def forbid(match: Match, at_most: int = 0) -> Forbid:
    """A rule that forbids what matches."""
    return Forbid(match=match, why="because", at_most=at_most)


@pytest.mark.parametrize(
    ("match", "pattern"),
    [
        (Match(events=("check_failed",)), '{ ($.event = "check_failed") }'),
        (
            Match(events=("order_rejected",), where={"http_status": (422,)}),
            '{ ($.event = "order_rejected") && ($.http_status = 422) }',
        ),
        (
            Match(events=("order_rejected",), where={"http_status": (401, 403)}),
            (
                '{ (($.event = "order_rejected") && ($.http_status = 401))'
                ' || (($.event = "order_rejected") && ($.http_status = 403)) }'
            ),
        ),
        (
            Match(events=("lease_lost", "standby")),
            '{ (($.event = "lease_lost")) || (($.event = "standby")) }',
        ),
        (Match(text="Traceback (most recent call last)"), '"Traceback (most recent call last)"'),
        (Match(text='"price": "1"'), '"\\"price\\": \\"1\\""'),
        (Match(regex="Undefined(Column|Table)"), "%UndefinedColumn|UndefinedTable%"),
        (Match(regex="[45]xx"), "%[45]xx%"),
    ],
)
def test_a_forbidden_line_becomes_a_pattern(match: Match, pattern: str) -> None:
    assert compile_one(forbid(match)) == Filter("rule", pattern, 0, 60, "because")


def test_a_line_that_breaks_an_implication_becomes_a_pattern() -> None:
    rule = Imply(
        match=Match(events=("execution_recorded",)), field="execution_mode", allowed=("ALPACA_PAPER",), why="because"
    )

    assert compile_one(rule) == Filter(
        "rule", '{ ($.event = "execution_recorded") && ($.execution_mode != "ALPACA_PAPER") }', 0, 60, "because"
    )


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (
            forbid(Match(events=("execution_simulated",))),
            "execution_simulated is an event of the original system; our services cannot say it",
        ),
        (
            forbid(Match(events=("order_accepted",), where={"qty": (Decimal(1),)})),
            "qty of order_accepted is an amount, which is text on the wire and has many forms",
        ),
        (forbid(Match(regex="(a|b)+c")), "CloudWatch does not take the regular expression (a|b)+c"),
        (forbid(Match(regex="naïve.")), "CloudWatch does not take the regular expression naïve."),
        (forbid(Match(text="x" * 1100)), "its pattern has 1102 characters; a filter takes 1024"),
    ],
)
def test_what_a_filter_cannot_say_is_left_to_ops_verify_and_the_reason_is_told(rule: Forbid, reason: str) -> None:
    assert compile_one(rule) == NotCompiled("rule", reason)


def test_the_sixth_regular_expression_of_a_log_group_is_not_compiled() -> None:
    rules = {f"r{number}": forbid(Match(regex=f"x{number}")) for number in range(MOST_REGEX_FILTERS + 1)}
    made = list(compiled(RuleSet(soak_seconds=0, require={"loud": LOUD}, forbid=rules)))

    assert [type(each) for each in made] == [Filter] * MOST_REGEX_FILTERS + [NotCompiled]


@pytest.mark.parametrize(("soak_seconds", "seconds"), [(300, 300), (301, 360), (0, 60)])
def test_a_rule_with_an_allowance_counts_over_the_time_it_was_written_for(soak_seconds: int, seconds: int) -> None:
    rule = forbid(Match(events=("order_unknown",)), at_most=5)

    assert compile_one(rule, soak_seconds=soak_seconds) == Filter(
        "rule", '{ ($.event = "order_unknown") }', 5, seconds, "because"
    )


def test_every_rule_of_the_default_set_is_compiled() -> None:
    rules = load(Path("pipeline.toml")).rule_set("default")
    made = list(compiled(rules))

    assert [each for each in made if isinstance(each, NotCompiled)] == []
    assert {each.rule for each in made} == rules.forbid.keys() | rules.imply.keys()


def test_a_quoted_pattern_is_the_text_itself() -> None:
    """A pattern in quotes matches the text between them: nothing in the default set needs more than that escaped."""
    rules = load(Path("pipeline.toml")).rule_set("default")
    texts = {name: rule.match.text for name, rule in rules.forbid.items() if rule.match.text is not None}
    patterns = {each.rule: each.pattern for each in compiled(rules) if isinstance(each, Filter)}

    assert texts
    assert {name: json.loads(patterns[name]) for name in texts} == texts
    assert [text for text in texts.values() if not re.fullmatch(r"[ -~]+", text)] == []
