"""Everything that must hold before a deployment: all of it at once, each finding with its evidence and its fix."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from contract.inventory import Inventory, load
from ops.cli.root import ops
from ops.core.lock import Lock
from ops.core.scene import Finding, Severity
from ops.core.seen import Who
from ops.core.surroundings import Refusal, Repository
from ops.errors import Exit
from ops.shell.preflight import Declaration, preflight
from tests.fakes.cluster import Behaviour
from tests.fakes.releases import BEGAN, Environment

SERVICE = "dispatcher-large"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    made = Environment(tmp_path)
    assert made.deploy(made.image("one")).exit is Exit.DONE
    return made


@pytest.fixture
def declared(env: Environment) -> Declaration:
    """The repository's inventory, with the one schedule that the fake environment has."""
    whole = load(Path("pipeline.toml"))
    own = replace(next(iter(whole.schedules.values())), service=SERVICE)
    inventory: Inventory = replace(
        whole,
        services={SERVICE: whole.services[SERVICE]},
        schedules={f"check-{SERVICE}": own},
        external_schedules={},
    )
    return Declaration(members=env.members, inventory=inventory, place=whole.environment("sandbox").place)


def found(env: Environment, declared: Declaration, *, asking: bool = False) -> list[Finding]:
    return list(preflight(env.world(), declared, "token" if asking else None, env.tell))


def ids(findings: list[Finding]) -> list[str]:
    return [each.id for each in findings]


def test_where_everything_holds_nothing_is_found(env: Environment, declared: Declaration) -> None:
    assert found(env, declared) == []


def test_everything_that_is_missing_is_found_at_once(env: Environment, declared: Declaration) -> None:
    env.estate.otherwise = {
        "account": "999999999999",
        "cluster": False,
        "services": (SERVICE, "somebody-elses"),
        "repository": Repository(immutable=False, scans=False, rules=None),
        "log_groups": {},
        "ringing": ("an-alarm",),
    }
    env.control.held = Lock(
        fence=9,
        token="t",
        who=Who(arn="arn:somebody", host="desk"),
        purpose="deploy",
        since=env.clock.now(),
        expires=env.clock.now().replace(year=2027),
    )
    del env.parameters.values[env.names.schedule_state(f"check-{SERVICE}")]

    assert set(ids(found(env, declared))) == {
        "parameter-missing",
        "account-differs",
        "cluster-missing",
        "service-undeclared",
        "log-group-missing",
        "tags-mutable",
        "images-unscanned",
        "no-lifecycle",
        "alarm-ringing",
        "locked",
    }


@pytest.mark.parametrize(
    ("otherwise", "identity", "severity"),
    [
        ({"log_groups": {"/ecs/ops-pipeline/sandbox/dispatcher-large": None}}, "retention-differs", Severity.WARNING),
        ({"repository": None, "repository_there": False}, "repository-missing", Severity.ERROR),
        (
            {"repository": Repository(immutable=True, scans=True, rules=[{"selection": {"tagStatus": "any"}}])},
            "proven-images-expire",
            Severity.ERROR,
        ),
    ],
)
def test_what_is_there_and_not_as_declared_is_found(
    env: Environment, declared: Declaration, otherwise: dict[str, Any], identity: str, severity: Severity
) -> None:
    env.estate.otherwise = otherwise

    (only,) = found(env, declared)

    assert (only.id, only.severity) == (identity, severity)
    assert only.fix


def test_a_question_that_may_not_be_asked_is_neither_yes_nor_no(env: Environment, declared: Declaration) -> None:
    refusal = Refusal(question="iam:GetRole", why="not allowed", fix="allow iam:GetRole to whom you run as")
    env.estate.otherwise = {"roles": None, "refused": (refusal,)}

    (only,) = found(env, declared)

    assert (only.id, only.subject, only.severity) == ("not-asked", "iam:GetRole", Severity.WARNING)


def test_what_stops_a_deployment_stops_it_and_a_warning_does_not(env: Environment) -> None:
    env.estate.otherwise = {"ringing": ("an-alarm",)}
    assert env.deploy(env.image("two")).exit is Exit.DONE

    env.estate.otherwise = {"log_groups": {}}
    ended = env.deploy(env.image("six"))

    assert (ended.exit, ids(list(ended.findings))) == (Exit.FINDINGS, ["log-group-missing"])


def test_what_only_a_task_can_see_is_asked_of_what_runs(env: Environment, declared: Declaration) -> None:
    said = {
        "ok": False,
        "findings": [{"check": "schema", "subject": "revision", "evidence": "at 0003", "fix": "migrate"}],
    }
    behaviour = Behaviour(one_off={"check": 1}, lines=("noise", json.dumps(said)))
    env.ecs.behaviours[env.image("one").digest] = behaviour

    (only,) = found(env, declared, asking=True)

    assert (only.id, only.subject, only.evidence) == ("check-schema", f"{SERVICE}: revision", "at 0003")
    assert env.status().findings == ()


def test_a_check_that_gives_no_answer_is_a_finding(env: Environment, declared: Declaration) -> None:
    env.ecs.behaviours[env.image("one").digest] = Behaviour(
        one_off={"check": 1}, lines=("password authentication failed",)
    )

    (only,) = found(env, declared, asking=True)

    assert only.id == "check-unanswered"
    assert "the database refuses the password" in only.evidence


def test_before_the_first_release_there_is_no_image_to_ask(tmp_path: Path, declared: Declaration) -> None:
    env = Environment(tmp_path)

    assert ids(found(env, declared, asking=True)) == []
    assert "check: not asked" in env.told[-1]


def test_every_problem_of_the_inventory_is_a_finding(tmp_path: Path) -> None:
    text = Path("pipeline.toml").read_text("utf-8").replace("cpu = 256", "cpu = 255").replace("default = true", "", 1)
    file = tmp_path / "pipeline.toml"
    file.write_text(text, "utf-8")

    result = CliRunner().invoke(ops, ["--json", "--config", str(file), "preflight"])

    findings = json.loads(result.stdout)["findings"]
    assert result.exit_code == Exit.FINDINGS
    assert {each["id"] for each in findings} == {"config"}
    assert len(findings) >= 2


def test_a_failed_release_is_told_by_message_twice_and_a_proven_one_is_not(env: Environment) -> None:
    assert env.alerts.sent == []

    assert env.deploy(env.image("bad", Behaviour(starts=False))).exit is Exit.TAKEN_BACK

    failed, back = env.alerts.sent
    assert failed[0] == "sandbox: FAIL, badbad is being taken back"
    assert back[0] == "sandbox: failed and taken back; oneone runs again"
    assert "evidence: " in failed[1]
    last = env.status().last
    assert last is not None
    assert f"deployment {last.id}" in back[1]


def test_a_message_that_cannot_be_sent_is_told_and_stops_no_taking_back(env: Environment) -> None:
    env.alerts.away = True

    assert env.deploy(env.image("bad", Behaviour(starts=False))).exit is Exit.TAKEN_BACK

    assert any(each.startswith("message: not sent") for each in env.told)
    assert env.clock.now() > BEGAN
