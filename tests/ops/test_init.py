"""`ops init` where there is nothing: a commented inventory to begin with, which holds as it is."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from contract.inventory import FILE_NAME, load
from ops.cli.root import ops


def test_where_there_is_no_inventory_a_commented_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(ops, ["--json", "init"])

    assert (result.exit_code, json.loads(result.stdout)["wrote"]) == (0, str(tmp_path / FILE_NAME))
    written = load(tmp_path / FILE_NAME)
    assert {each.kind for each in written.environments.values()} == {"sandbox", "aws"}
    assert "# " in (tmp_path / FILE_NAME).read_text("utf-8")


def test_an_inventory_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / FILE_NAME
    file.write_text("[environments]\n", "utf-8")
    folder = tmp_path / "deeper"
    folder.mkdir()
    monkeypatch.chdir(folder)

    result = CliRunner().invoke(ops, ["init"])

    assert result.exit_code == 2
    assert file.read_text("utf-8") == "[environments]\n"
    assert not (folder / FILE_NAME).exists()
