"""Releases against the local AWS endpoint: real requests, real tasks, real log streams. No decision is stubbed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from contract.inventory import read
from contract.names import NOT_RELEASED, verified_tag
from ops.cli.root import ops as command
from ops.core.standing import Condition
from ops.errors import Exit
from ops.shell.rollback import preview
from sandbox.inherited import inherited
from tests.ops.endpoint_site import MEMBER, NAMES, PROGRAM, RULES, SERVICE, Site

pytestmark = pytest.mark.world


def test_a_release_its_successor_a_broken_one_a_dying_one_and_the_way_back(site: Site) -> None:
    first = site.deploy(site.image("one"))
    assert (first.exit, site.status().findings) == (Exit.DONE, ())
    one = site.status().services[0].revision

    assert site.deploy(site.image("two")).exit is Exit.DONE
    two = site.status()
    assert (two.release and two.release.tag, two.services[0].as_built, two.findings) == ("two", True, ())

    hear = listening(site)
    broken = site.deploy(site.image("bad", "invalid take_profit.limit_price 699.7462: sub-penny increment"))
    assert (broken.exit, site.status().services[0].revision) == (Exit.TAKEN_BACK, two.services[0].revision)
    assert broken.record is not None
    assert "sub-penny" in (Path(broken.record.evidence) / f"{SERVICE}.txt").read_text("utf-8")
    messages = hear()
    assert [each["Subject"] for each in messages] == [
        "sandbox: FAIL, badbadbadbad is being taken back",
        "sandbox: failed and taken back; twotwotwotwo runs again",
    ]
    assert "evidence: " in messages[0]["Message"]

    dying = site.deploy(site.image("dying", program="import sys; sys.exit(3 if sys.argv[1] == 'run' else 0)"))
    assert dying.exit is Exit.TAKEN_BACK
    assert dying.record is not None
    assert "the circuit breaker" in dying.record.reasons[0]

    assert preview(site.world, (MEMBER,), None).document()["to"]["tag"] == "one"
    assert site.roll_back().exit is Exit.DONE

    back = site.status()
    assert (back.services[0].revision, back.services[0].condition) == (one, Condition.RUNNING)
    assert back.findings == ()
    assert json.loads(site.world.parameters.read((NAMES.release,))[NAMES.release])["tag"] == "one"
    assert site.world.images.digest(verified_tag("one")) is not None
    (schedule,) = site.world.schedules.all()
    assert (schedule.revision, schedule.enabled) == (one, True)
    the_verbs_tell_it(site)


def listening(site: Site) -> Callable[[], list[dict[str, Any]]]:
    """Somebody who has subscribed to the topic; gives the messages that came since."""
    queue = site.ask("sqs", "CreateQueue", QueueName="somebody")["QueueUrl"]
    arn = site.ask("sqs", "GetQueueAttributes", QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = f"arn:aws:sns:{site.aws.region}:123456789012:{NAMES.alerts}"
    site.ask("sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def heard() -> list[dict[str, Any]]:
        messages = site.ask("sqs", "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in messages]

    return heard


def the_verbs_tell_it(site: Site) -> None:
    """What stands is told by each verb as one JSON object, and by its exit code."""
    declared = str(site.inventory())

    def ops(*words: str) -> tuple[int, Any]:
        options = [
            "--config",
            declared,
            "--endpoint-url",
            str(site.aws.endpoint_url),
            "--json",
        ]
        result = CliRunner().invoke(command, [*options, *words])
        return result.exit_code, json.loads(result.stdout)

    code, initialised = ops("init")
    assert (code, initialised["created"], len(initialised["existing"])) == (0, [], 3)
    code, told = ops("status")
    assert (code, told["release"]["tag"], told["proven"], told["findings"]) == (0, "one", True, [])
    code, history = ops("history", "--limit", "3")
    assert [each["outcome"] for each in history["deployments"]] == ["proven", "taken back", "taken back"]
    for request in inherited(site.aws.region, "123456789012"):
        site.ask("scheduler", "CreateSchedule", **request | {"State": "DISABLED"})
    code, found = ops("preflight")
    assert (code, found["findings"]) == (0, [])
    assert ops("status", "--repair")[0] == 0
    code, plan = ops("rollback", "--plan")
    assert (code, plan["to"], plan["deployable"]) == (1, None, False)
    code, plan = ops("rollback", "--plan", "--to", "two")
    assert (code, plan["to"]["tag"], plan["deployable"]) == (0, "two", True)
    assert plan.keys() >= {"from", "to", "reason", "changes", "deployable"}


def test_a_task_that_dies_after_its_release_has_settled_fails_it_and_the_next_deploy_ends_well(site: Site) -> None:
    assert site.deploy(site.image("one")).exit is Exit.DONE
    one = site.status().services[0].revision
    site.rules = dict(read(RULES.replace("soak_seconds = 1", "soak_seconds = 6")).verification)
    mortal = (
        PROGRAM.replace("{before!r}", "[]").replace("{name!r}", "'mortal'") + "    sys.exit(3) if beats > 12 else None"
    )
    mortal = mortal.replace("while True:", "beats = 0\nwhile True:\n    beats += 1")

    ended = site.deploy(site.image("mortal", program=mortal))

    assert (ended.exit, site.status().services[0].revision) == (Exit.TAKEN_BACK, one)
    assert ended.record is not None
    assert "died: EssentialContainerExited" in ended.record.reasons[0]
    assert "exit code 3" in ended.record.reasons[0]
    assert site.status().findings == ()
    assert site.deploy(site.image("two")).exit is Exit.DONE


def test_a_digest_that_is_not_the_one_built_is_stopped_before_any_service_is_touched(site: Site) -> None:
    """The original's defect: a tag was pushed again by somebody else, and what ran was not what had been built."""
    built = site.image("one")

    def overwrite() -> None:
        site.ask("ecr", "PutImageTagMutability", repositoryName=NAMES.repository, imageTagMutability="MUTABLE")
        (site.folder / "one").rename(site.folder / "was-one")
        assert site.image("one", "somebody else's").digest != built.digest

    ended = site.deploy(built, {"build": overwrite})

    assert (ended.exit, ended.record and ended.record.to) == (Exit.NOT_DONE, None)
    assert "not the one that was built" in ended.message
    assert ended.record is not None
    assert built.digest in ended.record.reasons[0]
    assert site.status().services[0].condition is Condition.STOPPED


