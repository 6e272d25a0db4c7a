import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.inventory import load
from contract.verification import Evidence, Forbid, Imply, Kind, Match, Require, RuleSet
from ops.core.judge import EXAMPLES, EXCERPT, Counts, Finding, Judgement, Seen, judge
from ops.core.ruling import Verdict
from ops.files import log_lines

V4 = load(Path("pipeline.toml")).rule_set("v4")
CONNECTED = ["Connected to Alpaca Paper Trading", "Account: PA3PBOQAH7ZY", "Buying power: $209234.50"]
EXECUTED = '{"event": "execution_simulated", "execution_mode": "ALPACA_PAPER"}'
PROVEN = [*CONNECTED, EXECUTED]
FORBIDDEN = [
    "Alpaca rejected: invalid take_profit.limit_price 699.7462. sub-penny increment does not f...",
    "No module named 'alpaca.options'",
    "NameError: name 'action' is not defined",
    '{"event": "x", "message": "fell back to SIMULATED_FALLBACK"}',
]

any_line = st.one_of(
    st.text(st.characters(exclude_characters="\n")),
    st.sampled_from([*PROVEN, *FORBIDDEN, "# a note", "", "{", '{"event": "execution_executed"}']),
)
any_log = st.lists(any_line, max_size=12)


def verdict(*lines: str) -> Verdict:
    return judge(lines, V4, replay=True).verdict


def alone(rule: Require | Forbid | Imply, *lines: str) -> tuple[Verdict, str]:
    """What becomes of one rule."""
    rule_set = RuleSet(
        soak_seconds=300,
        # A set asks for some evidence, so this one asks for a space.
        require={"rule": rule}
        if isinstance(rule, Require)
        else {"other": Require(match=Match(regex=" "), why="because")},
        forbid={"rule": rule} if isinstance(rule, Forbid) else {},
        imply={"rule": rule} if isinstance(rule, Imply) else {},
    )
    (finding,) = [each for each in judge(lines, rule_set, replay=True).rules if each.id == "rule"]
    return finding.verdict, finding.reason


# ------------------------------------------------------------------------------------------- the rules of the v4 note


def test_connected_and_executed_on_paper_is_proven() -> None:
    assert verdict(*PROVEN) is Verdict.PASS


def test_an_execution_is_read_flat_or_under_data_under_either_name() -> None:
    assert verdict(*CONNECTED, '{"event": "execution_executed", "data": {"execution_mode": "ALPACA_PAPER"}}') is (
        Verdict.PASS
    )


def test_connected_without_an_execution_in_sight_proves_nothing() -> None:
    assert verdict(*CONNECTED) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("log", [[], ["", "  \r\n"], ["# Connected to Alpaca Paper Trading", "# SIMULATED_FALLBACK"]])
def test_an_empty_log_proves_nothing(log: list[str]) -> None:
    assert verdict(*log) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("missing", CONNECTED)
def test_a_log_without_the_whole_connection_fails(missing: str) -> None:
    assert verdict(*(line for line in PROVEN if line != missing)) is Verdict.FAIL


@pytest.mark.parametrize("mode", ["SIMULATED", "SIMULATED_FALLBACK", "LIVE", "", "alpaca_paper"])
def test_an_execution_in_any_other_mode_fails(mode: str) -> None:
    assert verdict(*PROVEN, json.dumps({"event": "execution_executed", "data": {"execution_mode": mode}})) is (
        Verdict.FAIL
    )


@pytest.mark.parametrize("said", ["{}", '{"execution_mode": null}', '{"execution_mode": ["ALPACA_PAPER"]}'])
def test_an_execution_without_a_mode_fails(said: str) -> None:
    assert verdict(*PROVEN, f'{{"event": "execution_executed", "data": {said}}}') is Verdict.FAIL


def test_an_event_name_spelled_with_escapes_is_the_same_event() -> None:
    assert verdict(*PROVEN, '{"event": "execution\\u005fexecuted", "execution_mode": "SIMULATED"}') is Verdict.FAIL


@given(log=any_log, place=st.integers(0, 12), forbidden=st.sampled_from(FORBIDDEN))
def test_a_forbidden_line_makes_any_log_fail(log: list[str], place: int, forbidden: str) -> None:
    log.insert(place, forbidden)

    assert verdict(*log) is Verdict.FAIL


def test_a_connection_said_inside_json_counts() -> None:
    wrapped = [json.dumps({"level": "info", "message": line}) for line in CONNECTED]

    assert verdict(*wrapped, EXECUTED) is Verdict.PASS


