"""Filter patterns, as questions about messages."""

import json

import pytest

from sandbox.aws.patterns import PatternError, compiled, field

_MESSAGE = json.dumps(
    {
        "event": "order_rejected",
        "status": 422,
        "share": 0.5,
        "reason": None,
        "live": True,
        "data": {"mode": "ALPACA_PAPER", "legs": [{"id": "a"}, {"id": "b"}]},
        "text": 'say "x"',
    }
)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.event = "order_rejected" }',
        "{ $.event = order_rejected }",
        '{$.event="order_*"}',
        '{ $.event = "order_rejected" && $.status = 422 }',
        '{ $.event = "other" || $.status >= 400 }',
        '{ ($.event = "other" || $.live IS TRUE) && $.share < 1 }',
        '{ $.event != "order_accepted" }',
        "{ $.status != 403 }",
        "{ $.status > 421.5 }",
        "{ $.reason IS NULL }",
        "{ $.nothing NOT EXISTS }",
        '{ $.data.mode = "ALPACA_PAPER" }',
        '{ $.data.legs[1].id = "b" }',
        "{ $.event = %^order_(rejected|unknown)$% }",
        r'{ $.text = "say \"x\"" }',
    ],
)
def test_a_json_pattern_that_holds(pattern: str) -> None:
    assert compiled(pattern)(_MESSAGE)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.event = "order" }',
        '{ $.event = "order_rejected" && $.status = 403 }',
        "{ $.status = 42 }",
        '{ $.nothing != "x" }',
        "{ $.nothing IS NULL }",
        "{ $.event NOT EXISTS }",
        "{ $.live IS FALSE }",
        "{ $.live = 1 }",
        "{ $.event > 1 }",
        '{ $.data.legs[2].id = "b" }',
        '{ $.status.code = "x" }',
    ],
)
def test_a_json_pattern_that_does_not_hold(pattern: str) -> None:
    assert not compiled(pattern)(_MESSAGE)


def test_and_binds_closer_than_or() -> None:
    pattern = compiled("{ $.a = 1 || $.b = 1 && $.c = 1 }")

    assert pattern('{"a": 1}')
    assert pattern('{"b": 1, "c": 1}')
    assert not pattern('{"b": 1}')


def test_a_message_that_is_no_json_never_holds() -> None:
    assert not compiled("{ $.event NOT EXISTS }")("plain text")


@pytest.mark.parametrize(
    ("pattern", "message", "wanted"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR ARGUMENTS", "ARGUMENTS and ERROR", True),
        ("ERROR ARGUMENTS", "ERROR alone", False),
        ('"not found"', "it was not found", True),
        ('"not found"', "found it was not", False),
        ("ERROR -debug", "ERROR", True),
        ("ERROR -debug", "ERROR debug", False),
        ('-"not found"', "it was not found", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "an INFO", False),
        ("ERROR ?WARN", "WARN only", False),
        ("%5\\d\\d%", "status 503", True),
        ("%5\\d\\d%", "status 403", False),
        ("sub-penny", "a sub-penny increment", True),
    ],
)
def test_terms(pattern: str, message: str, *, wanted: bool) -> None:
    assert compiled(pattern)(message) is wanted


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.event = }",
        "{ $.event = 1",
        "{ event = 1 }",
        "{ $.event ~ 1 }",
        "{ $.event IS SOMETHING }",
        "{ $.event > x }",
        "{ $.a = 1 } and more",
        '"never closed',
        "[ip, user]",
        "%(%",
    ],
)
def test_what_is_no_pattern_is_an_error(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


def test_a_selector_finds_a_value_or_nothing() -> None:
    assert field(_MESSAGE, "$.data.legs[0].id") == "a"
    assert field(_MESSAGE, "$.nowhere") is None
    assert field("no json", "$.x") is None
