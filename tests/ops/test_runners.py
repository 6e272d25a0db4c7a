"""Second runners: told by what their task definition shares with ours, named with what starts them."""

from pathlib import Path
from typing import Any

import pytest

from contract.names import Names
from ops.core.runners import kinship
from ops.core.scene import Finding
from ops.core.seen import TaskDefinition
from ops.errors import Exit
from tests.fakes.releases import Environment

NAMES = Names("lab")
REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
OURS = f"{REGISTRY}/{NAMES.repository}"
SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:"
KEYS = f"{SECRET}{NAMES.broker_secret('large')}-Ab12Cd"
SERVICE = "dispatcher-large"


def definition(family: str, *containers: dict[str, Any]) -> TaskDefinition:
    document = {"containerDefinitions": list(containers)}
    arn = f"arn:aws:ecs:us-west-2:123456789012:task-definition/{family}:1"
    return TaskDefinition(arn=arn, family=family, active=True, document=document)


KIN = kinship(
    NAMES,
    {SERVICE: ("large",), "positions-large": ("large",)},
    [definition(NAMES.template_family(SERVICE), {"name": "dispatcher", "image": f"{OURS}:unreleased"})],
)


@pytest.mark.parametrize(
    ("container", "shared"),
    [
        ({"image": f"{OURS}@sha256:1"}, (f"runs our image, of {OURS}",)),
        ({"image": f"{OURS}:one"}, (f"runs our image, of {OURS}",)),
        ({"image": OURS}, (f"runs our image, of {OURS}",)),
        ({"image": f"{OURS}-old:one"}, ()),
        ({"image": f"127.0.0.1:5000/{NAMES.repository}:one"}, ()),
        ({"secrets": [{"name": "K", "valueFrom": KEYS}]}, ("is given the keys of account large",)),
        ({"secrets": [{"name": "K", "valueFrom": f"{KEYS}:api_key::"}]}, ("is given the keys of account large",)),
        ({"secrets": [{"name": "K", "valueFrom": KEYS[: -len("-Ab12Cd")]}]}, ("is given the keys of account large",)),
        ({"secrets": [{"name": "K", "valueFrom": f"{SECRET}{NAMES.broker_secret('large-old')}-Ab12Cd"}]}, ()),
        ({"secrets": [{"name": "K", "valueFrom": f"{SECRET}{NAMES.database_secret}-Ab12Cd"}]}, ()),
        ({"image": "redis:7"}, ()),
    ],
)
def test_a_copy_is_told_by_our_image_or_by_our_keys_whatever_its_family_and_its_container_are_called(
    container: dict[str, Any], shared: tuple[str, ...]
) -> None:
    copy = definition("legacy", {"name": "sidecar", "image": "redis:7"}, {"name": "main", **container})

    assert KIN.of(copy, copy.arn) == shared


def test_our_own_families_are_told_by_name_though_their_revision_is_gone() -> None:
    assert KIN.of(None, NAMES.family(SERVICE)) == (f"is of the family of {SERVICE}",)
    assert KIN.of(None, f"{NAMES.template_family(SERVICE)}:9") == (f"is of the family of {SERVICE}",)
    assert KIN.of(None, "ops-pipeline-classifier:1") == ()


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    """The release `one` runs, proven."""
    made = Environment(tmp_path)
    assert made.deploy(made.image("one")).exit is Exit.DONE
    return made


def copied(env: Environment, family: str, **instead: Any) -> str:
    """Our running revision registered under another name, with another image or other secrets; its ARN."""
    running = env.ecs.definition(env.ecs.runs(SERVICE) or "")
    assert running is not None
    (container,) = running.document["containerDefinitions"]
    return env.ecs.register(family, {**running.document, "containerDefinitions": [{**container, **instead}]}, {})


def named(env: Environment) -> Finding:
    """The one finding, which says what was seen and what to do."""
    (found,) = env.status().findings
    assert found.evidence
    assert found.fix
    return found


@pytest.mark.parametrize(
    ("by", "starter", "fix"),
    [
        ("chronos-schedule/old", "chronos-schedule/old, a schedule", "ops schedules disable old"),
        ("", "hand", "aws ecs stop-task"),
        ("someone's script", "someone's script", "find out who starts it"),
    ],
)
def test_a_task_of_our_family_that_no_release_started_is_named(
    env: Environment, by: str, starter: str, fix: str
) -> None:
    env.ecs.someone_starts(env.names.family(SERVICE), by)

    found = named(env)

    assert (found.id, found.subject) == ("duplicate-runner", SERVICE)
    assert f"started by {starter}" in found.evidence
    assert fix in found.fix


def test_a_copy_under_another_familys_name_is_named_by_the_image_it_runs(env: Environment) -> None:
    copied(env, "legacy-dispatcher")
    env.ecs.someone_starts("legacy-dispatcher", "")

    found = named(env)

    assert (found.id, found.subject) == ("duplicate-runner", "legacy-dispatcher")
    assert "runs our image, of registry/ops" in found.evidence


def test_another_image_with_the_keys_of_our_account_is_named(env: Environment) -> None:
    keys = {"name": "KEYS", "valueFrom": f"{SECRET}{env.names.broker_secret('large')}-Ab12Cd"}
    copied(env, "bot", image="somebody/bot@sha256:1", secrets=[keys])
    env.ecs.someone_starts("bot", "")

    assert "is given the keys of account large" in named(env).evidence


def test_a_second_service_is_named_once_with_its_tasks_and_also_while_none_of_them_runs(env: Environment) -> None:
    copy = copied(env, "legacy-dispatcher")
    env.ecs.someone_serves("legacy", copy)
    starting = named(env)
    env.wait(60)

    running = named(env)

    assert (starting.id, starting.subject) == (running.id, running.subject) == ("duplicate-service", "legacy")
    assert "tasks: none now" in starting.evidence
    assert "tasks: task" in running.evidence
    assert "--service legacy --desired-count 0" in running.fix


def test_a_second_service_that_is_to_run_nothing_is_no_second_runner(env: Environment) -> None:
    env.ecs.someone_serves("legacy", copied(env, "legacy-dispatcher"), desired=0)
    env.wait(60)

    assert env.status().findings == ()


def test_what_others_run_in_the_cluster_is_none_of_our_business(env: Environment) -> None:
    other = copied(env, "web", image="somebody/web@sha256:1", secrets=[])
    env.ecs.someone_serves("web", other)
    env.ecs.someone_starts("web", "")
    env.wait(60)

    assert env.status().findings == ()
