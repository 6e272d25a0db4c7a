"""An environment in the local AWS endpoint, as its stacks leave it: what tests of releases stand on."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contract import environment
from contract.inventory import read
from contract.names import CONTAINER, NOT_RELEASED, Names
from contract.verification import RuleSet
from ops.aws.ecr import EcrImages
from ops.aws.identity import who
from ops.aws.logs import CloudWatchLogs
from ops.aws.session import Aws, Call
from ops.cli.bench import aws_world
from ops.clock import SystemClock
from ops.core.member import Member
from ops.core.release import Image
from ops.core.standing import Standing, standing
from ops.processes import is_dead, own_token
from ops.shell.deploy import Order, deploy
from ops.shell.ending import Ending
from ops.shell.observe import look
from ops.shell.proving import prover
from ops.shell.rollback import Return, roll_back
from ops.world import Asked, World
from sandbox import aws as endpoint
from sandbox.aws.images import Description, Layer, assemble, push
from tests.inventories import serving, without

SERVICE = "dispatcher-large"
SCHEDULE = "preopen-check"
ACCOUNT = "large"
PASSWORD, KEYS = environment.DATABASE_PASSWORD.name, environment.broker_secret(ACCOUNT).name
SECRET = {PASSWORD, KEYS}
NAMES = Names("sandbox")
MEMBER = Member(name=SERVICE, rules="quick", accounts=(ACCOUNT,), schedules=(SCHEDULE,))
PROGRAM = """
import json, sys, time
from datetime import datetime, timezone
command = sys.argv[1]
if command != "run":
    print(json.dumps({"command": command, "ok": True, "findings": []}))
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
    environ: Mapping[str, str] = field(default_factory=lambda: {"TRADING_LIMITS_LARGE": "{}"})
    """What the service's tasks are given; passwords and keys by way of secrets."""

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
            print(step, detail, flush=True)  # noqa: T201 - shown when the test fails, and read by who kills
            happens.pop(step, lambda: None)()

        return deploy(self.world, order, build=lambda: image, prove=self._prove(), tell=tell)

    def roll_back(self) -> Ending:
        wanted = Return(members=(MEMBER,), asked=self._asked(), evidence=self.folder / "evidence")
        return roll_back(self.world, wanted, self._prove(), print)

    def inventory(self) -> Path:
        """The repository's own inventory, cut to the service and the schedule that stand here."""
        file = self.folder / "pipeline.toml"
        file.write_text(without("schedules.iv-snapshot", serving(SERVICE)), encoding="utf-8")
        return file

    def status(self) -> Standing:
        """As the verb tells it: the lock of a process that is no more holds nothing."""
        scene = look(self.world, (MEMBER,))
        dead = scene.lock is not None and is_dead(scene.lock)
        return standing(replace(scene, lock=None) if dead else scene, NAMES)

    def _prove(self) -> Any:
        return prover(self.world, CloudWatchLogs(self.aws), self.rules, patience=8)

    def _asked(self) -> Asked:
        return Asked(who=who(self.aws, {}), token=own_token(), dead=is_dead, settle_seconds=30, task_seconds=30)

    # ------------------------------------------------------------------------------------- what the stacks would make

    def stand_up(self) -> None:
        self._repository()
        self.ask("logs", "CreateLogGroup", logGroupName=NAMES.log_group(SERVICE))
        self.ask("logs", "PutRetentionPolicy", logGroupName=NAMES.log_group(SERVICE), retentionInDays=7)
        self.ask("sns", "CreateTopic", Name=NAMES.alerts)
        self.ask("ecs", "CreateCluster", clusterName=NAMES.cluster)
        self._table()
        template = self._template()
        self._service(template)
        self._schedule(template)
        parameters = self.world.parameters
        parameters.create(NAMES.running(SERVICE), NOT_RELEASED, "what runs")
        parameters.create(NAMES.schedule_revision(SCHEDULE), NOT_RELEASED, "what is started")
        parameters.create(NAMES.schedule_state(SCHEDULE), "ENABLED", "whether")

    def _repository(self) -> None:
        self.ask(
            "ecr",
            "CreateRepository",
            repositoryName=NAMES.repository,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
        )
        keep = {"tagStatus": "tagged", "tagPrefixList": ["verified-"], "countType": "imageCountMoreThan"}
        rule = {"rulePriority": 1, "selection": {**keep, "countNumber": 999}, "action": {"type": "expire"}}
        policy = json.dumps({"rules": [rule]})
        self.ask("ecr", "PutLifecyclePolicy", repositoryName=NAMES.repository, lifecyclePolicyText=policy)

    def _subnet(self) -> str:
        vpc = self.ask("ec2", "CreateVpc", CidrBlock="10.73.0.0/20")["Vpc"]["VpcId"]
        return str(self.ask("ec2", "CreateSubnet", VpcId=vpc, CidrBlock="10.73.0.0/24")["Subnet"]["SubnetId"])

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
        container = {
            "name": CONTAINER,
            "image": f"{EcrImages(self.aws, NAMES.repository).uri()}:unreleased",
            "essential": True,
            "command": ["run"],
            "stopTimeout": 2,
            "environment": [{"name": name, "value": self.environ[name]} for name in self.environ if name not in SECRET],
            "secrets": self._secrets(),
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

    def _secrets(self) -> list[dict[str, str]]:
        """Where a task gets what is secret: the database's password, and the account's keys where there are any."""
        password = json.dumps({"password": self.environ.get(PASSWORD, "x")})
        secret = self.ask("secretsmanager", "CreateSecret", Name=NAMES.database_secret, SecretString=password)
        given = [{"name": PASSWORD, "valueFrom": f"{secret['ARN']}:password::"}]
        if KEYS in self.environ:
            text = self.environ[KEYS]
            keys = self.ask("secretsmanager", "CreateSecret", Name=NAMES.broker_secret(ACCOUNT), SecretString=text)
            given.append({"name": KEYS, "valueFrom": keys["ARN"]})
        return given

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
            networkConfiguration={"awsvpcConfiguration": {"subnets": [self._subnet()]}},
            deploymentConfiguration={"deploymentCircuitBreaker": breaker},
        )

    def _schedule(self, template: str) -> None:
        self.ask("scheduler", "CreateScheduleGroup", Name=NAMES.schedule_group)
        target = {
            "Arn": f"arn:aws:ecs:{self.aws.region}:123456789012:cluster/{NAMES.cluster}",
            "RoleArn": "arn:aws:iam::123456789012:role/starter",
            "Input": json.dumps({"containerOverrides": [{"name": CONTAINER, "command": ["check", "--json"]}]}),
            "EcsParameters": {"TaskDefinitionArn": template, "LaunchType": "FARGATE", "TaskCount": 1},
            "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{self.aws.region}:123456789012:{NAMES.dead_letters}"},
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


@contextmanager
def standing_site(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Site]:
    """The endpoint with the environment in it, for the length of a `with` block; `environ` is what its tasks get."""
    pace = endpoint.Pace(steady=0.3, bake=0.1, restart=0.05, restart_most=0.2, schedules=0.2)
    with endpoint.running(tasks=endpoint.Tasks.PROCESSES, pace=pace) as running:
        made = site_at(running.url, running.settings.region, folder)
        made.environ = environ or made.environ
        made.stand_up()
        yield made


def site_at(url: str, region: str, folder: Path) -> Site:
    """The environment in an endpoint that runs already, perhaps in another process."""
    aws = Aws(endpoint_url=url, region=region)
    world = replace(aws_world(aws, NAMES), clock=_Fast())
    return Site(aws, folder, world, dict(read(RULES).verification))


class _Fast(SystemClock):
    """The real clock, looking more often."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.15))
