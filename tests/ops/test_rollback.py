"""Going back, in a world in memory."""

import json
from pathlib import Path

import pytest

from contract.names import NOT_RELEASED
from ops.core.ruling import Verdict
from ops.errors import Exit
from ops.shell.rollback import preview
from tests.fakes.cluster import Behaviour
from tests.fakes.releases import Environment

SERVICE = "dispatcher-large"
SCHEDULE = f"check-{SERVICE}"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """Releases `one` and `two` are proven; `two` runs."""
    made = Environment(tmp_path)
    for name in ("one", "two"):
        assert made.deploy(made.image(name)).exit is Exit.DONE
    return made


def revision(env: Environment, number: int) -> str:
    return f"arn:aws:ecs:us-west-2:123456789012:task-definition/{env.names.family(SERVICE)}:{number}"


def test_it_goes_back_schedules_first_and_proves_it(env: Environment) -> None:
    ended = env.roll_back()

    assert (ended.exit, env.ecs.runs(SERVICE)) == (Exit.DONE, revision(env, 1))
    assert json.loads(env.parameters.values[env.names.release])["tag"] == "one"
    assert env.schedules.triggers[SCHEDULE].revision == revision(env, 1)
    assert ended.record is not None
    steps = [each.name for each in ended.record.steps]
    assert steps.index(f"schedule {SCHEDULE}") < steps.index(f"update {SERVICE}") < steps.index(f"verify {SERVICE}")
    assert env.status().findings == ()


def test_a_preview_changes_nothing_and_says_everything(env: Environment) -> None:
    before = (dict(env.control.items), list(env.ecs.updates), dict(env.parameters.values))

    told = preview(env.world(), env.members, None).document()

    assert (dict(env.control.items), env.ecs.updates, env.parameters.values) == before
    assert (told["from"]["tag"], told["to"]["tag"], told["deployable"]) == ("two", "one", True)
    assert "the last verified release" in told["reason"]
    changed = {(each["subject"], each["path"].rpartition(".")[2]) for each in told["changes"]}
    assert changed == {(SERVICE, "revision"), (SERVICE, "image"), (SCHEDULE, "schedule")}


def test_a_release_that_fails_now_is_not_gone_back_from_again(env: Environment) -> None:
    env.verdicts[env.image("one").digest] = Verdict.FAIL

    ended = env.roll_back()

    assert (ended.exit, env.ecs.runs(SERVICE)) == (Exit.NOT_DONE, revision(env, 1))
    assert "fails as well" in ended.message
    assert not env.status().proven


def test_a_rollback_with_nothing_to_see_stands_and_is_inconclusive(env: Environment) -> None:
    env.verdicts[env.image("one").digest] = Verdict.INCONCLUSIVE

    assert env.roll_back().exit is Exit.INCONCLUSIVE
    assert json.loads(env.parameters.values[env.names.release])["tag"] == "one"
    assert env.status().proven, "by its first deployment"


def test_an_inactive_revision_an_expired_image_and_a_lost_secret_are_found_before_anything_changes(
    env: Environment,
) -> None:
    env.ecs.deregister(revision(env, 1))
    env.images.gone.add(env.image("one").digest)

    ended = env.roll_back()

    assert (ended.exit, env.ecs.runs(SERVICE)) == (Exit.FINDINGS, revision(env, 2))
    assert {each.id for each in ended.findings} == {"revision-inactive", "image-expired"}
    assert env.schedules.triggers[SCHEDULE].revision == revision(env, 2)
    told = preview(env.world(), env.members, None)
    assert not told.deployable
    assert env.roll_back().exit is Exit.FINDINGS


def test_a_lost_secret_is_found_before_anything_changes(env: Environment) -> None:
    env.parameters.missing_secrets["arn:aws:secretsmanager:r:1:secret:db"] = "it is marked for deletion"

    assert [each.id for each in env.roll_back().findings] == ["secret-missing"]


def test_a_moved_tag_and_a_newer_schema_are_said_and_stop_nothing(env: Environment) -> None:
    env.images.tags["one"] = "sha256:somebody-elses"
    env.images.tags["keeps"] = env.image("one").digest
    env.parameters.values[env.names.schema_head] = "0001..0003"

    told = preview(env.world(), env.members, None)

    assert ([each.id for each in told.findings], told.deployable) == (["tag-moved", "schema-differs"], True)


@pytest.mark.parametrize(("published", "found"), [("0003..0004", "schema-forbids"), ("4", "schema-unknown")])
def test_a_schema_that_an_older_image_does_not_work_on_forbids_going_back(
    env: Environment, published: str, found: str
) -> None:
    env.parameters.values[env.names.schema_head] = published

    told = preview(env.world(), env.members, None)

    assert ([each.id for each in told.findings], told.deployable) == ([found], False)
    assert env.roll_back().exit is Exit.FINDINGS


def test_a_release_that_was_never_proven_is_stopped_when_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    env = Environment(tmp_path)
    env.deploy(env.image("one", verdict=Verdict.INCONCLUSIVE))

    assert env.roll_back().exit is Exit.DONE
    assert env.ecs.runs(SERVICE) is None
    assert env.parameters.values[env.names.running(SERVICE)] == NOT_RELEASED


def test_there_is_nothing_to_go_back_to_from_the_only_proven_release(tmp_path: Path) -> None:
    env = Environment(tmp_path)
    env.deploy(env.image("one"))

    ended = env.roll_back()

    assert (ended.exit, env.ecs.runs(SERVICE)) == (Exit.NOT_DONE, revision(env, 1))


def test_somebody_elses_deployment_in_flight_is_gone_back_from_at_once(env: Environment) -> None:
    definition = env.ecs.definition(revision(env, 2))
    assert definition is not None
    foreign = env.ecs.register(definition.family, {**definition.document, "cpu": "512"}, {})
    env.ecs.someone_updates(SERVICE, foreign)

    assert env.roll_back().exit is Exit.DONE
    assert env.ecs.runs(SERVICE) == revision(env, 2)


def test_repair_puts_back_what_a_failed_stack_update_moved(env: Environment) -> None:
    env.parameters.values[env.names.running(SERVICE)] = revision(env, 1)
    env.schedules.point(SCHEDULE, revision(env, 1), enabled=False)
    assert {each.id for each in env.status().findings} == {
        "parameter-differs",
        "schedule-differs",
        "schedule-state-differs",
    }

    assert env.repair().exit is Exit.DONE
    assert env.status().findings == ()
    assert env.ecs.runs(SERVICE) == revision(env, 2)


def test_repair_leaves_no_record_when_nothing_is_wrong(env: Environment) -> None:
    before = dict(env.control.items)

    assert env.repair().exit is Exit.DONE
    assert env.control.items == before


def test_a_task_of_the_target_that_dies_makes_the_rollback_fail(env: Environment) -> None:
    env.ecs.behaviours[env.image("one").digest] = Behaviour(dies_after=30)

    ended = env.roll_back()

    assert ended.exit is Exit.NOT_DONE
    assert ended.record is not None
    assert Path(ended.record.evidence).exists()


def test_an_alarm_that_rings_late_does_not_keep_a_rollback_from_its_target(env: Environment) -> None:
    """It rings for the lines of the release being left; what ECS gives up is the deployment that cures it."""
    env.settled.clear()
    env.alarm_rings_late(SERVICE, settling=1)

    ended = env.roll_back()

    assert (ended.exit, env.ecs.runs(SERVICE), len(env.settled)) == (Exit.DONE, revision(env, 1), 2)
    assert any("once more" in each and "an alarm" in each for each in env.told)
    assert env.status().findings == ()
