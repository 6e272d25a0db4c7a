"""Deployments in a world in memory: how each kind of release ends, and what is true afterwards."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contract.names import NOT_RELEASED, verified_tag
from ops.core.records import Outcome
from ops.core.ruling import Verdict
from ops.core.standing import Condition
from ops.errors import Exit, OpsError
from ops.shell.journal import records
from ops.shell.locking import LockedError
from ops.world import Fenced
from tests.fakes.cluster import Behaviour
from tests.fakes.releases import Environment, Faults, Killed

SERVICE = "dispatcher-large"
DIES = Behaviour(starts=False, exit_code=137, reason="OutOfMemoryError: container killed", lines=("loading", "Killed"))


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


@pytest.fixture
def running(env: Environment) -> Environment:
    """An environment in which the release `one` runs, proven."""
    assert env.deploy(env.image("one")).exit is Exit.DONE
    return env


def arn(env: Environment, number: int, service: str = SERVICE) -> str:
    return f"arn:aws:ecs:us-west-2:123456789012:task-definition/{env.names.family(service)}:{number}"


def test_a_first_release_is_proven_and_everything_points_at_it(env: Environment) -> None:
    ended = env.deploy(env.image("one"))

    assert (ended.exit, ended.record and ended.record.outcome) == (Exit.DONE, Outcome.PROVEN)
    assert env.ecs.runs(SERVICE) == arn(env, 1)
    assert env.parameters.values[env.names.running(SERVICE)] == arn(env, 1)
    assert json.loads(env.parameters.values[env.names.release])["tag"] == "one"
    assert env.images.tags[verified_tag("one")] == env.image("one").digest
    assert env.schedules.triggers[f"check-{SERVICE}"].revision == arn(env, 1)
    assert env.schedules.triggers[f"check-{SERVICE}"].enabled
    assert env.status().findings == ()


def test_one_update_service_moves_a_release_and_the_number_of_tasks_is_left_alone(running: Environment) -> None:
    running.ecs.updates.clear()

    assert running.deploy(running.image("two")).exit is Exit.DONE
    assert running.ecs.updates == [(SERVICE, arn(running, 2), None)]


def test_a_proven_release_that_runs_is_not_shipped_again(running: Environment) -> None:
    running.ecs.updates.clear()

    again = running.deploy(running.image("one"))

    assert (again.exit, running.ecs.updates, len(records(running.world()))) == (Exit.DONE, [], 2)
    assert "already runs" in again.message
    assert arn(running, 2) not in running.ecs.definitions, "an unchanged revision is used again"


def test_a_breaker_rollback_is_never_a_success_and_leaves_its_evidence(running: Environment) -> None:
    ended = running.deploy(running.image("two", DIES))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.TAKEN_BACK, arn(running, 1))
    assert running.parameters.values[running.names.running(SERVICE)] == arn(running, 1)
    assert ended.record is not None
    assert "the circuit breaker" in ended.record.reasons[0]
    saved = (Path(ended.record.evidence) / f"{SERVICE}.txt").read_text("utf-8")
    assert "suspected: out of memory" in saved
    assert "| Killed" in saved
    assert running.status().proven


def test_a_breaker_rollback_is_told_by_ecs_own_history_too(running: Environment) -> None:
    ended = running.deploy(running.image("two", replace(DIES, history=True)))

    assert (ended.exit, ended.record and ended.record.verdict) == (Exit.TAKEN_BACK, Verdict.FAIL)


def test_a_task_that_dies_after_a_minute_fails_its_release_though_it_settled(running: Environment) -> None:
    ended = running.deploy(running.image("two", Behaviour(dies_after=60)))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.TAKEN_BACK, arn(running, 1))
    assert ended.record is not None
    assert "died: EssentialContainerExited" in ended.record.reasons[0]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("CannotPullContainerError: pull image manifest has been retried", "the image cannot be pulled"),
        (
            "ResourceInitializationError: unable to pull secrets: did not contain json key api_key",
            "a secret is missing",
        ),
        ("AccessDeniedException: not authorized to perform secretsmanager:GetSecretValue", "may not read a secret"),
        ("exec /usr/bin/python: exec format error", "another architecture"),
        (
            "ResourceInitializationError: failed to validate logger args: The specified log group does not exist",
            "log group",
        ),
    ],
)
def test_what_ecs_says_of_a_task_that_cannot_start_is_the_suspect(
    running: Environment, reason: str, cause: str
) -> None:
    failing = Behaviour(starts=False, stop_code="TaskFailedToStart", reason=reason, exit_code=None)

    ended = running.deploy(running.image("two", failing))

    assert ended.exit is Exit.TAKEN_BACK
    assert any(cause in line for line in running.told if "suspected" in line)


def test_a_verdict_of_fail_is_taken_back_and_the_old_release_verified_again(running: Environment) -> None:
    ended = running.deploy(running.image("two", verdict=Verdict.FAIL))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.TAKEN_BACK, arn(running, 1))
    assert ended.restored is not None
    assert ended.restored["verdicts"] == {SERVICE: "PASS"}
    assert running.schedules.triggers[f"check-{SERVICE}"].revision == arn(running, 1)
    assert json.loads(running.parameters.values[running.names.release])["tag"] == "one"
    assert verified_tag("two") not in running.images.tags


def test_an_alarm_that_rings_late_does_not_keep_the_old_release_from_coming_back(running: Environment) -> None:
    """It rings for the failed release's lines; what ECS then gives up is the deployment that cures it."""
    running.settled.clear()
    running.alarm_rings_late(SERVICE, settling=2)

    ended = running.deploy(running.image("two", verdict=Verdict.FAIL))

    assert (ended.exit, running.ecs.runs(SERVICE), len(running.settled)) == (Exit.TAKEN_BACK, arn(running, 1), 3)
    assert any("once more" in each and "an alarm" in each for each in running.told)
    assert running.status().findings == ()


