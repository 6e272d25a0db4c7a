import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ops.cli.root import VERBS, ops


def test_help_names_every_verb_with_its_purpose() -> None:
    words = CliRunner().invoke(ops, ["--help"]).stdout.split()

    assert all(" ".join([name, *purpose.split()]) in " ".join(words) for name, (_, purpose) in VERBS.items())


def test_help_imports_click_and_nothing_else_that_costs_time() -> None:
    program = "import sys\nfrom ops.__main__ import main\ntry: main()\nexcept SystemExit: print(*sys.modules)"
    words = [sys.executable, "-c", program, "--help"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)

    loaded = {name.split(".")[0] for name in ran.stdout.splitlines()[-1].split()}

    assert "click" in loaded
    assert not loaded & {"rich", "voluptuous", "contract", "dispatcher", "sandbox", "boto3", "importlib_metadata"}


def test_without_a_verb_the_help_is_shown_and_nothing_is_done() -> None:
    result = CliRunner().invoke(ops, [])

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ops [OPTIONS] COMMAND [ARGS]...\n")


def test_the_version_is_told_in_both_forms() -> None:
    plain = CliRunner().invoke(ops, ["--version"]).stdout
    in_json = CliRunner().invoke(ops, ["--json", "--version"]).stdout

    assert plain == f"ops {json.loads(in_json)['version']}\n"


def test_help_asked_for_as_json_is_one_object() -> None:
    for words in (["--json", "--help"], ["verify", "--json", "--help"]):
        assert json.loads(CliRunner().invoke(ops, words).stdout).keys() == {"help"}


@pytest.mark.parametrize("group", ["sandbox", "trading", "schedules"])
def test_a_group_without_a_verb_shows_its_help_as_an_object_too(group: str) -> None:
    result = CliRunner().invoke(ops, ["--json", group])

    assert (result.exit_code, json.loads(result.stdout).keys()) == (2, {"help"})


def completed(monkeypatch: pytest.MonkeyPatch, words: str, at: int) -> list[str]:
    monkeypatch.setenv("_OPS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(at))
    told = CliRunner().invoke(ops, [], prog_name="ops").stdout
    return [line.partition(",")[2] for line in told.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("ops st", 1, ["status"]),
        ("ops --env pa", 2, ["paper"]),
        ("ops schedules s", 2, ["sync"]),
        ("ops schedules disable ops-pipeline-c", 3, ["ops-pipeline-classifier"]),
        ("ops logs dispatcher-l", 2, ["dispatcher-large"]),
        ("ops trading halt lar", 3, ["large"]),
        ("ops --config nowhere.toml logs d", 4, []),
    ],
)
def test_the_shell_completes_verbs_and_declared_names(
    monkeypatch: pytest.MonkeyPatch, words: str, at: int, expected: list[str]
) -> None:
    assert completed(monkeypatch, words, at) == expected


def test_a_defect_is_told_as_one_object_and_its_trace_goes_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "status", ("tests.ops.no_such_module", "broken"))

    result = CliRunner().invoke(ops, ["--json", "status"])

    assert (result.exit_code, json.loads(result.stdout)["error"]["exit"]) == (1, 1)
    assert "Traceback" in result.stderr


@click.command()
def interrupted() -> None:
    raise KeyboardInterrupt


def test_who_interrupts_a_verb_is_told_so_and_of_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "interrupted", (__name__, "ends as by Ctrl-C"))

    result = CliRunner().invoke(ops, ["--json", "interrupted"])

    assert (result.exit_code, json.loads(result.stdout)["error"]["message"]) == (1, "interrupted")
    assert "Traceback" not in result.stderr


def test_every_verb_is_a_command_of_its_name() -> None:
    with ops.make_context("ops", ["verify"]) as context:
        assert {name: getattr(ops.get_command(context, name), "name", None) for name in VERBS} == {
            name: name for name in VERBS
        }
