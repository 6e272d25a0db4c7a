"""Releases against the local AWS endpoint: real requests, real tasks, real log streams. No decision is stubbed."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from contract.inventory import read
from contract.names import CONTAINER, NOT_RELEASED, Names, verified_tag
from contract.verification import RuleSet
from ops.aws.control import ControlTable
from ops.aws.ecr import EcrImages
from ops.aws.ecs import EcsCluster
from ops.aws.identity import who
from ops.aws.logs import CloudWatchLogs
from ops.aws.parameters import SsmParameters
from ops.aws.schedules import AwsSchedules
from ops.aws.session import Aws, Call
from ops.cli.root import ops as command
from ops.clock import SystemClock
from ops.core.member import Member
from ops.core.release import Image
from ops.core.standing import Condition, Standing, standing
from ops.errors import Exit
from ops.shell.deploy import Order, deploy
from ops.shell.ending import Ending
from ops.shell.observe import look
from ops.shell.proving import prover
from ops.shell.rollback import Return, preview, roll_back
from ops.world import Asked, World
from sandbox import aws as endpoint
from sandbox.aws.images import Description, Layer, assemble, push

pytestmark = pytest.mark.world

SERVICE = "dispatcher-large"
SCHEDULE = "preopen-check"
NAMES = Names("sandbox")
MEMBER = Member(name=SERVICE, rules="quick", schedules=(SCHEDULE,))
PROGRAM = """
import json, sys, time
from datetime import datetime, timezone
command = sys.argv[1]
if command != "run":
    print(json.dumps({"command": command, "ok": True}))
    sys.exit(0)
for line in {before!r}:
    print(line, flush=True)
while True:
    now = datetime.now(timezone.utc).isoformat()
    print(json.dumps({"ts": now, "event": "heartbeat", "build": {name!r}}), flush=True)
    time.sleep(0.2)
"""
RULES = """
[environments.sandbox]
default = true
kind = "sandbox"
account_numbers = {}

[accounts]

[verification.quick]
soak_seconds = 1

[verification.quick.require.alive]
match = { text = "heartbeat" }
times = 3
why = "Liveness is output."