def test_an_inconclusive_release_is_kept_and_not_promoted(running: Environment) -> None:
    ended = running.deploy(running.image("two", verdict=Verdict.INCONCLUSIVE))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.INCONCLUSIVE, arn(running, 2))
    assert running.parameters.values[running.names.running(SERVICE)] == arn(running, 2)
    assert json.loads(running.parameters.values[running.names.release])["tag"] == "one"
    assert running.schedules.triggers[f"check-{SERVICE}"].revision == arn(running, 1)
    assert [each.id for each in running.status().findings] == ["unproven"]


def test_an_inconclusive_release_is_judged_again_and_not_shipped_again(running: Environment) -> None:
    two = running.image("two")
    running.verdicts[two.digest] = [Verdict.INCONCLUSIVE, Verdict.PASS]
    running.deploy(two)
    running.ecs.updates.clear()

    assert (running.deploy(two).exit, running.ecs.updates) == (Exit.DONE, [])
    assert running.status().findings == ()


def test_a_release_after_an_inconclusive_one_is_taken_back_to_the_last_verified(running: Environment) -> None:
    running.deploy(running.image("two", verdict=Verdict.INCONCLUSIVE))

    assert running.deploy(running.image("three", verdict=Verdict.FAIL)).exit is Exit.TAKEN_BACK
    assert running.ecs.runs(SERVICE) == arn(running, 1)


@pytest.mark.parametrize("behaviour", [DIES, Behaviour(dies_after=60)])
def test_a_first_release_that_fails_is_taken_back_to_nothing(env: Environment, behaviour: Behaviour) -> None:
    ended = env.deploy(env.image("one", behaviour))

    assert (ended.exit, env.ecs.runs(SERVICE), env.ecs.services[SERVICE].desired) == (Exit.TAKEN_BACK, None, 0)
    assert env.parameters.values[env.names.running(SERVICE)] == NOT_RELEASED
    assert env.status().services[0].condition is Condition.STOPPED
    assert env.deploy(env.image("two")).exit is Exit.DONE


