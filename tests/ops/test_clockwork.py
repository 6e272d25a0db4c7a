"""What the clock starts: what is said about it, and how it is held to what should be."""

from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from contract.inventory import Inventory, load
from contract.workload import ScheduleState
from ops.core.clockwork import Entry, Whose, audit, second_starters
from ops.core.records import Kind
from ops.core.seen import Trigger
from ops.errors import Exit, OpsError
from ops.shell import clockwork
from ops.shell.observe import look
from tests.fakes.releases import Environment, Faults, Killed

TINY = "ops-pipeline-dispatcher-tiny"
CLASSIFIER = "ops-pipeline-classifier"
OWN = "check-dispatcher-large"


def legacy(name: str, *, enabled: bool = True) -> Trigger:
    return Trigger(
        name=name,
        group="default",
        enabled=enabled,
        revision=f"arn:aws:ecs:us-west-2:1:task-definition/{name}:1",
        cluster="arn:aws:ecs:us-west-2:1:cluster/ops-pipeline-cluster",
        expression="rate(5 minutes)",
        retries=185,
    )


@pytest.fixture
def declared() -> Inventory:
    """The repository's own externals, beside the one schedule that the fake environment has."""
    inventory = load(Path("pipeline.toml"))
    own = next(iter(inventory.schedules.values()))
    services = {"dispatcher-large": inventory.services["dispatcher-large"]}
    return replace(inventory, services=services, schedules={OWN: replace(own, service="dispatcher-large")})


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    made = Environment(tmp_path)
    made.schedules.others = [legacy(TINY), legacy(CLASSIFIER)]
    assert made.deploy(made.image("one")).exit is Exit.DONE
    return made


def listed(env: Environment, declared: Inventory) -> dict[str, Entry]:
    return {each.name: each for each in clockwork.clockwork(env.world(), declared)}


def found(env: Environment, declared: Inventory) -> list[tuple[str, str]]:
    scene = look(env.world(), env.members)
    told = clockwork.clock_findings(env.world(), scene, clockwork.clockwork(env.world(), declared))
    return [(each.id, each.subject) for each in told]


def test_ours_and_the_declared_ones_of_others_are_listed_with_how_they_should_be(
    env: Environment, declared: Inventory
) -> None:
    told = {each.name: (each.whose, each.state, each.should) for each in listed(env, declared).values()}

    assert told == {
        OWN: (Whose.OURS, ScheduleState.ENABLED, ScheduleState.ENABLED),
        TINY: (Whose.EXTERNAL, ScheduleState.ENABLED, ScheduleState.DISABLED),
        CLASSIFIER: (Whose.EXTERNAL, ScheduleState.ENABLED, ScheduleState.DISABLED),
    }


def test_sync_holds_others_schedules_to_the_declared_state_and_leaves_a_record(
    env: Environment, declared: Inventory
) -> None:
    assert [identity for identity, _ in found(env, declared)].count("external-state-differs") == 2
    tiny = env.schedules.one("default", TINY)

    ended = clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)

    assert (ended.exit, ended.record and ended.record.kind) == (Exit.DONE, Kind.SCHEDULES)
    assert tiny is not None
    assert env.schedules.one("default", TINY) == replace(tiny, enabled=False)
    assert found(env, declared) == []
    again = clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)
    assert (again.exit, again.record) == (Exit.DONE, None)


def test_a_sync_that_is_killed_at_any_call_is_just_done_again(tmp_path: Path, declared: Inventory) -> None:
    for at in count(1):
        env = Environment(tmp_path)
        env.schedules.others = [legacy(TINY), legacy(CLASSIFIER)]
        assert env.deploy(env.image("one")).exit is Exit.DONE
        faults = Faults(at=at)
        with suppress(Killed):
            clockwork.sync(env.world(faults), env.members, declared, env.asked(), env.tell)
        if len(faults.calls) < at:
            break
        env.wait(4000)

        assert clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell).exit is Exit.DONE
        assert found(env, declared) == []
        assert env.status().findings == ()


def test_a_declared_schedule_that_is_not_there_is_said_and_stops_nobody(env: Environment, declared: Inventory) -> None:
    env.schedules.others = [legacy(TINY)]

    ended = clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)

    assert (ended.exit, [each.id for each in ended.findings]) == (Exit.DONE, ["external-absent"])
    assert found(env, declared) == [("external-absent", f"default/{CLASSIFIER}")]


