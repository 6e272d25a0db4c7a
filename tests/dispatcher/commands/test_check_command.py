"""`check`: every finding has evidence and a next step; with --json it is one object."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters import migrations
from dispatcher.commands import check
from dispatcher.shell.check import COLUMNS
from tests.dispatcher.services import ROOT, process
from tests.dispatcher.world import World

pytestmark = pytest.mark.world


def findings(world: World, capsys: pytest.CaptureFixture[str], **changes: str) -> list[dict[str, Any]]:
    """What `check --json` finds."""
    code = check.main(["--json"], world.environ(**changes))
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (code, told["ok"]) == ((1, False) if told["findings"] else (0, True))
    found: list[dict[str, Any]] = told["findings"]
    assert [each for each in found if not (each["evidence"] and each["fix"])] == []
    return found


def named(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["check"], each["subject"]) for each in found]


def test_where_everything_holds_there_is_no_finding(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(world, capsys) == []


def test_without_json_it_is_told_to_a_person(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [check.main([], world.environ()), check.main([], world.environ(ACCOUNT_NUMBER_LARGE="PA3OTHER"))]

    assert codes == [0, 1]
    assert capsys.readouterr().out == (
        "check: everything holds\n"
        "account large: declared PA3OTHER, the broker says PA3LARGE\n"
        "  next: put the right secret or the right account number in place\n"
    )


def test_the_wrong_account_number_is_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert named(findings(world, capsys, ACCOUNT_NUMBER_LARGE="PA3OTHER")) == [("account", "large")]


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in COLUMNS.items() for column in sorted(columns)[:2]]
)
def test_a_missing_column_is_found_by_name(
    world: World, capsys: pytest.CaptureFixture[str], table: str, column: str
) -> None:
    with world.connect() as connection:
        connection.execute(f"ALTER TABLE {table} DROP COLUMN {column} CASCADE".encode())

    (finding,) = [each for each in findings(world, capsys) if each["evidence"].startswith("missing")]

    assert (finding["subject"], finding["evidence"]) == (table, f"missing: {column}")


def test_an_empty_database_is_found_to_be_behind(
    world: World, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    found = findings(world, capsys, DATABASE_URL=database_url)

    assert named(found)[:1] == [("schema", "revision")]
    assert found[0]["fix"] == "run: python -m dispatcher migrate"


def test_a_wrong_secret_is_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = json.dumps({"api_key": "PKLARGE", "api_secret": "wrong"})

    assert named(findings(world, capsys, ALPACA_SECRET_LARGE=wrong)) == [("broker", "large")]


def test_a_broker_that_is_away_is_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.exchange.fault(route="*", kind="502-html", times=0)

    assert named(findings(world, capsys)) == [("broker", "account")]


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE_PASSWORD": "wrong"},
        {"DATABASE_URL": "postgresql://dispatcher@127.0.0.1:1/nothing"},
        {"DATABASE_URL": "postgresql://dispatcher@127.0.0.1:port/nothing"},
    ],
)
def test_a_database_that_cannot_be_entered_is_found(
    world: World, capsys: pytest.CaptureFixture[str], changes: dict[str, str]
) -> None:
    assert named(findings(world, capsys, **changes)) in ([("database", "connection")], [("settings", "DATABASE_URL")])


def test_wrong_settings_are_findings(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert named(findings(world, capsys, EXECUTION_MODE="LIVE")) == [("settings", "EXECUTION_MODE")]


def test_an_unknown_option_is_wrong_usage(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code = check.main(["--yaml"], world.environ())

    assert (code, capsys.readouterr().err) == (2, "check: unknown --yaml; known are --image and --json\n")


def test_an_image_in_order_needs_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert (check.main(["--image", "--json"], {}), json.loads(capsys.readouterr().out)) == (
        0,
        {"ok": True, "findings": [], "schema": asdict(migrations.carried())},
    )


def test_a_module_that_is_missing_from_an_image_is_found_before_an_order_needs_it(tmp_path: Path) -> None:
    for room in ("contract", "dispatcher"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    lost = "from alpaca.options import OptionClient\n"
    (tmp_path / "dispatcher" / "adapters" / "planted.py").write_text(lost, encoding="utf-8")

    with process({"PYTHONPATH": str(tmp_path)}, "check", "--image", "--json", at=tmp_path) as checking:
        code = checking.exit_code()

    (line,) = checking.log.lines
    (finding,) = json.loads(line.raw)["findings"]
    assert (code, finding["check"], finding["subject"]) == (1, "import", "dispatcher.adapters.planted")
    assert finding["evidence"] == "No module named 'alpaca.options'"