def test_another_deployment_that_takes_its_place_is_no_rollback_and_no_success(running: Environment) -> None:
    two = running.image("two")

    running.ecs.template(SERVICE, {"TRADING_LIMITS_LARGE": '{"max":1}'})
    running.settled.clear()
    running.when_settling[1] = lambda: running.ecs.someone_updates(SERVICE, arn(running, 1))

    ended = running.deploy(two)

    assert (ended.exit, ended.record and ended.record.outcome) == (Exit.SUPERSEDED, Outcome.SUPERSEDED)


def test_a_release_that_never_gets_ready_is_taken_back_when_its_time_is_over(running: Environment) -> None:
    ended = running.deploy(running.image("two", Behaviour(never_ready=True)))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.TAKEN_BACK, arn(running, 1))
    assert ended.record is not None
    assert "took too long" in ended.record.reasons[0]


def test_an_image_that_is_not_the_one_built_is_stopped_before_anything_is_registered(running: Environment) -> None:
    two = running.image("two")
    running.images.tags["two"] = "sha256:somebody-elses"

    ended = running.deploy(two)

    assert (ended.exit, ended.record and ended.record.outcome) == (Exit.NOT_DONE, Outcome.STOPPED)
    assert arn(running, 2) not in running.ecs.definitions
    assert running.ecs.runs(SERVICE) == arn(running, 1)


def test_tasks_that_run_another_digest_fail_the_release(running: Environment) -> None:
    ended = running.deploy(running.image("two", Behaviour(runs="sha256:stale")))

    assert (ended.exit, running.ecs.runs(SERVICE)) == (Exit.TAKEN_BACK, arn(running, 1))
    assert ended.record is not None
    assert "sha256:stale" in ended.record.reasons[0]


@pytest.mark.parametrize("command", ["migrate", "check"])
def test_a_failing_one_off_task_stops_before_any_service_is_touched(running: Environment, command: str) -> None:
    running.ecs.updates.clear()
    broken = Behaviour(one_off={command: 1}, lines=("ModuleNotFoundError: No module named 'pytz'",))

    ended = running.deploy(running.image("two", broken))

    assert (ended.exit, running.ecs.updates, running.ecs.runs(SERVICE)) == (Exit.NOT_DONE, [], arn(running, 1))
    assert ended.record is not None
    assert any("lacks a module" in reason for reason in ended.record.reasons)


def test_what_a_refusing_check_found_is_the_reason_and_not_how_its_task_ended(running: Environment) -> None:
    found = {"check": "broker", "subject": "tiny", "evidence": "HTTP 401", "fix": "put the account's key in place"}
    refusing = Behaviour(one_off={"check": 1}, lines=("noise", json.dumps({"ok": False, "findings": [found]})))

    ended = running.deploy(running.image("two", refusing))

    assert ended.record is not None
    assert ended.record.reasons[0] == "tiny: HTTP 401; put the account's key in place"
    assert not any("suspected" in reason for reason in ended.record.reasons)


def test_findings_are_told_all_at_once_and_nothing_is_tried(env: Environment) -> None:
    env.parameters.values.clear()
    env.parameters.missing_secrets["arn:aws:secretsmanager:r:1:secret:db"] = "there is no such secret"

    ended = env.deploy(env.image("one"))

    assert ended.exit is Exit.FINDINGS
    assert [each.id for each in ended.findings] == ["parameter-missing", "parameter-missing", "secret-missing"]
    assert env.images.tags == {}


def test_somebody_elses_rollout_in_flight_is_a_finding(running: Environment) -> None:
    template = running.ecs.definition(running.names.template_family(SERVICE))
    assert template is not None
    foreign = running.ecs.register(running.names.family(SERVICE), {**template.document, "cpu": "512"}, {})
    running.ecs.someone_updates(SERVICE, foreign)

    ended = running.deploy(running.image("two"))

    assert [each.id for each in ended.findings] == ["rollout-in-flight"]