def test_lines_behind_the_prefix_of_a_log_tail_count() -> None:
    prefix = "2026-02-03T17:25:01.123456+00:00 dispatcher/dispatcher/0a1b2c3d "

    assert verdict(*(prefix + line for line in PROVEN)) is Verdict.PASS


def test_a_torn_execution_is_neither_proof_nor_nothing() -> None:
    judgement = judge([*PROVEN, EXECUTED[:-20]], V4, replay=True)

    assert (judgement.verdict, judgement.reasons) == (
        Verdict.INCONCLUSIVE,
        ("executed-on-paper: 1 lines say execution_mode ALPACA_PAPER (and 1 that cannot be read)",),
    )


# ------------------------------------------------------------------------------------------------- each kind of rule


def test_a_required_line_is_counted() -> None:
    thrice = Require(match=Match(text="beat"), times=3, why="because")

    assert alone(thrice, " beat", " beat", " beat") == (Verdict.PASS, "seen 3 times")
    assert alone(thrice, " beat", " beat") == (Verdict.FAIL, "seen 2 of 3 times")
    assert alone(thrice, " silence") == (Verdict.FAIL, "not seen, asked for 3 times")


def test_a_required_line_that_comes_too_late_does_not_count() -> None:
    soon = Require(match=Match(text="ready"), within_seconds=60, why="because")

    assert alone(soon, "2026-02-03T17:25:00+00:00 start", "2026-02-03T17:26:00+00:00 ready") == (
        Verdict.PASS,
        "seen once within 60 seconds",
    )
    assert alone(soon, "2026-02-03 17:25:00 - start", '{"event": "x", "ts": "2026-02-03T17:26:01", "m": "ready"}') == (
        Verdict.FAIL,
        "not seen, asked for once within 60 seconds (and 1 too late)",
    )


def test_a_required_line_that_does_not_say_when_it_came_leaves_the_question_open() -> None:
    soon = Require(match=Match(text="ready"), within_seconds=60, why="because")

    assert alone(soon, "20260203 start", " ready") == (
        Verdict.INCONCLUSIVE,
        "not seen, asked for once within 60 seconds (and 1 without a time)",
    )


def test_a_forbidden_line_may_have_a_threshold() -> None:
    few = Forbid(match=Match(events=("order_rejected",), where={"http_status": (403,)}), at_most=1, why="because")
    rejected = '{"event": "order_rejected", "http_status": 403}'
    malformed = '{"event": "order_rejected", "http_status": 422}'

    assert alone(few, malformed) == (Verdict.PASS, "not seen")
    assert alone(few, rejected, malformed) == (Verdict.PASS, "seen once, once allowed")
    assert alone(few, rejected, rejected) == (Verdict.FAIL, "seen 2 times, once allowed")


def test_an_implication_that_met_nothing_holds_unless_evidence_is_asked_for() -> None:
    match = Match(events=("execution_recorded",))
    holds = Imply(match=match, field="execution_mode", allowed=("ALPACA_PAPER",), why="because")
    proves = Imply(
        match=match, field="execution_mode", allowed=("ALPACA_PAPER",), evidence=Evidence.REQUIRED, why="because"
    )

    assert alone(holds, "x y") == (Verdict.PASS, "none seen, none asked for")
    assert alone(proves, "x y") == (Verdict.INCONCLUSIVE, "no execution_recorded seen")


# ------------------------------------------------------------------------------------------------------- any log at all


@given(log=any_log)
def test_no_log_makes_the_judge_raise(log: list[str]) -> None:
    judgement = judge(log, V4, replay=True)

    assert [each.id for each in judgement.rules] == [rule_id for rule_id, _ in V4.rules()]
    assert judgement.counts.lines + judgement.counts.notes + judgement.counts.blank == len(log)


@given(garbage=st.binary())
def test_no_bytes_make_the_judge_raise_or_prove_anything(garbage: bytes) -> None:
    assert judge(log_lines(io.BytesIO(garbage)), V4, replay=True).verdict is not Verdict.PASS


@given(log=st.lists(any_line.map(lambda line: line.encode("utf-8", "surrogatepass"))), size=st.integers(1, 64))
def test_judging_is_independent_of_how_the_bytes_arrive(log: list[bytes], size: int) -> None:
    whole = b"\n".join(log)
    in_pieces = io.BufferedReader(io.BytesIO(whole), buffer_size=size)

    assert judge(log_lines(in_pieces), V4, replay=True) == judge(log_lines(io.BytesIO(whole)), V4, replay=True)


