from decimal import Decimal
from typing import Any

import pytest

from contract.events import parse
from contract.strict import DocumentError, build
from contract.verification import Evidence, Imply, Kind, Match, Require, RuleSet, matches, says


def problems(document: dict[str, Any], kind: type = Match) -> list[str]:
    """What is wrong with a match or a rule."""
    with pytest.raises(DocumentError) as caught:
        build(kind, document, name="rule")
    return [str(problem) for problem in caught.value.problems]


def test_a_rule_that_names_an_unknown_event_is_refused_at_load() -> None:
    assert problems({"events": ["order_acepted", "heartbeat"]}) == [
        "events: cannot match: no event is called order_acepted; docs/reference/events.md lists them"
    ]


def test_the_originals_events_are_known_too() -> None:
    match = build(Match, {"events": ["execution_simulated"]}, name="rule")

    assert match == Match(events=("execution_simulated",))


def test_a_rule_about_a_field_that_the_event_does_not_have_is_refused_at_load() -> None:
    assert problems({"events": ["limits_in_force"], "where": {"hash": ["1"]}}) == [
        "the document: cannot match: limits_in_force has no field hash; it has account, digest, document"
    ]


def test_a_value_that_the_field_can_never_have_is_refused_at_load() -> None:
    where = {"status": ["EXECUTED", "SIMULATED_FALLBACK"], "qty": ["ten"], "recommendation_id": [True]}

    assert problems({"events": ["execution_recorded"], "where": where}) == [
        (
            "the document: cannot match: "
            "execution_recorded.status is never 'SIMULATED_FALLBACK'; it is ACCEPTED, EXECUTED, ENDED_UNFILLED; "
            "execution_recorded.qty is never 'ten'; it is a number; "
            "execution_recorded.recommendation_id is never True; it is a whole number"
        ),
    ]


def test_a_field_with_no_allowed_value_is_refused_at_load() -> None:
    assert problems({"events": ["order_rejected"], "where": {"http_status": []}}) == [
        "the document: cannot match: http_status is allowed no value at all"
    ]


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("", "'' matches every line, even an empty one; say what must be there"),
        ("a*", "'a*' matches every line, even an empty one; say what must be there"),
        ("(", "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
    ],
)
def test_a_regex_that_does_not_compile_or_says_nothing_is_refused_at_load(regex: str, why: str) -> None:
    assert f"regex: {why}" in problems({"regex": regex})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  ", "is empty; it would match every line"),
        ("a\nb", "has a line break and cannot match; rules read one line at a time"),
    ],
)
def test_a_text_that_matches_everything_or_nothing_is_refused_at_load(text: str, why: str) -> None:
    assert problems({"text": text}) == [f"text: {why}"]


def test_a_match_is_by_exactly_one_thing() -> None:
    assert problems({}) == ["the document: is by nothing; give one of events, text, regex"]
    assert problems({"text": "x", "events": ["heartbeat"]}) == [
        "the document: is by events and text; give one of events, text, regex"
    ]
    assert problems({"text": "x", "where": {"qty": [1]}}) == [
        "the document: has `where` without events; only an event has fields"
    ]


def test_an_implication_about_a_text_is_refused_because_text_has_no_fields() -> None:
    rule = {"match": {"text": "x"}, "field": "execution_mode", "allowed": ["ALPACA_PAPER"], "why": "because"}

    assert problems(rule, Imply) == [
        "the document: implies something of a text; match by events, only an event has fields"
    ]


def test_an_implication_that_can_never_hold_is_refused() -> None:
    rule = {
        "match": {"events": ["execution_recorded"]},
        "field": "execution_mode",
        "allowed": ["LIVE"],
        "why": "because",
    }

    assert problems(rule, Imply) == [
        "the document: cannot match: execution_recorded.execution_mode is never 'LIVE'; it is ALPACA_PAPER, SIMULATED"
    ]


def test_a_rule_says_why_it_is_there() -> None:
    assert problems({"match": {"text": "x"}, "why": " "}, Require) == [
        "why: is empty; say what goes wrong when this rule is broken"
    ]


def test_a_rule_set_that_silence_would_satisfy_is_refused() -> None:
    forbidden = {"x": {"match": {"text": "x"}, "why": "because"}}

    assert problems({"soak_seconds": 1, "forbid": forbidden}, RuleSet) == [
        'the document: asks for no evidence; add a require rule, or an imply rule with evidence = "required"'
    ]


def test_text_and_regex_match_the_raw_line_json_included() -> None:
    line = parse('{"event": "x", "message": "Account: PA3PBOQAH7ZY"}')

    assert matches(Match(text="Account: PA"), line)
    assert matches(Match(regex="Account: PA[A-Z0-9]+"), line)
    assert not matches(Match(text="account: PA"), line)


def test_an_event_matches_by_name_and_field_values_flat_or_under_data() -> None:
    match = Match(events=("execution_simulated", "execution_executed"), where={"ticker": ("AAPL", "MSFT")})

    assert matches(match, parse('{"event": "execution_simulated", "ticker": "AAPL"}'))
    assert matches(match, parse('{"event": "execution_executed", "data": {"ticker": "MSFT"}}'))
    assert not matches(match, parse('{"event": "execution_executed", "data": {"ticker": "TSLA"}}'))
    assert not matches(match, parse('{"event": "execution_executed"}'))
    assert not matches(match, parse('{"event": "processing_error", "ticker": "AAPL"}'))
    assert not matches(match, parse("execution_simulated AAPL"))


@pytest.mark.parametrize(
    ("said", "allowed", "same"),
    [
        ('"209234.50"', Decimal("209234.5"), True),
        ("422", 422, True),
        ("422.0", 422, True),
        ('"422"', 422, True),
        ("true", True, True),
        ("true", 1, False),
        ("1", True, False),
        ("null", 0, False),
        ("[1]", 1, False),
        ('"NaN"', 1, False),
        ('"x"', 1, False),
        ("1", "1", False),
        ('"ACTIVE"', "ACTIVE", True),
        ('"active"', "ACTIVE", False),
    ],
)
def test_values_are_compared_as_the_wire_has_them(said: str, allowed: object, *, same: bool) -> None:
    line = parse(f'{{"event": "x", "value": {said}}}')

    assert says(line, "value", (allowed,)) is same


def test_a_field_that_is_not_there_has_no_allowed_value() -> None:
    assert not says(parse('{"event": "x"}'), "value", (None, ""))
    assert not says(parse("plain text"), "value", (None, ""))


def test_the_hash_changes_with_any_rule() -> None:
    require = {"x": Require(match=Match(text="x"), why="because")}
    one = RuleSet(soak_seconds=1, require=require)
    same = RuleSet(soak_seconds=1, require=dict(require))
    other = RuleSet(soak_seconds=1, require={"x": Require(match=Match(text="x"), why="because", times=2)})

    assert (len(one.digest()), one.digest() == same.digest(), one.digest() == other.digest()) == (12, True, False)


def test_evidence_is_optional_unless_asked_for() -> None:
    rule = Imply(
        match=Match(events=("service_started",)), field="execution_mode", allowed=("ALPACA_PAPER",), why="because"
    )

    assert (rule.evidence, rule.kind) == (Evidence.OPTIONAL, Kind.IMPLY)
