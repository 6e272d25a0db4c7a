"""What is told before anything is done: plans, parameters, and how it reads on a screen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.inventory import load
from contract.names import NOT_RELEASED, Names
from ops.cli.progress import progress, summarise
from ops.core.plan import changes, registerable, same, secrets_of
from ops.core.records import Kind, Outcome, Record, record_of
from ops.core.release import Part, Release, limits_hash, release_of
from ops.core.ruling import Verdict
from ops.core.seen import TaskDefinition, Who
from ops.errors import Exit
from ops.screens import ending_screen, history_screen, preview_screen, status_screen
from ops.shell.initialise import initialise, wanted
from ops.shell.journal import records
from ops.shell.observe import look
from ops.shell.planning import drafts, moved, plan_document
from ops.shell.rollback import preview
from tests.fakes.releases import BEGAN, Environment, FakeParameters

SERVICE = "dispatcher-large"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    made = Environment(tmp_path)
    assert made.deploy(made.image("one")).exit is Exit.DONE
    return made


def planned(env: Environment, name: str) -> dict[str, Any]:
    scene = look(env.world(), env.members)
    image = env.image(name)
    return plan_document(image, scene, drafts(env.world(), scene, env.members, image), ())


def test_a_plan_says_which_fields_change_and_changes_nothing(env: Environment) -> None:
    env.ecs.template(SERVICE, {"TRADING_LIMITS_LARGE": '{"max":2}'})
    before = dict(env.ecs.definitions)

    document = planned(env, "two")

    assert env.ecs.definitions == before
    (service,) = document["services"]
    assert [each["path"] for each in service["changes"]] == [
        "containerDefinitions[dispatcher].environment[TRADING_LIMITS_LARGE].value",
        "containerDefinitions[dispatcher].image",
    ]


def test_a_deployment_of_a_plan_goes_through_when_the_world_is_the_planned_one(env: Environment) -> None:
    plan = planned(env, "two")

    assert env.deploy(env.image("two"), guard=lambda scene, made: moved(plan, scene, made)).exit is Exit.DONE


def test_and_stops_before_anything_is_registered_when_it_moved(env: Environment) -> None:
    plan = planned(env, "two")
    env.ecs.template(SERVICE, {"TRADING_LIMITS_LARGE": '{"max":2}'})
    before = dict(env.ecs.definitions)

    ended = env.deploy(env.image("two"), guard=lambda scene, made: moved(plan, scene, made))

    assert (ended.exit, ended.record and ended.record.outcome) == (Exit.NOT_DONE, Outcome.STOPPED)
    assert env.ecs.definitions == before
    assert ended.record is not None
    assert "the world has moved" in ended.record.reasons[0]


def test_only_named_services_move_and_the_release_says_what_the_others_run(tmp_path: Path) -> None:
    env = Environment(tmp_path, ("dispatcher-tiny", "dispatcher-large"))
    assert env.deploy(env.image("one")).exit is Exit.DONE
    env.ecs.updates.clear()

    ended = env.deploy(env.image("two"), only=("dispatcher-tiny",))

    assert (ended.exit, {name for name, _, _ in env.ecs.updates}) == (Exit.DONE, {"dispatcher-tiny"})
    assert ended.record is not None
    assert ended.record.to is not None
    assert [part.digest for part in ended.record.to.parts.values()] == [env.image(n).digest for n in ("two", "one")]
    assert env.roll_back().exit is Exit.DONE
    assert env.status().findings == ()


def test_init_creates_what_the_stacks_read_and_overwrites_nothing() -> None:
    parameters, names, declared = FakeParameters(), Names("sandbox"), load(Path("pipeline.toml"))
    service = next(iter(declared.services))

    assert all(initialise(parameters, wanted(declared, names)).values())
    assert parameters.values[names.running(service)] == NOT_RELEASED
    parameters.write(names.running(service), "arn:somewhere")

    assert not any(initialise(parameters, wanted(declared, names)).values())
    assert parameters.values[names.running(service)] == "arn:somewhere"


def test_what_ecs_fills_in_by_itself_is_no_change() -> None:
    registered = {"containerDefinitions": [{"name": "a", "cpu": 0, "mountPoints": []}], "cpu": "256", "revision": 3}

    assert same(registerable(registered), {"containerDefinitions": [{"name": "a"}], "cpu": "256"})


def test_the_order_of_variables_is_no_change() -> None:
    one = {"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    other = {"environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}

    assert same(one, other)
    assert changes("s", one, {"environment": [{"name": "A", "value": "1"}]})[0].after is None


def test_a_secret_is_named_without_the_key_inside_it() -> None:
    secrets = [
        {"name": "A", "valueFrom": "arn:aws:secretsmanager:r:1:secret:db-x1:password::"},
        {"name": "B", "valueFrom": "arn:aws:secretsmanager:r:1:secret:db-x1:user::"},
        {"name": "C", "valueFrom": "arn:aws:ssm:r:1:parameter/p"},
    ]
    document = {"containerDefinitions": [{"name": "dispatcher", "secrets": secrets}]}

    assert secrets_of(TaskDefinition(arn="a", family="f", active=True, document=document)) == (
        "arn:aws:secretsmanager:r:1:secret:db-x1",
        "arn:aws:ssm:r:1:parameter/p",
    )


def test_the_limits_hash_is_of_the_limits_and_of_nothing_else() -> None:
    def document(**variables: str) -> dict[str, object]:
        return {"containerDefinitions": [{"environment": [{"name": k, "value": v} for k, v in variables.items()]}]}

    one = limits_hash(document(TRADING_LIMITS_LARGE="1", OTHER="x"))

    assert one == limits_hash(document(OTHER="y", TRADING_LIMITS_LARGE="1"))
    assert one != limits_hash(document(TRADING_LIMITS_LARGE="2"))
    assert limits_hash(document(OTHER="x")) == ""


def test_a_record_reads_as_it_was_written_and_passes_over_what_a_later_version_added(env: Environment) -> None:
    (record,) = records(env.world())

    assert record_of({**record.document(), "mood": "good"}) == record
    assert record.to is not None
    assert release_of({**record.to.document(), "colour": "red"}) == record.to


def test_every_screen_ends_with_the_next_step_or_says_what_is_true(env: Environment) -> None:
    failed = env.deploy(env.image("two", verdict=Verdict.FAIL))

    assert list(ending_screen(failed))[-1].startswith("Next: ")
    assert "release  oneone" in next(iter(status_screen(env.status())))
    assert "taken back" in next(iter(history_screen(records(env.world()))))
    shown = list(preview_screen(preview(env.world(), env.members, None)))
    assert shown[-1].startswith("Next: nothing")


def test_an_open_record_and_a_held_lock_are_shown(env: Environment) -> None:
    part = Part(revision="f:9", digest="sha256:9")
    release = Release(tag="nine", digest="sha256:9", git="", parts={SERVICE: part})
    who = Who(arn="arn:trader", host="desk", ci="https://ci/9")
    record = Record(id="9", kind=Kind.DEPLOY, who=who, started=BEGAN, before=None, to=release)
    told = replace(env.status(), last=record)

    assert any("not ended, at nothing" in line for line in status_screen(told))


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as tell:
        tell("settle", "1 of 1 tasks run")

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith(" s  settle: 1 of 1 tasks run\n")


def test_a_step_summary_is_written_where_github_wants_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summarise("ops deploy: proven", ["a line"])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    summarise("ops deploy: proven", ["a line"])

    assert (tmp_path / "summary.md").read_text("utf-8") == "### ops deploy: proven\n\n    a line\n\n"


def test_status_says_that_a_newer_template_waits_for_the_next_deployment(env: Environment) -> None:
    assert env.status().services[0].waiting == 0
    env.ecs.template(SERVICE, {"TRADING_LIMITS_LARGE": '{"max":2}'})

    (service,) = env.status().services

    assert service.waiting == 1
    assert any("wait for the next ops deploy" in line for line in status_screen(env.status()))
