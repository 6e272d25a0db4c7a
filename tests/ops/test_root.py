import json
import subprocess
import sys

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


def test_every_verb_is_a_command_of_its_name() -> None:
    with ops.make_context("ops", ["verify"]) as context:
        assert {name: getattr(ops.get_command(context, name), "name", None) for name in VERBS} == {
            name: name for name in VERBS
        }
