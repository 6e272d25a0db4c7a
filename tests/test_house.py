"""What is true of the whole repository: said once, generated once, and nowhere undone by accident."""

import ast
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import click
import pytest

from contract.events import EVENTS
from docs.generate import REFERENCE, pages
from ops.cli.root import VERBS, ops

ROOT = Path(__file__).parent.parent
ROOMS = ("contract", "dispatcher", "infra", "ops", "sandbox")

# The rehearsal looks for the word in the log and in the database, to prove that it is not there.
PROVES_ITS_ABSENCE = {Path("sandbox/proof.py")}


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository that git knows, or would add."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in map(ROOT.joinpath, listed.stdout.splitlines()) if path.is_file()]


def verbs() -> dict[str, click.Command]:
    """Every verb by its name."""
    with click.Context(ops) as context:
        return {name: verb for name in VERBS if (verb := ops.get_command(context, name)) is not None}


@pytest.mark.parametrize("page", pages(ROOT), ids=str)
def test_a_generated_page_is_what_the_code_says_now(page: Path) -> None:
    written = (ROOT / page).read_text("utf-8")

    assert written == pages(ROOT)[page], "stale; run make docs"


def test_every_page_of_the_reference_is_generated() -> None:
    generated = {page for page in pages(ROOT) if page.parent == REFERENCE}

    assert {path.relative_to(ROOT) for path in (ROOT / REFERENCE).iterdir()} == generated


def test_every_verb_has_help_and_an_example_and_tells_its_exit_codes() -> None:
    helps = {name: verb.help or "" for name, verb in {"ops": ops, **verbs()}.items()}

    assert helps.keys() == {"ops", *VERBS}
    assert [name for name, text in helps.items() if not re.search(r"Examples?:\n +(.*\| )?ops ", text)] == []
    assert [name for name, text in helps.items() if "Exit codes: 0 " not in text] == []


def test_every_option_of_every_verb_has_help() -> None:
    options = [(name, each) for name, verb in {"ops": ops, **verbs()}.items() for each in verb.params]

    assert [(name, each.name) for name, each in options if isinstance(each, click.Option) and not each.help] == []


def test_every_event_of_the_vocabulary_is_said_by_the_dispatcher() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in tracked("dispatcher/*.py")]
    called = [ast.unparse(node.func) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = {name.rpartition(".")[-1] for name in called}

    assert {kind for kind in EVENTS.values() if kind.__name__ not in made} == set()


def test_no_package_of_ours_is_called_like_a_dependency() -> None:
    """Once a folder called like the SDK made the import of the SDK fail."""
    own = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    own |= {path.stem for room in ROOMS for path in (ROOT / room).iterdir() if path.suffix == ".py"} - {
        "__init__",
        "__main__",
    }
    installed = {
        file.parts[0].removesuffix(".py")
        for distribution in distributions()
        if distribution.metadata["Name"] != "ops-pipeline"
        for file in distribution.files or ()
        if file.suffix == ".py"
    }

    assert own & installed == set()


def test_a_rule_that_the_code_names_stands_on_the_page_of_the_brokers_rules() -> None:
    page = (ROOT / "docs/broker-rules.md").read_text("utf-8")
    named = {
        quoted
        for path in tracked("*.py")
        for words in re.findall(r'broker-rules\.md, ("[^"\n]+"(?: and "[^"\n]+")*)', path.read_text("utf-8"))
        for quoted in re.findall(r'"([^"]+)"', words)
    }

    assert named
    assert named <= set(re.findall(r"^## (.+)$", page, re.MULTILINE))


def test_code_and_documents_name_no_source_outside_the_repository() -> None:
    """A section of a page that a reader does not have explains nothing."""
    elsewhere = re.compile(
        rb"(?:alpaca-rules|original-system|deploy-lessons|sandbox-notes|style-models)(?:\.md)? *\xc2\xa7"
    )

    assert [path for path in tracked() if elsewhere.search(path.read_bytes())] == []


def test_simulated_fallback_is_a_word_of_old_logs_only() -> None:
    """Rules, documents and tests may name it. No program of ours can say it, so no program of ours can record it."""
    programs = tracked("contract/*.py", "dispatcher", "ops", "sandbox", "Makefile", ".ci")

    told = [path for path in programs if not path.is_symlink()]  # ops/starter.toml is pipeline.toml, a document
    naming = {path.relative_to(ROOT) for path in told if b"SIMULATED_FALLBACK" in path.read_bytes()}
    assert naming == PROVES_ITS_ABSENCE


def test_make_has_every_target_that_others_rely_on() -> None:
    made = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert {"setup", "check", "test", "rehearse", "bench", "torture", "synth", "docs", "image"} <= made


@pytest.mark.parametrize("lock", tracked("requirements/*.lock"), ids=lambda path: path.name)
def test_a_lock_names_no_address_and_pins_every_package_by_hash(lock: Path) -> None:
    text = lock.read_text("utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert "://" not in text
    assert not [line for line in packages if line.startswith("-")]
    assert packages
    assert [line for line in packages if not re.match(r"[\w.\-\[\]]+==\S+.* --hash=sha256:[0-9a-f]{64}", line)] == []


def _tests(path: Path) -> list[str]:
    return re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE) if path.suffix == ".py" else []


def test_every_test_that_the_failure_matrix_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/operations.md").read_text("utf-8")))
    written = {name for path in tracked("tests") for name in _tests(path)}

    assert len(named) > 10
    assert named <= written


def test_the_recorded_rehearsal_tells_steps_that_the_story_has() -> None:
    told = re.findall(
        r"^ok   (\S.{9,}?) +\d+\.\d s  ", (ROOT / "docs" / "rehearsal.md").read_text("utf-8"), re.MULTILINE
    )
    steps = {
        name for path in tracked("sandbox/*.py") for name in re.findall(r'\.step\("([^"]+)"', path.read_text("utf-8"))
    }

    assert len(told) > 20
    assert {name.strip() for name in told} <= steps, "stale; run make recording"
