"""The gate stops what once cost an order: an undefined name, an import hidden in a function, a swallowed failure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dispatcher.services import ROOT

PLANTED = {
    "F821": """
def executed() -> str:
    return f"{action} executed"
""",
    "PLC0415": """
def options() -> object:
    import dispatcher.core.options

    return dispatcher
""",
    "BLE001": """
def fall_back() -> None:
    try:
        print()
    except Exception:
        return
""",
    "DTZ005": """
from datetime import datetime

NOW = datetime.now()
""",
    "TID252": """
from . import options
""",
}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_once_cost_an_order_fails_the_lint(rule: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(f'"""Planted."""\n\n{PLANTED[rule]}', encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json"]

    linted = subprocess.run(
        [*command, "--config", str(ROOT / "pyproject.toml"), str(planted)], capture_output=True, text=True, check=False
    )

    assert linted.returncode == 1
    assert rule in {finding["code"] for finding in json.loads(linted.stdout)}
