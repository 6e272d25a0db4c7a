"""`python -m benchmarks.reverts`: take out what stops each incident, one at a time, and see that its test fails.

A test that passes with and without its fix proves nothing. The code is copied, one passage is changed back, and the
incident's test is run on the copy: it has to pass before and to fail after. docs/incidents.md is made from this table.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("contract", "dispatcher", "sandbox", "tests", "benchmarks", "docs")
FILES = ("pyproject.toml", "pipeline.toml")
TESTS = Path("tests/dispatcher")
SECONDS = 240
PASSED, FAILED = 0, 1
"""Exit codes of pytest; any other means that the test did not run."""


@dataclass(frozen=True, slots=True)
class Revert:
    """A fix, and how the code would be without it."""

    test: str
    """The incident's test, as `file::name` below `tests/dispatcher`."""
    file: str
    """Where the incident stops now."""
    stops: str
    """How, in a sentence."""
    fix: str
    """The passage that stops it; it is in the file once."""
    without: str
    """What would be there without it."""


_HERE = "test_incidents.py::test_"
REVERTS: tuple[Revert, ...] = (
    Revert(
        f"{_HERE}05_an_option_is_called_by_the_same_word_in_a_row_and_in_the_limits",
        "dispatcher/core/gates.py",
        "Row and limits are read into one enumeration, and the gate compares its members.",
        "    action = case.recommendation.action\n    return Check(action in allowed,",
        '    action = case.recommendation.action\n    return Check(action.partition("_")[2] in allowed,',
    ),
    Revert(
        f"{_HERE}06_both_brokers_are_asked_in_the_same_words",
        "dispatcher/adapters/simulated.py",
        "Both brokers stand on one port; types and this test hold their signatures to it.",
        "def find(self, client_order_id: str) -> Found:",
        "def find(self, client_order_id: str, gate_results: object) -> Found:",
    ),
    Revert(
        f"{_HERE}12_a_contracts_volume_is_the_days_and_not_its_last_trades_size",
        "dispatcher/adapters/option_wire.py",
        "The day's bar is read, and only today's.",
        'table.get("dailyBar")',
        'table.get("latestTrade")',
    ),
    Revert(
        f"{_HERE}14_a_module_that_the_image_lacks_is_found_before_an_order_needs_it",
        "dispatcher/commands/check.py",
        "The built image imports every module before it counts as built.",
        'found.append(Finding("import", name, str(error), "install what is missing, or fix the name"))',
        "pass",
    ),
    Revert(
        f"{_HERE}15_an_order_at_the_broker_is_never_called_simulated",
        "dispatcher/shell/sending.py",
        "The word comes from the broker that was chosen at the start, and from nowhere else.",
        "conclude(each.sending.order, each.found, state.of(each.found), desk.mode)",
        "conclude(each.sending.order, each.found, state.of(each.found), type(desk.mode).SIMULATED)",
    ),
    Revert(
        f"{_HERE}20_the_target_that_was_refused_for_its_fourth_decimal_lies_on_its_tick",
        "dispatcher/core/price.py",
        "A price off its tick cannot be built; the bracket is put on ticks before it is priced.",
        'Tier(date.min, DOLLAR, Decimal("Infinity"), Decimal("0.01")),',
        'Tier(date.min, DOLLAR, Decimal("Infinity"), Decimal("0.0001")),',
    ),
    Revert(
        f"{_HERE}20_an_answer_that_cannot_be_read_is_unknown_and_no_simulation",
        "dispatcher/shell/sending.py",
        "Unknown is an outcome of its own; the order is looked up by the id that was committed before it was sent.",
        "        case Unknown(why):\n            doubt(desk, sending, why)",
        "        case Unknown(why):\n            give_up(desk, sending, why)",
    ),
    Revert(
        f"{_HERE}23_each_account_obeys_limits_of_its_own",
        "dispatcher/shell/settings.py",
        "Each account's limits come in a variable of its own; one that is missing stops the start.",
        "variable = environment.limits_document(name)",
        "variable = environment.limits_document(self.account_names()[0])",
    ),
    Revert(
        f"{_HERE}28_every_line_says_which_build_speaks",
        "contract/events.py",
        "The git revision is baked into the image and said in every line.",
        '"build": speaker.build',
        '"build": "latest"',
    ),
    Revert(
        f"{_HERE}30_a_column_that_is_not_there_is_named_before_anything_is_traded",
        "dispatcher/shell/check.py",
        "Every column that is used is looked for before the start.",
        "if missing := used - columns.get(table, frozenset()):",
        "if missing := used - used:",
    ),
    Revert(
        f"{_HERE}32_a_migration_that_did_not_happen_is_seen_whatever_its_exit_code_was",
        "dispatcher/shell/check.py",
        "The schema's own revision is compared with the one the image needs.",
        "if revision is None or (head is not None and revision < head):",
        "if revision is None:",
    ),
    Revert(
        f"{_HERE}39_no_account_takes_a_recommendation_away_from_another",
        "dispatcher/adapters/queries.py",
        "A claim is a row of an account and a recommendation; upstream's row is neither locked nor marked.",
        "SELECT FROM dispatch_claims c WHERE c.account = %(account)s AND c.recommendation_id = r.id OFFSET 0)",
        "SELECT FROM dispatch_claims c WHERE c.recommendation_id = r.id OFFSET 0)",
    ),
    Revert(
        f"{_HERE}40_positions_are_counted_as_the_broker_holds_them",
        "dispatcher/core/standing.py",
        "Gates count what the broker told, not rows that an account's name selects.",
        "return len(self.holdings.held) + len(self.holdings.opening)",
        "return len(self.holdings.opening)",
    ),
    Revert(
        f"{_HERE}45_a_gate_that_has_nothing_to_look_at_refuses",
        "dispatcher/core/gates.py",
        "A gate that cannot be evaluated refuses, and the broker's truth has an age.",
        "return Check(old <= most, Reason.STANDING_TOO_OLD",
        "return Check(True, Reason.STANDING_TOO_OLD",
    ),
)


