import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.record import Record, StepFailedError
from sandbox.rehearse import CHECKOUT, ORDERS, rehearse
from sandbox.world import World


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.world
def test_the_story_of_the_orders_ends_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(CHECKOUT / "pipeline.toml", tmp_path)

    ok = rehearse(as_json=True, story=ORDERS, checkout=tmp_path)

    told = report(capsys)
    assert (ok, told["ok"], told["mode"]) == (True, True, "processes")
    assert {step["name"]: step["ok"] for step in told["steps"]} == dict.fromkeys(
        [
            "set-up",
            "postgres",
            "exchange",
            "migrate",
            "check",
            "dispatcher",
            "feed",
            "stop",
            "endings",
            "strangers",
            "secrets",
            "verdict",
            "option-world",
            "option-volatility",
            "option-bought",
            "option-closed",
            "spread-opened",
            "spread-closed",
            "option-stop",
        ],
        True,
    )
    assert told["orders"] == {"accepted": 17, "rejected": 0, "refused": 30, "unknown": 0, "duplicate": 0}
    assert told["verdicts"] == [{"release": "unbuilt", "verdict": "PASS"}]
    kept = {file.name for file in next((tmp_path / ".sandbox").glob("*/evidence")).iterdir()}
    assert kept == {"claims.json", "dispatcher.log", "exchange.json", "executions.json", "story.txt", "verdict.json"}
    assert not (tmp_path / ".sandbox" / "world.json").exists()


def test_a_step_that_fails_says_what_was_expected_and_seen_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def story(_: World, record: Record) -> None:
        with record.step("prices", "looking at prices"):
            raise StepFailedError("699.75", "699.7462", next_step="round it", tail="the last words")

    ok = rehearse(as_json=False, story=story, checkout=tmp_path)

    said = capsys.readouterr().out
    assert not ok
    assert "FAIL prices" in said
    assert "expected: 699.75\n  seen:     699.7462\n  last lines:\n    the last words\n  next:     round it\n" in said
    assert "NOT done in" in said


def test_a_part_that_fails_is_told_with_its_last_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def story(world: World, record: Record) -> None:
        with record.step("part", "starting it"):
            command = [sys.executable, "-c", "raise SystemExit('no such table')"]
            world.start("part", command, {}).wait_for(lambda _: False, what="ready")

    assert not rehearse(as_json=True, story=story, checkout=tmp_path)

    said = capsys.readouterr()
    assert "no such table" in said.err
    assert json.loads(said.out)["steps"][0]["evidence"] == "part ended with exit code 1 before ready"


def test_a_step_without_evidence_is_not_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def story(_: World, record: Record) -> None:
        with record.step("empty", "doing nothing"):
            pass

    assert not rehearse(as_json=True, story=story, checkout=tmp_path)
    assert [(step["ok"], step["evidence"]) for step in report(capsys)["steps"]] == [(False, "no evidence was given")]


def test_a_story_without_steps_is_not_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not rehearse(as_json=True, story=lambda _world, _record: None, checkout=tmp_path)
    assert report(capsys)["ok"] is False


def test_a_second_rehearsal_at_the_same_time_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with World.opened(tmp_path):
        assert not rehearse(as_json=True, checkout=tmp_path)

    told = report(capsys)
    assert told["steps"][0]["evidence"].startswith("another run is under way in this checkout: process ")


def test_the_story_is_kept_as_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def story(_: World, record: Record) -> None:
        with record.step("only", "doing it") as told:
            told("it was done")

    assert rehearse(as_json=False, story=story, checkout=tmp_path)

    kept = next((tmp_path / ".sandbox").glob("*/evidence/story.txt")).read_text(encoding="utf-8")
    assert kept.startswith("ok   only")
    assert kept.strip() in capsys.readouterr().out