def test_a_held_lock_names_its_holder_and_until_when(running: Environment) -> None:
    with pytest.raises(Killed):
        running.deploy(running.image("two"), Faults(at=40))

    with pytest.raises(
        LockedError, match=r"arn:aws:iam::123456789012:user/trader on desk, to deploy, until 2026-"
    ) as caught:
        running.deploy(running.image("two"))
    assert caught.value.exit_code is Exit.LOCKED


def test_who_is_asked_to_end_closes_the_record_and_lets_the_lock_go(running: Environment) -> None:
    with pytest.raises(OpsError, match="ended by a signal during verify") as caught:
        running.deploy(running.image("two"), Faults(at=60, error=KeyboardInterrupt))

    assert caught.value.exit_code is Exit.NOT_DONE
    assert records(running.world())[0].outcome is Outcome.INTERRUPTED
    assert running.deploy(running.image("two")).exit is Exit.DONE


def test_the_lock_of_a_process_that_is_known_to_be_dead_is_taken_at_once(running: Environment) -> None:
    with pytest.raises(Killed):
        running.deploy(running.image("two"), Faults(at=40))
    running.dead = True

    assert running.deploy(running.image("two")).exit is Exit.DONE


def test_a_lock_runs_out_and_can_be_waited_for(running: Environment) -> None:
    with pytest.raises(Killed):
        running.deploy(running.image("two"), Faults(at=40))

    assert running.deploy(running.image("two"), lock_wait=1900).exit is Exit.DONE


def test_who_lost_the_lock_writes_nothing_any_more(running: Environment) -> None:
    def slow_build() -> None:
        running.clock.sleep(4000)
        assert running.deploy(running.image("three")).exit is Exit.DONE

    two = running.image("two")

    def build() -> object:
        slow_build()
        return running._push(two)

    with pytest.raises(Fenced) as caught:
        running.deploy(two, build=build)

    assert caught.value.exit_code is Exit.SUPERSEDED
    assert running.status().release is not None
    assert running.status().findings == ()


def test_the_second_service_waits_for_the_proof_of_the_first(tmp_path: Path) -> None:
    env = Environment(tmp_path, ("dispatcher-tiny", "dispatcher-large"))
    assert env.deploy(env.image("one")).exit is Exit.DONE
    env.ecs.updates.clear()

    ended = env.deploy(env.image("two", verdict=Verdict.FAIL))

    assert ended.exit is Exit.TAKEN_BACK
    assert {name for name, _, _ in env.ecs.updates} == {"dispatcher-tiny"}
    assert env.status().findings == ()


FOUR = ("positions-tiny", "positions-large", "dispatcher-tiny", "dispatcher-large")


@pytest.fixture
def four(tmp_path: Path) -> Environment:
    """Both accounts, each with a position manager and a dispatcher; the release `one` runs, proven."""
    env = Environment(tmp_path, FOUR)
    assert env.deploy(env.image("one")).exit is Exit.DONE
    env.ecs.updates.clear()
    return env


def test_the_new_revisions_check_themselves_beside_each_other_and_before_any_service_is_touched(
    four: Environment,
) -> None:
    ended = four.deploy(four.image("two"))

    assert ended.record is not None
    names = [step.name for step in ended.record.steps]
    checks = [step for step in ended.record.steps if step.name.startswith("check ")]
    assert [step.name for step in checks] == [f"check {name}" for name in FOUR]
    assert len({step.at for step in checks}) == 1
    assert names.index(f"check {FOUR[-1]}") < names.index(f"update {FOUR[0]}")


