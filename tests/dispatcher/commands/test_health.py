"""`health`: a sign of life that is young enough, or exit 1 and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.adapters.pulse import STALE_SECONDS, beat
from dispatcher.commands import health
from tests.dispatcher.services import ROOT


def asked(file: Path) -> int:
    return health.main([], {"HEALTH_FILE": str(file)})


def test_a_process_that_just_gave_a_sign_of_life_is_healthy(tmp_path: Path) -> None:
    beat(tmp_path / "health")

    assert asked(tmp_path / "health") == 0


def test_a_process_that_never_gave_one_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(tmp_path / "health") == 1
    assert capsys.readouterr().err == ("no sign of life yet; it must be within 60 s. Next: read the service's log\n")


def test_a_sign_of_life_grows_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "health"
    beat(file)
    then = file.stat().st_mtime - STALE_SECONDS - 1
    os.utime(file, (then, then))

    assert asked(file) == 1
    assert "last sign of life 61 s ago" in capsys.readouterr().err


def test_without_a_file_to_look_at_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main([], {}) == 2
    assert capsys.readouterr().err.startswith("HEALTH_FILE is not set")


def test_it_costs_a_bare_python_and_nothing_of_what_trading_needs(tmp_path: Path) -> None:
    """It runs every few seconds on the smallest task; a second of imports each time would be felt."""
    beat(tmp_path / "health")
    program = (
        "import sys; from dispatcher.__main__ import main; code = main(['health']);"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"HEALTH_FILE": str(tmp_path / "health")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    code, *loaded = ran.stdout.split()
    assert code == "0"
    assert {"contract", "dispatcher"} <= set(loaded)
    assert {"alpaca", "psycopg", "botocore", "sqlalchemy", "requests", "pandas"}.isdisjoint(loaded)
