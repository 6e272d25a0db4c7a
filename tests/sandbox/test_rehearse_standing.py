import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from sandbox import __main__ as program
from sandbox import standing
from sandbox.world import FOLDER, Trace


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def stands(checkout: Path, keeper: Trace) -> dict[str, Any]:
    told = {"up": True, "endpoint_url": "http://127.0.0.1:1", "process": asdict(keeper)}
    (checkout / FOLDER / standing.NAME).write_text(json.dumps(told), encoding="utf-8")
    return told


def test_nothing_stands_where_nothing_was_stood_up(checkout: Path) -> None:
    assert standing.status(checkout) == standing.NOTHING
    assert standing.down(checkout)


def test_what_stands_is_told_while_its_process_lives(checkout: Path) -> None:
    told = stands(checkout, Trace.of("sandbox", os.getpid()))

    assert standing.status(checkout) == told
    assert standing.up(checkout) == told


def test_a_process_with_the_same_number_is_not_taken_for_the_one_that_was_killed(checkout: Path) -> None:
    stands(checkout, Trace("sandbox", os.getpid(), started=1.0))

    assert standing.status(checkout) == standing.NOTHING
    assert standing.down(checkout)


def test_down_ends_the_process_that_keeps_it_standing(checkout: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as keeper:
        stands(checkout, Trace.of("sandbox", keeper.pid))

        assert standing.down(checkout)
        assert standing.status(checkout) == standing.NOTHING


@pytest.mark.parametrize(("verb", "code"), [("status", 0), ("down", 0)])
def test_the_program_prints_one_object(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, code: int
) -> None:
    monkeypatch.setattr(program, "CHECKOUT", checkout)

    assert program.main([verb]) == code
    assert json.loads(capsys.readouterr().out) == {"up": False}


def test_nothing_is_fed_to_what_does_not_stand(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "CHECKOUT", checkout)

    assert program.main(["feed"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == {"message": "nothing stands", "next": "ops sandbox up"}