def test_a_first_release_that_dies_is_taken_back_to_nothing(site: Site) -> None:
    ended = site.deploy(site.image("dying", program="import sys; sys.exit(3 if sys.argv[1] == 'run' else 0)"))

    assert ended.exit is Exit.TAKEN_BACK
    assert site.status().services[0].condition is Condition.STOPPED
    assert site.world.parameters.read((NAMES.running(SERVICE),)) == {NAMES.running(SERVICE): NOT_RELEASED}
    assert site.deploy(site.image("one")).exit is Exit.DONE


def test_an_image_that_cannot_check_itself_is_stopped_before_its_service_is_touched(site: Site) -> None:
    text = "import sys\nif sys.argv[1] == 'check': raise ModuleNotFoundError(\"No module named 'pytz'\")"

    ended = site.deploy(site.image("lame", program=text))

    assert ended.exit is Exit.NOT_DONE
    assert ended.record is not None
    assert any("lacks a module" in reason for reason in ended.record.reasons)
    assert site.status().services[0].condition is Condition.STOPPED


def test_a_secret_without_its_key_an_image_that_is_gone_and_somebody_elses_deployment(site: Site) -> None:
    assert site.deploy(site.image("one")).exit is Exit.DONE
    one = site.status().services[0].revision

    gone = site.image("gone")
    ids = [{"imageDigest": gone.digest}]
    deleted = site.deploy(
        gone,
        {
            f"migrate {SERVICE}": lambda: site.ask(
                "ecr", "BatchDeleteImage", repositoryName=NAMES.repository, imageIds=ids
            )
        },
    )
    assert deleted.exit is Exit.NOT_DONE
    assert deleted.record is not None
    assert "suspected: the image cannot be pulled" in " ".join(deleted.record.reasons)

    def put_key(key: str) -> None:
        text = json.dumps({key: "x"})
        site.ask("secretsmanager", "PutSecretValue", SecretId=NAMES.database_secret, SecretString=text)

    keyless = site.deploy(site.image("keyless"), {f"update {SERVICE}": lambda: put_key("other")})
    assert (keyless.exit, site.status().services[0].revision) == (Exit.TAKEN_BACK, one)
    assert keyless.record is not None
    assert "a secret is missing" in (Path(keyless.record.evidence) / f"{SERVICE}.txt").read_text("utf-8")
    put_key("password")

    def supersede() -> None:
        site.world.ecs.update(SERVICE, revision=one, desired=None)

    assert site.deploy(site.image("two"), {f"settle {SERVICE}": supersede}).exit is Exit.SUPERSEDED
    assert site.deploy(site.image("three")).exit is Exit.DONE
    assert site.status().findings == ()