def test_what_nobody_declared_and_starts_our_tasks_is_named(env: Environment, declared: Inventory) -> None:
    forgotten = replace(
        legacy("forgotten", enabled=True), revision=env.ecs.runs("dispatcher-large") or "", dead_letters=True, retries=0
    )
    elsewhere = legacy("weekly-report")
    env.schedules.others += [forgotten, elsewhere, replace(forgotten, name="a-rule", rule=True)]
    clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)

    assert found(env, declared) == [("second-starter", "default/forgotten"), ("second-starter", "default/a-rule")]


def test_a_schedule_that_starts_a_copy_of_ours_elsewhere_under_another_name_is_named(
    env: Environment, declared: Inventory
) -> None:
    running = env.ecs.definition(env.ecs.runs("dispatcher-large") or "")
    assert running is not None
    copy = env.ecs.register("weekly-report", running.document, {})
    hidden = replace(legacy("weekly-report"), revision=copy, dead_letters=True, retries=0)
    env.schedules.others += [hidden, replace(hidden, name="asleep", enabled=False)]
    clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)

    assert found(env, declared) == [("second-starter", "default/weekly-report")]
    told = {each.name: each.shared for each in clockwork.clockwork(env.world(), declared)}
    assert told["weekly-report"] == told["asleep"] == ("runs our image, of registry/ops",)
    (starter,) = second_starters(clockwork.clockwork(env.world(), declared))
    assert "runs our image" in starter.evidence


def test_a_schedule_is_switched_by_hand_and_the_next_release_does_not_undo_it(
    env: Environment, declared: Inventory
) -> None:
    ended = switch(env, declared, OWN, ScheduleState.DISABLED)
    assert ended is Exit.DONE

    assert env.deploy(env.image("two")).exit is Exit.DONE

    assert not env.schedules.triggers[OWN].enabled
    assert env.schedules.triggers[OWN].revision == env.ecs.runs("dispatcher-large")
    assert switch(env, declared, OWN, ScheduleState.ENABLED) is Exit.DONE
    assert env.schedules.triggers[OWN].enabled
    assert env.status().findings == ()


def test_before_the_first_release_enabling_is_only_written_down(tmp_path: Path, declared: Inventory) -> None:
    env = Environment(tmp_path)
    env.parameters.values[env.names.schedule_state(OWN)] = "DISABLED"

    assert switch(env, declared, OWN, ScheduleState.ENABLED) is Exit.DONE

    assert env.parameters.values[env.names.schedule_state(OWN)] == "ENABLED"
    assert not env.schedules.triggers[OWN].enabled
    assert env.deploy(env.image("one")).exit is Exit.DONE
    assert env.schedules.triggers[OWN].enabled


def test_a_declared_state_is_not_changed_by_hand(env: Environment, declared: Inventory) -> None:
    with pytest.raises(OpsError, match="is declared DISABLED") as refused:
        switch(env, declared, TINY, ScheduleState.ENABLED)

    assert refused.value.exit_code is Exit.USAGE
    assert "pipeline.toml" in refused.value.next_step


def switch(env: Environment, declared: Inventory, name: str, state: ScheduleState) -> Exit:
    each = listed(env, declared)[name]
    return clockwork.switch(
        env.world(), env.members, each, state, why="as the test says", asked=env.asked(), tell=env.tell
    ).exit


@pytest.mark.parametrize(
    ("changed", "identity"),
    [
        ({"revision": "arn:aws:ecs:r:1:task-definition/ops-pipeline-sandbox-dispatcher-large"}, "revision-unpinned"),
        ({"retries": 3}, "stale-retries"),
        ({"dead_letters": False}, "no-dead-letters"),
    ],
)
def test_a_start_that_would_go_wrong_silently_is_found_before_it_does(
    changed: dict[str, object], identity: str
) -> None:
    trigger = Trigger(name="n", group="g", enabled=True, revision="family:3", retries=0, dead_letters=True)
    good = Entry(name="n", group="g", whose=Whose.OURS, should=None, trigger=trigger, revision_there=True)

    assert list(audit([good])) == []
    assert [each.id for each in audit([replace(good, trigger=replace(trigger, **changed))])] == [identity]  # type: ignore[arg-type]
    assert [each.id for each in audit([replace(good, revision_there=False)])] == ["revision-inactive"]
    assert list(audit([replace(good, trigger=replace(trigger, enabled=False, **changed))])) == []  # type: ignore[arg-type]


def test_a_schedule_of_ours_that_the_stack_has_not_made_is_found(env: Environment, declared: Inventory) -> None:
    clockwork.sync(env.world(), env.members, declared, env.asked(), env.tell)
    del env.schedules.triggers[OWN]

    assert found(env, declared) == [("schedule-absent", f"{env.names.schedule_group}/{OWN}")]