@given(log=any_log)
def test_line_ends_and_byte_order_marks_change_nothing(log: list[str]) -> None:
    plain = [line.strip("\r\ufeff") for line in log]
    windows = ["\ufeff" + line + "\r\n" for line in plain]

    assert judge(windows, V4, replay=True) == judge(plain, V4, replay=True)


def test_invalid_bytes_are_no_proof_and_are_told() -> None:
    log = b"\n".join([b"\xffConnected to Alpaca Paper Trading", *(line.encode() for line in PROVEN[1:])])

    judgement = judge(log_lines(io.BytesIO(log)), V4, replay=True)

    assert (judgement.verdict, judgement.counts.damaged) == (Verdict.FAIL, 1)
    assert judgement.reasons == ("connected: not seen, asked for once (and 1 with bytes that are no text)",)
    assert judgement.rules[0].lines == (Seen(1, "\\udcffConnected to Alpaca Paper Trading"),)


def test_invalid_bytes_do_not_hide_a_forbidden_line() -> None:
    log = "\n".join(PROVEN).encode() + b"\n\xff\xfe sub-penny increment\n"

    assert judge(log_lines(io.BytesIO(log)), V4, replay=True).verdict is Verdict.FAIL


def test_a_very_long_line_is_read_whole_and_shown_around_the_match() -> None:
    long = "a" * 5_000_000 + " sub-penny increment " + "b" * 5_000_000

    (finding,) = [each for each in judge([*PROVEN, long], V4, replay=True).rules if each.verdict is Verdict.FAIL]

    (line,) = finding.lines
    assert (line.number, len(line.text)) == (5, len("...") + EXCERPT + len("..."))
    assert " sub-penny increment " in line.text


def test_what_a_log_says_to_a_terminal_is_spelled_out() -> None:
    judgement = judge(["\x1b[2J sub-penny increment\x07"], V4, replay=True)

    assert [each.lines for each in judgement.rules if each.id == "sub-penny"] == [
        (Seen(1, "\\x1b[2J sub-penny increment\\x07"),)
    ]


def test_only_the_first_lines_of_a_rule_are_kept_and_all_are_counted() -> None:
    judgement = judge(["sub-penny increment"] * 1000, V4, replay=True)

    (finding,) = [each for each in judgement.rules if each.id == "sub-penny"]
    assert (finding.count, [line.number for line in finding.lines]) == (1000, list(range(1, EXAMPLES + 1)))


def test_a_whole_judgement() -> None:
    rule_set = RuleSet(
        soak_seconds=300,
        require={"greeted": Require(match=Match(regex="^hello"), why="manners")},
        forbid={"cursed": Forbid(match=Match(text="damn"), why="manners")},
    )

    assert judge(["# note", "", "hello", '{"event": "x", "m": "damn"}'], rule_set, replay=True) == Judgement(
        verdict=Verdict.FAIL,
        reasons=("cursed: seen once, must not be there",),
        rules=(
            Finding(
                id="greeted",
                kind=Kind.REQUIRE,
                verdict=Verdict.PASS,
                reason="seen once",
                why="manners",
                count=1,
                lines=(Seen(3, "hello"),),
            ),
            Finding(
                id="cursed",
                kind=Kind.FORBID,
                verdict=Verdict.FAIL,
                reason="seen once, must not be there",
                why="manners",
                count=1,
                lines=(Seen(4, '{"event": "x", "m": "damn"}'),),
            ),
        ),
        counts=Counts(lines=2, notes=1, blank=1, events=1, damaged=0),
    )


# ----------------------------------------------------------------------------------------- the log of a running release


def at(minute: int, text: str) -> str:
    return f"2026-02-03T17:{minute:02}:00+00:00 {text}"


def test_a_running_release_is_not_proven_before_the_soak_time() -> None:
    log = [at(0, line) for line in PROVEN]

    early = judge([*log, at(4, "more")], V4, replay=False)
    late = judge([*log, at(5, "more")], V4, replay=False)

    assert (early.verdict, early.reasons) == (
        Verdict.INCONCLUSIVE,
        ("the log spans 240 of 300 seconds of soak time",),
    )
    assert late.verdict is Verdict.PASS


def test_what_a_running_release_has_not_said_yet_may_still_come() -> None:
    assert judge([at(0, "start")], V4, replay=False).verdict is Verdict.INCONCLUSIVE
    assert judge([at(0, "start"), at(6, "more")], V4, replay=False).verdict is Verdict.FAIL


def test_a_running_release_fails_at_the_first_forbidden_line() -> None:
    assert judge([at(0, "sub-penny increment")], V4, replay=False).verdict is Verdict.FAIL
