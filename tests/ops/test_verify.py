import json
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.text import Text

from ops.cli.root import ops
from ops.render import show

RULES = dedent("""
    [verification.small]
    soak_seconds = 300

    [verification.small.require.connected]
    match = { text = "Connected to Alpaca Paper Trading" }
    why = "Nothing works without it."

    [verification.small.forbid.sub-penny]
    match = { text = "sub-penny increment" }
    why = "The broker refuses prices off the tick."

    [verification.small.imply.executed-on-paper]
    match = { events = ["execution_executed"] }
    field = "execution_mode"
    allowed = ["ALPACA_PAPER"]
    evidence = "required"
    why = "The point of the release."
    """)
HASH = "0af84bc1c4e7"
CONNECTED = "Connected to Alpaca Paper Trading\n"
EXECUTED = '{"event": "execution_executed", "data": {"execution_mode": "ALPACA_PAPER"}}\n'
BROKEN = 'Falling back to simulation: "invalid take_profit.limit_price 699.7462. sub-penny increment does not f...\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an inventory that declares the set `small` beside those of this repository."""
    (tmp_path / "pipeline.toml").write_text(Path("pipeline.toml").read_text("utf-8") + RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return tmp_path


def run(*words: str, log: str | bytes = "") -> Result:
    return CliRunner().invoke(ops, words, input=log)


def test_a_proven_log() -> None:
    result = run("verify", "--replay", "-", "--rules", "small", log=f"# a note\n{CONNECTED}{EXECUTED}")

    assert result.stdout == dedent(f"""\
        PASS  - by rules small ({HASH}): 2 lines, 1 events, 1 notes

          PASS          require  connected          seen once
                   2: Connected to Alpaca Paper Trading
          PASS          forbid   sub-penny          not seen
          PASS          imply    executed-on-paper  1 of 1 lines say execution_mode ALPACA_PAPER
                   3: {EXECUTED.strip()}

        Proven: all that the rules ask for was seen, and nothing that they forbid.
        Next: nothing; the log is evidence for this release only, judge the next one by its own
        """)
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_disproven_log() -> None:
    result = run("verify", "--replay", "-", "--rules", "small", log=CONNECTED + BROKEN * 7)

    assert result.stdout == dedent(f"""\
        FAIL  - by rules small ({HASH}): 8 lines, 0 events, 0 notes

          PASS          require  connected          seen once
                   1: Connected to Alpaca Paper Trading
          FAIL          forbid   sub-penny          seen 7 times, must not be there
              why: The broker refuses prices off the tick.
                   2: {BROKEN.strip()}
                   3: {BROKEN.strip()}
                   4: {BROKEN.strip()}
                   5: {BROKEN.strip()}
                   6: {BROKEN.strip()}
                      and 2 more
          INCONCLUSIVE  imply    executed-on-paper  no execution_executed seen
              why: The point of the release.

        Disproven: a release that logs this does not do what it should.
          sub-penny: seen 7 times, must not be there
          executed-on-paper: no execution_executed seen
        Next: do not promote this release; fix what the lines above name, and judge the log of the fixed one
        """)
    assert (result.exit_code, result.stderr) == (1, "")


def test_a_rule_that_holds_is_shown_with_one_line_of_its_evidence() -> None:
    screen = run("verify", "--replay", "-", "--rules", "small", log=CONNECTED + EXECUTED * 3).stdout

    assert screen.splitlines()[5:8] == [
        "  PASS          imply    executed-on-paper  3 of 3 lines say execution_mode ALPACA_PAPER",
        f"           2: {EXECUTED.strip()}",
        "              and 2 more",
    ]


def test_an_inconclusive_log() -> None:
    result = run("verify", "--replay", "-", "--rules", "small")

    assert result.stdout == dedent(f"""\
        INCONCLUSIVE  - by rules small ({HASH}): 0 lines, 0 events, 0 notes

          INCONCLUSIVE  require  connected          nothing was logged
              why: Nothing works without it.
          INCONCLUSIVE  forbid   sub-penny          nothing was logged
              why: The broker refuses prices off the tick.
          INCONCLUSIVE  imply    executed-on-paper  nothing was logged
              why: The point of the release.

        Not proven: no rule is broken, and not enough was seen to believe anything.
          the log has no lines to judge
        Next: judge a longer log of the same release, one that has what is missing above
        """)
    assert (result.exit_code, result.stderr) == (5, "")


def test_the_json_of_a_judgement(folder: Path) -> None:
    (folder / "dispatcher.log").write_text(f"# a note\n\n{CONNECTED}{BROKEN}")

    result = run("--json", "verify", "--replay", "dispatcher.log", "--rules", "small")

    assert json.loads(result.stdout) == {
        "verdict": "FAIL",
        "source": "dispatcher.log",
        "rule_set": "small",
        "rules_hash": HASH,
        "replay": True,
        "reasons": [
            "sub-penny: seen once, must not be there",
            "executed-on-paper: no execution_executed seen",
        ],
        "rules": [
            {
                "id": "connected",
                "kind": "require",
                "verdict": "PASS",
                "reason": "seen once",
                "why": "Nothing works without it.",
                "count": 1,
                "lines": [{"number": 3, "text": CONNECTED.strip()}],
            },
            {
                "id": "sub-penny",
                "kind": "forbid",
                "verdict": "FAIL",
                "reason": "seen once, must not be there",
                "why": "The broker refuses prices off the tick.",
                "count": 1,
                "lines": [{"number": 4, "text": BROKEN.strip()}],
            },
            {
                "id": "executed-on-paper",
                "kind": "imply",
                "verdict": "INCONCLUSIVE",
                "reason": "no execution_executed seen",
                "why": "The point of the release.",
                "count": 0,
                "lines": [],
            },
        ],
        "counts": {"lines": 2, "notes": 1, "blank": 1, "events": 0, "damaged": 0},
        "compared": [],
    }
    assert (result.exit_code, result.stderr) == (1, "")


def test_json_may_be_asked_for_before_or_after_the_verb() -> None:
    before = run("--json", "verify", "--replay", "-", log=CONNECTED)
    after = run("verify", "--replay", "-", "--json", log=CONNECTED)

    assert before.stdout == after.stdout
    assert json.loads(before.stdout)["verdict"] == "FAIL"


@pytest.mark.parametrize(
    ("words", "message", "next_step"),
    [
        (
            ["verify"],
            "the environment is one of this machine, and AWS is not on it",
            "ops sandbox up (or status) says where it is: give that as --endpoint-url or AWS_ENDPOINT_URL",
        ),
        (
            ["verify", "lamp", "--replay", "-"],
            "a replay is of a file, not of a service",
            "leave out --replay, or SERVICE and --watch",
        ),
        (
            ["verify", "--watch", "ten minutes"],
            "Invalid value for '--watch': 'ten minutes' is not a duration; write 90s, 10m, 2h or 1d",
            "ops verify --help",
        ),
        (
            ["verify", "--replay", "missing.log"],
            "missing.log cannot be read: No such file or directory",
            "name a file of log lines that you may read, or - for stdin",
        ),
        (
            ["verify", "--replay", "."],
            ". cannot be read: Is a directory",
            "name a file of log lines that you may read, or - for stdin",
        ),
        (
            ["verify", "--replay", "-", "--rules", "v3"],
            "no rule set is called 'v3'; pipeline.toml declares default, positions, v4, small",
            "name one of default, positions, v4, small",
        ),
        (
            ["--env", "prod", "verify", "--replay", "-"],
            "no environment is called 'prod'; pipeline.toml declares sandbox, paper",
            "name one of sandbox, paper",
        ),
        (["verfy"], "No such command 'verfy'.", "ops --help"),
        (["verify", "--all"], "No such option '--all'.", "ops verify --help"),
    ],
)
def test_wrong_usage_says_the_next_step(words: list[str], message: str, next_step: str) -> None:
    told = run(*words)
    in_json = run("--json", *words)

    assert (told.exit_code, told.stdout, told.stderr) == (2, "", f"ops: {message}\nNext: {next_step}\n")
    assert (in_json.exit_code, in_json.stderr) == (2, "")
    assert json.loads(in_json.stdout) == {"error": {"message": message, "next": next_step, "exit": 2}}


def test_a_broken_inventory_lists_all_its_problems(folder: Path) -> None:
    broken = folder / "broken.toml"
    broken.write_text(RULES.replace("sub-penny increment", " ").replace("execution_executed", "executed"))

    result = run("--config", "broken.toml", "verify", "--replay", "-")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "ops: broken.toml: 4 problems",
        "  accounts: is missing; add it",
        "  environments: is missing; add it",
        "  verification.small.forbid.sub-penny.match.text: is empty; it would match every line",
        (
            "  verification.small.imply.executed-on-paper.match.events: cannot match: no event is called executed; "
            "docs/reference/events.md lists them"
        ),
        "Next: correct each line above in that file, and run the same again",
    ]