[verification.quick.forbid.sub-penny]
match = { text = "sub-penny increment" }
why = "The broker refuses prices off the tick."
"""


@dataclass
class Site:
    """An environment as its stacks leave it, and what a person does to it."""

    aws: Aws
    folder: Path
    world: World
    rules: dict[str, RuleSet]

    def ask(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        return self.aws.ask(Call(service, operation, request))

    def image(self, name: str, *before: str, program: str | None = None) -> Image:
        """An image in the registry, whose service says these lines first."""
        lib = self.folder / name
        lib.mkdir()
        text = program or PROGRAM.replace("{before!r}", repr(before)).replace("{name!r}", repr(name))
        (lib / "worker.py").write_text(text, encoding="utf-8")
        described = Description(
            entrypoint=("python", "-m", "worker"),
            environment={"PYTHONPATH": "/app/lib", "PYTHONUNBUFFERED": "1"},
        )
        images = EcrImages(self.aws, NAMES.repository)
        token = self.ask("ecr", "GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
        digest = push(assemble([Layer(lib, "/app/lib")], described), images.uri(), name, token)
        return Image(repository=images.uri(), tag=name, digest=digest, git=name * 10)

    def deploy(self, image: Image, meanwhile: Mapping[str, Callable[[], object]] | None = None) -> Ending:
        """Deploy; when a step of that name begins, something else happens."""
        order = Order(members=(MEMBER,), asked=self._asked(), evidence=self.folder / "evidence")
        happens = dict(meanwhile or {})

        def tell(step: str, detail: str) -> None:
            print(step, detail)  # noqa: T201 - shown when the test fails
            happens.pop(step, lambda: None)()

        return deploy(self.world, order, build=lambda: image, prove=self._prove(), tell=tell)

    def roll_back(self) -> Ending:
        wanted = Return(members=(MEMBER,), asked=self._asked(), evidence=self.folder / "evidence")
        return roll_back(self.world, wanted, self._prove(), print)

    def status(self) -> Standing:
        return standing(look(self.world, (MEMBER,)), NAMES)

    def _prove(self) -> Any:
        return prover(self.world, CloudWatchLogs(self.aws), self.rules, patience=8)

    def _asked(self) -> Asked:
        return Asked(who=who(self.aws, {}), token=f"test-{id(object())}", settle_seconds=30, task_seconds=30)

    # ------------------------------------------------------------------------------------- what the stacks would make

    def stand_up(self) -> None:
        self.ask("ecr", "CreateRepository", repositoryName=NAMES.repository)
        self.ask("logs", "CreateLogGroup", logGroupName=NAMES.log_group(SERVICE))
        self.ask("ecs", "CreateCluster", clusterName=NAMES.cluster)
        self._table()
        template = self._template()
        self._service(template)
        self._schedule(template)
        parameters = self.world.parameters
        parameters.create(NAMES.running(SERVICE), NOT_RELEASED, "what runs")
        parameters.create(NAMES.schedule_revision(SCHEDULE), NOT_RELEASED, "what is started")
        parameters.create(NAMES.schedule_state(SCHEDULE), "ENABLED", "whether")

    def _table(self) -> None:
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        self.ask(
            "dynamodb",
            "CreateTable",
            TableName=NAMES.control_table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )

    def _template(self) -> str:
        options = {
            "awslogs-group": NAMES.log_group(SERVICE),
            "awslogs-region": self.aws.region,
            "awslogs-stream-prefix": NAMES.stream_prefix(SERVICE),
        }
        secret = self.ask("secretsmanager", "CreateSecret", Name=NAMES.database_secret, SecretString='{"password":"x"}')
        container = {
            "name": CONTAINER,
            "image": f"{EcrImages(self.aws, NAMES.repository).uri()}:unreleased",
            "essential": True,
            "command": ["run"],
            "stopTimeout": 2,
            "environment": [{"name": "TRADING_LIMITS_LARGE", "value": "{}"}],
            "secrets": [{"name": "DATABASE_PASSWORD", "valueFrom": f"{secret['ARN']}:password::"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        registered = self.ask(
            "ecs",
            "RegisterTaskDefinition",
            family=NAMES.template_family(SERVICE),
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        return str(registered["taskDefinition"]["taskDefinitionArn"])

    def _service(self, template: str) -> None:
        breaker = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 2}}
        self.ask(
            "ecs",
            "CreateService",
            cluster=NAMES.cluster,
            serviceName=SERVICE,
            taskDefinition=template,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            deploymentConfiguration={"deploymentCircuitBreaker": breaker},
        )

    def _schedule(self, template: str) -> None:
        self.ask("scheduler", "CreateScheduleGroup", Name=NAMES.schedule_group)
        target = {
            "Arn": f"arn:aws:ecs:{self.aws.region}:123456789012:cluster/{NAMES.cluster}",
            "RoleArn": "arn:aws:iam::123456789012:role/starter",
            "Input": '{"containerOverrides": []}',
            "EcsParameters": {"TaskDefinitionArn": template, "LaunchType": "FARGATE", "TaskCount": 1},
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 300},
        }
        self.ask(
            "scheduler",
            "CreateSchedule",
            GroupName=NAMES.schedule_group,
            Name=SCHEDULE,
            ScheduleExpression="cron(0 9 ? * MON-FRI *)",
            ScheduleExpressionTimezone="America/New_York",
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
            Target=target,
        )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pace = endpoint.Pace(steady=0.3, bake=0.1, restart=0.05, restart_most=0.2, schedules=5)
    with endpoint.running(tasks=endpoint.Tasks.PROCESSES, pace=pace) as running:
        aws = Aws(endpoint_url=running.url, region=running.settings.region)
        world = World(
            names=NAMES,
            ecs=EcsCluster(aws, NAMES),
            images=EcrImages(aws, NAMES.repository),
            parameters=SsmParameters(aws, NAMES.environment),
            control=ControlTable(aws, NAMES.control_table),
            schedules=AwsSchedules(aws, NAMES.schedule_group),
            logs=CloudWatchLogs(aws),
            clock=_Fast(),
        )
        made = Site(aws, tmp_path, world, dict(read(RULES).verification))
        made.stand_up()
        yield made


class _Fast(SystemClock):
    """The real clock, looking more often."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.15))


def test_a_release_its_successor_a_broken_one_a_dying_one_and_the_way_back(site: Site) -> None:
    first = site.deploy(site.image("one"))
    assert (first.exit, site.status().findings) == (Exit.DONE, ())
    one = site.status().services[0].revision

    assert site.deploy(site.image("two")).exit is Exit.DONE
    two = site.status()
    assert (two.release and two.release.tag, two.services[0].as_built, two.findings) == ("two", True, ())

    broken = site.deploy(site.image("bad", "invalid take_profit.limit_price 699.7462: sub-penny increment"))
    assert (broken.exit, site.status().services[0].revision) == (Exit.TAKEN_BACK, two.services[0].revision)
    assert broken.record is not None
    assert "sub-penny" in (Path(broken.record.evidence) / f"{SERVICE}.txt").read_text("utf-8")

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


def the_verbs_tell_it(site: Site) -> None:
    """What stands is told by each verb as one JSON object, and by its exit code."""
    (site.folder / "pipeline.toml").write_text(Path("pipeline.toml").read_text("utf-8"), encoding="utf-8")

    def ops(*words: str) -> tuple[int, Any]:
        options = [
            "--config",
            str(site.folder / "pipeline.toml"),
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
    assert ops("preflight") == (0, {"findings": []})
    assert ops("status", "--repair")[0] == 0
    code, plan = ops("rollback", "--plan")
    assert (code, plan["to"], plan["deployable"]) == (1, None, False)
    code, plan = ops("rollback", "--plan", "--to", "two")
    assert (code, plan["to"]["tag"], plan["deployable"]) == (0, "two", True)
    assert plan.keys() >= {"from", "to", "reason", "changes", "deployable"}


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