@pytest.mark.parametrize("failing", range(4))
def test_a_release_that_fails_at_a_service_never_reaches_the_next_and_goes_back_as_a_whole(
    four: Environment, failing: int
) -> None:
    verdicts = [Verdict.PASS] * failing + [Verdict.FAIL]
    two = four.image("two")
    four.verdicts[two.digest] = verdicts

    ended = four.deploy(two)

    forward, back = FOUR[: failing + 1], tuple(reversed(FOUR[: failing + 1]))
    assert (ended.exit, four.verdicts[two.digest]) == (Exit.TAKEN_BACK, [])
    assert tuple(name for name, _, _ in four.ecs.updates) == (*forward, *back)
    assert [four.ecs.runs(name) for name in FOUR] == [arn(four, 1, name) for name in FOUR]
    assert ended.restored is not None
    assert ended.restored["verdicts"] == dict.fromkeys(back, "PASS")
    assert json.loads(four.parameters.values[four.names.release])["tag"] == "one"
    assert four.status().findings == ()


def test_a_service_that_an_earlier_deployment_left_unproven_goes_back_with_a_release_that_fails_elsewhere(
    four: Environment,
) -> None:
    """Otherwise the last verified release is said to run again, and a service of it does not."""
    kept = four.deploy(four.image("two", verdict=Verdict.INCONCLUSIVE))
    assert (kept.exit, four.ecs.runs("positions-tiny")) == (Exit.INCONCLUSIVE, arn(four, 2, "positions-tiny"))
    four.ecs.updates.clear()

    ended = four.deploy(four.image("three", verdict=Verdict.FAIL), only=("dispatcher-tiny",))

    assert ended.exit is Exit.TAKEN_BACK
    assert [name for name, _, _ in four.ecs.updates] == ["dispatcher-tiny", "dispatcher-tiny", "positions-tiny"]
    assert [four.ecs.runs(name) for name in FOUR] == [arn(four, 1, name) for name in FOUR]
    assert ended.restored is not None
    assert ended.restored["verdicts"] == {"dispatcher-tiny": "PASS", "positions-tiny": "PASS"}
    assert four.status().findings == ()


def test_a_first_release_that_is_kept_at_one_service_and_fails_at_another_runs_nowhere(tmp_path: Path) -> None:
    env = Environment(tmp_path, ("dispatcher-tiny", "dispatcher-large"))
    one = env.image("one")
    env.verdicts[one.digest] = [Verdict.INCONCLUSIVE, Verdict.FAIL]
    assert env.deploy(one, only=("dispatcher-tiny",)).exit is Exit.INCONCLUSIVE

    assert env.deploy(one, only=("dispatcher-large",)).exit is Exit.TAKEN_BACK
    assert [each.condition for each in env.status().services] == [Condition.STOPPED] * 2


def test_a_first_release_that_is_kept_halfway_is_called_by_its_name(tmp_path: Path) -> None:
    env = Environment(tmp_path, FOUR)

    assert env.deploy(env.image("one", verdict=Verdict.INCONCLUSIVE)).exit is Exit.INCONCLUSIVE

    says = env.status()
    assert (says.release and says.release.tag, says.release and set(says.release.parts)) == ("one", {FOUR[0]})
    assert not says.proven


def test_migrations_run_once_and_before_any_service_and_every_service_checks_itself(four: Environment) -> None:
    four.told.clear()
    assert four.deploy(four.image("two")).exit is Exit.DONE

    steps = [each.partition(":")[0] for each in four.told]
    asked = [each for each in steps if each.startswith(("migrate ", "check ", "update "))]
    assert asked == [f"migrate {FOUR[0]}", *(f"check {n}" for n in FOUR), *(f"update {n}" for n in FOUR)]


def test_nothing_is_ever_deregistered(running: Environment) -> None:
    running.deploy(running.image("two", verdict=Verdict.FAIL))
    running.deploy(running.image("three", DIES))
    running.deploy(running.image("four"))

    assert all(each.active for each in running.ecs.definitions.values())
