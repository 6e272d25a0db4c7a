"""The torture finds nothing in the dispatcher, and finds everything in one that is wrong."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.torture.plan import CATALOGUE, Point, plan
from benchmarks.torture.verdict import Claim, Evidence, Execution, Order, Post, judge

ROOT = Path(__file__).parents[2]
MARK = ("AAPL", "220.01")
KEYS = ["runs", "seed", "duplicates", "lost", "ghosts", "unknown_left"]


def torture(logs: Path, *options: str) -> tuple[int, list[str], dict[str, Any]]:
    """Run it as `make torture` does: exit code, lines, and the last one as an object."""
    command = [sys.executable, "-m", "benchmarks.torture", "--logs", str(logs), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return done.returncode, lines, json.loads(lines[-1])


def evidence(**changes: Any) -> Evidence:
    """One good recommendation with its order, claim and execution, changed where a test needs it."""
    good: dict[str, Any] = {
        "recommendations": {1: MARK},
        "unique_ids": True,
        "orders": (Order("o1", "d1", MARK),),
        "posts": (Post("d1", applied=True),),
        "claims": (Claim(1, "accepted", "o1"),),
        "executions": (Execution(1, "o1"),),
    }
    return Evidence(**good | changes)


@pytest.mark.world
def test_a_dispatcher_that_is_killed_a_dozen_times_doubles_loses_and_makes_up_nothing(tmp_path: Path) -> None:
    code, lines, last = torture(tmp_path, "--runs", "12", "--seed", "5", "--workers", "6")

    assert code == 0, "\n".join(lines)
    assert list(last)[:6] == KEYS
    assert [last[key] for key in KEYS] == [12, 5, 0, 0, 0, 0]
    assert last["orders"] >= 12
    assert sum(last["kill_points"].values()) >= 12


@pytest.mark.world
def test_a_naive_dispatcher_is_seen_to_double_to_lose_and_to_make_up_orders(tmp_path: Path) -> None:
    options = ("--runs", "13", "--seed", "1", "--workers", "6", "--patience", "2")
    code, lines, last = torture(tmp_path, *options, "--dispatcher", "tests.benchmarks.naive")

    assert code == 1
    assert last["duplicates"] > 0
    assert last["lost"] > 0
    assert last["ghosts"] > 0
    assert any("again: python -m benchmarks.torture --seed 1 --only-run" in line for line in lines)


NEWBORNS = """
import signal, sys
from pathlib import Path
from benchmarks.torture.nursery import nursery

with nursery(lambda arguments, environ: signal.pause()) as born:
    for _ in range(20):
        life = born.start({}, Path(sys.argv[1]))
        life.signal(signal.SIGTERM)
        life.await_death()
        print(life.exit_code)
"""


def test_a_process_that_is_told_to_stop_as_soon_as_it_is_born_hears_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NEWBORNS, str(tmp_path / "log")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.stdout.split() == [str(-signal.SIGTERM)] * 20, done.stderr


def test_a_plan_depends_on_seed_and_number_alone() -> None:
    assert plan(3, 17) == plan(3, 17)
    assert plan(3, 17) != plan(4, 17)


def test_a_hundred_plans_aim_at_every_kill_point() -> None:
    aimed = {strike.step for number in range(100) for strike in plan(1, number).strikes}

    assert aimed >= set(CATALOGUE)


def test_two_processes_never_hide_who_takes_the_lease() -> None:
    plans = [plan(2, number) for number in range(300)]

    assert any(each.pair for each in plans)
    assert not any(each.pair for each in plans if any(strike.step.point is Point.LEASE for strike in each.strikes))


def test_nothing_is_wrong_with_a_good_ending() -> None:
    assert judge(evidence()).clean


def test_a_second_order_for_a_recommendation_is_a_duplicate_whatever_its_id() -> None:
    orders = (Order("o1", "d1", MARK), Order("o2", "other", MARK))

    assert len(judge(evidence(orders=orders)).duplicates) == 1


def test_without_unique_ids_a_second_post_counts_even_when_it_was_not_applied() -> None:
    posts = (Post("d1", applied=True), Post("d1", applied=False))

    assert len(judge(evidence(posts=posts, unique_ids=False)).duplicates) == 1
    assert judge(evidence(posts=posts)).clean
    assert judge(evidence(posts=tuple(reversed(posts)), unique_ids=False)).clean


@pytest.mark.parametrize("state", ["claimed", "intended", "unknown"])
def test_a_recommendation_left_in_the_middle_is_lost(state: str) -> None:
    ending = judge(evidence(claims=(Claim(1, state, None),), orders=(), posts=(), executions=()))

    assert len(ending.lost) == 1
    assert len(ending.unknown_left) == (state != "claimed")


def test_a_recommendation_nobody_considered_is_lost() -> None:
    assert len(judge(evidence(recommendations={1: MARK, 2: None})).lost) == 1


def test_an_order_that_the_books_call_refused_is_a_ghost() -> None:
    assert len(judge(evidence(claims=(Claim(1, "refused", None),), executions=())).ghosts) == 1


def test_an_order_booked_for_another_recommendation_is_a_ghost() -> None:
    marks = {1: ("MSFT", "550.01"), 2: MARK}

    assert judge(evidence(recommendations=marks, claims=(Claim(1, "filled", "o1"), Claim(2, "refused", None)))).ghosts


def test_a_claim_and_an_execution_without_an_order_are_ghosts() -> None:
    assert len(judge(evidence(orders=())).ghosts) == 2


def test_each_account_ends_every_recommendation_and_books_its_own_orders() -> None:
    orders = (Order("o1", "d1", MARK), Order("o2", "d2", MARK, "tiny"))
    claims = (Claim(1, "accepted", "o1"), Claim(1, "accepted", "o2", "tiny"))
    executions = (Execution(1, "o1"), Execution(1, "o2", "tiny"))
    both = {"accounts": ("large", "tiny"), "orders": orders}

    assert judge(evidence(**both, claims=claims, executions=executions)).clean
    assert len(judge(evidence(accounts=("large", "tiny"))).lost) == 1
    assert len(judge(evidence(**both)).ghosts) == 1
    assert judge(evidence(orders=(Order("o1", "d1", MARK, "tiny"),))).ghosts


def test_an_order_without_an_execution_is_a_ghost_for_whoever_reads_executions() -> None:
    assert len(judge(evidence(executions=())).ghosts) == 1