def main() -> int:
    """Exit 0 when every test passes with its fix and fails without it, else 1."""
    with copied() as copy:
        if (code := _run(copy, *(revert.test for revert in REVERTS))) != PASSED:
            print(f"NOT  with every fix in place pytest ends with {code}")
            return 1
        seen = {revert: said(copy, revert) for revert in REVERTS}
    return 1 if any(seen.values()) else 0


def said(copy: Path, revert: Revert) -> str | None:
    """Try it, and say what was seen; what is wrong, if anything."""
    wrong = without(copy, revert)
    print(f"{'NOT' if wrong else 'ok '} {revert.test.rpartition('::')[2]}{f': {wrong}' if wrong else ''}", flush=True)
    return wrong


def without(copy: Path, revert: Revert) -> str | None:
    """Run the test on a copy without its fix; None when it fails there, else what is wrong."""
    file = copy / revert.file
    whole = file.read_text("utf-8")
    if whole.count(revert.fix) != 1:
        return f"the passage is in {revert.file} {whole.count(revert.fix)} times"
    file.write_text(whole.replace(revert.fix, revert.without), "utf-8")
    try:
        code = _run(copy, revert.test)
    finally:
        file.write_text(whole, "utf-8")
    return None if code == FAILED else f"without its fix pytest ends with {code}"


def _run(copy: Path, *tests: str) -> int:
    named = [str(TESTS / test) for test in tests]
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *named]
    environ = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=copy, env=environ, capture_output=True, timeout=SECONDS, check=False)
    return ran.returncode


@contextmanager
def copied() -> Iterator[Path]:
    """The code as it is, in a folder where it may be spoiled."""
    with tempfile.TemporaryDirectory(prefix="reverts-") as folder:
        copy = Path(folder)
        for room in ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        for name in FILES:
            shutil.copy(ROOT / name, copy / name)
        yield copy


if __name__ == "__main__":
    sys.exit(main())