def test_the_inventory_is_found_in_a_folder_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert run("verify", "--replay", "-").exit_code == 5


def test_no_inventory_anywhere_says_where_one_was_looked_for(folder: Path) -> None:
    (folder / "pipeline.toml").unlink()

    result = run("verify", "--replay", "-")

    assert result.exit_code == 2
    assert result.stderr == dedent(f"""\
        ops: there is no pipeline.toml in {folder} or above it
        Next: ops init writes one here; or name the one that is meant with --config PATH/pipeline.toml
        """)


def test_bytes_that_are_no_text_reach_neither_the_screen_nor_the_json() -> None:
    log = b"\xff\xfe\x00 \x1b[31m sub-penny increment \xc3\n"

    assert (
        "1: \\udcff\\udcfe\\x00 \\x1b[31m sub-penny increment \\udcc3\n"
        in run("verify", "--replay", "-", "--rules", "small", log=log).stdout
    )
    assert json.loads(run("verify", "--replay", "-", "--json", log=log).stdout)["counts"]["damaged"] == 1


def test_on_a_terminal_a_line_is_cut_to_its_width_and_coloured() -> None:
    screen = StringIO()

    show(
        iter([Text.assemble(("FAIL", "red"), " a line that is longer")]),
        Console(file=screen, force_terminal=True, width=12, color_system="standard", no_color=False),
    )

    assert screen.getvalue() == "\x1b[31mFAIL\x1b[0m a line…\n"


def test_no_color_is_respected() -> None:
    screen = StringIO()

    show(iter([Text("FAIL", style="red")]), Console(file=screen, force_terminal=True, width=12, no_color=True))

    assert screen.getvalue() == "FAIL\n"
