"""New tasks of the release that runs: what is judged is theirs alone, and the release keeps its proof."""

from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from ops.core.records import Kind, Outcome
from ops.core.ruling import Verdict
from ops.errors import Exit
from ops.shell.ending import Ending
from ops.shell.restart import Renewal, restart
from tests.fakes.cluster import Behaviour
from tests.fakes.releases import Environment, Faults, Killed

SERVICE = "dispatcher-large"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    made = Environment(tmp_path)
    assert made.deploy(made.image("one")).exit is Exit.DONE
    return made


def renew(env: Environment, *only: str) -> Ending:
    wanted = Renewal(members=env.members, only=only, asked=env.asked(), evidence=env.folder)
    return restart(env.world(), wanted, env.prove(), env.tell)


def tasks(env: Environment) -> set[str]:
    return {each.id for each in env.ecs.tasks(env.names.family(SERVICE)) if each.running}


def test_every_task_is_a_new_one_of_the_same_release(env: Environment) -> None:
    before, revision = tasks(env), env.ecs.runs(SERVICE)

    ended = renew(env)

    assert (ended.exit, ended.record and ended.record.kind) == (Exit.DONE, Kind.RESTART)
    assert env.ecs.runs(SERVICE) == revision
    assert len(tasks(env)) == 1
    assert not tasks(env) & before
    assert env.status().findings == ()


def test_new_tasks_that_fail_are_told_with_their_evidence_and_the_release_keeps_its_proof(env: Environment) -> None:
    env.verdicts[env.image("one").digest] = Verdict.FAIL

    ended = renew(env)

    assert (ended.exit, ended.record and ended.record.outcome) == (Exit.NOT_DONE, Outcome.FAILED)
    assert ended.record is not None
    assert (Path(ended.record.evidence) / f"{SERVICE}.txt").exists()
    assert env.status().proven
    assert [subject for subject, _ in env.alerts.sent] == [
        "sandbox: new tasks of dispatcher-large fail, and oneone was proven: look at what has changed around it"
    ]


def test_a_key_that_stops_the_new_tasks_from_starting_leaves_the_old_ones(env: Environment) -> None:
    env.ecs.behaviours[env.image("one").digest] = Behaviour(starts=False)

    assert renew(env).exit is Exit.NOT_DONE


def test_a_restart_is_nothing_to_go_back_to_and_nothing_to_go_back_from(env: Environment) -> None:
    assert env.deploy(env.image("two")).exit is Exit.DONE
    assert renew(env).exit is Exit.DONE

    assert env.roll_back().exit is Exit.DONE

    says = env.status()
    assert says.release is not None
    assert (says.release.tag, says.findings) == ("one", ())


def test_a_restart_that_is_killed_at_any_call_is_just_done_again(tmp_path: Path) -> None:
    seen: set[tuple[str, ...]] = set()
    for at in count(1):
        env = Environment(tmp_path)
        env.watch_seconds = 10
        assert env.deploy(env.image("one")).exit is Exit.DONE
        faults = Faults(at=at)
        wanted = Renewal(members=env.members, asked=env.asked(), evidence=env.folder)
        with suppress(Killed):
            restart(env.world(faults), wanted, env.prove(faults), env.tell)
        if len(faults.calls) < at:
            break
        if (lately := tuple(faults.calls[-5:])) in seen:
            continue  # the third look of a poll that found nothing new is no new place
        seen.add(lately)
        env.wait(4000)

        assert env.status().proven
        assert renew(env).exit is Exit.DONE
        assert env.status().findings == ()


def test_where_nothing_runs_there_is_nothing_to_restart(tmp_path: Path) -> None:
    env = Environment(tmp_path)

    ended = renew(env)

    assert (ended.exit, ended.record) == (Exit.NOT_DONE, None)


def test_a_secret_that_is_gone_is_found_before_any_task_is_stopped(env: Environment) -> None:
    env.parameters.missing_secrets["arn:aws:secretsmanager:r:1:secret:db"] = "the secret db has no value yet"
    before = tasks(env)

    ended = renew(env)

    assert (ended.exit, [each.id for each in ended.findings]) == (Exit.FINDINGS, ["secret-missing"])
    assert tasks(env) == before
