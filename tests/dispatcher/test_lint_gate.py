"""The gate stops what once cost an order: an undefined name, an import hidden in a function, a swallowed failure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dispatcher.services import ROOT

PLANTED = {
    "F821": 'def executed() -> str:\n    """Say it."""\n    return f"{action} executed"\n',
    "PLC0415": 'def options() -> object:\n    """Import it late."""\n    import dispatcher.core.options\n\n    return dispatcher\n',
    "BLE001": 'def fall_back() -> None:\n    """Pretend."""\n    try:\n        print()\n    except Exception:\n        return\n',
    "DTZ005": "from datetime import datetime\n\nNOW = datetime.now()\n",
    "TID252": "from . import options\n",
}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_once_cost_an_order_fails_the_lint(rule: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(f'"""Planted."""\n\n{PLANTED[rule]}', encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json"]

    linted = subprocess.run(  # noqa: S603  our own gate
        [*command, "--config", str(ROOT / "pyproject.toml"), str(planted)], capture_output=True, text=True, check=False
    )

    assert linted.returncode == 1
    assert rule in {finding["code"] for finding in json.loads(linted.stdout)}
