"""The stacks made for real, in the local endpoint: a stack that is deployed again leaves what was released alone."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped] # it ships no types
import pytest

from contract.names import Names
from infra.declared import Declared
from sandbox.aws.images import Description, Layer, assemble, push
from sandbox.aws.settings import REGION
from tests.infra.standing import Standing, text

pytestmark = pytest.mark.world

SERVICE = "dispatcher-large"
SCHEDULE = "preopen-check"
VOLATILITY = "iv-snapshot"
PATIENCE_SECONDS = 60
# Not the dispatcher: what it does is not asked here, only that it goes on running.
STAND_IN = "import time\nwhile True:\n    time.sleep(1)\n"


BUCKET = "templates"


@dataclass(frozen=True)
class Seen:
    """What must not move by itself."""

    revision: str
    deployment: str
    running: int
    schedule_starts: str
    schedule_state: str


@dataclass(frozen=True)
class Place:
    """The endpoint, the names of the environment in it, and a folder to make images in."""

    url: str
    names: Names
    folder: Path
    _clients: dict[str, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="sandbox",
                aws_secret_access_key="sandbox",
            )
        return self._clients[service]

    def deploy(self, standing: Standing) -> None:
        """Every stack, in order: made, or updated as `cdk deploy` does it, by a change set."""
        for template in standing.templates:
            self._deploy(self.names.stack(template), text(standing.templates[template]))

    def release(self, version: str) -> None:
        """What `ops deploy` does, without its proof: the template's newest revision, with an image."""
        ecs, ssm = self.client("ecs"), self.client("ssm")
        template = ecs.describe_task_definition(taskDefinition=self.names.template_family(SERVICE))["taskDefinition"]
        (container,) = template["containerDefinitions"]
        kept = {key: container[key] for key in ("name", "entryPoint", "command", "essential", "logConfiguration")}
        revision = ecs.register_task_definition(
            family=self.names.family(SERVICE),
            containerDefinitions=[{**kept, "image": self._image(version)}],
            **{key: template[key] for key in ("networkMode", "requiresCompatibilities", "cpu", "memory")},
        )["taskDefinition"]["taskDefinitionArn"]
        ssm.put_parameter(Name=self.names.running(SERVICE), Value=revision, Type="String", Overwrite=True)
        ecs.update_service(cluster=self.names.cluster, service=SERVICE, taskDefinition=revision, desiredCount=1)
        self._until(lambda: self.seen().running == 1 and self._settled())
        ssm.put_parameter(Name=self.names.schedule_revision(SCHEDULE), Value=revision, Type="String", Overwrite=True)

    def seen(self) -> Seen:
        service = self._service()
        schedule = self.client("scheduler").get_schedule(GroupName=self.names.schedule_group, Name=SCHEDULE)
        return Seen(
            revision=_short(service["taskDefinition"]),
            deployment=service["deployments"][0]["id"],
            running=service["runningCount"],
            schedule_starts=_short(schedule["Target"]["EcsParameters"]["TaskDefinitionArn"]),
            schedule_state=schedule["State"],
        )

    def newest_template(self) -> str:
        ecs = self.client("ecs")
        found = ecs.describe_task_definition(taskDefinition=self.names.template_family(SERVICE))["taskDefinition"]
        return _short(found["taskDefinitionArn"])

    def _image(self, version: str) -> str:
        repository = self.client("ecr").describe_repositories(repositoryNames=[self.names.repository])
        uri = repository["repositories"][0]["repositoryUri"]
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        program = self.folder / version / "dispatcher"
        program.mkdir(parents=True)
        (program / "__main__.py").write_text(f"# {version}\n{STAND_IN}", encoding="utf-8")
        image = assemble(
            [Layer(self.folder / version, "/app/lib")],
            Description(entrypoint=("python",), environment={"PYTHONPATH": "/app/lib"}),
        )
        return f"{uri}@{push(image, uri, version, token)}"

    def _service(self) -> dict[str, Any]:
        (found,) = self.client("ecs").describe_services(cluster=self.names.cluster, services=[SERVICE])["services"]
        return dict(found)

    def _settled(self) -> bool:
        deployments = self._service()["deployments"]
        return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

    def _deploy(self, name: str, template: str) -> None:
        stacks = self.client("cloudformation")
        there = [each["StackName"] for each in stacks.describe_stacks()["Stacks"]]
        made = stacks.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{next(self._numbers)}",
            ChangeSetType="UPDATE" if name in there else "CREATE",
            TemplateURL=self._kept(name, template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._until(lambda: self._planned(made["Id"])["Status"] in {"CREATE_COMPLETE", "FAILED"})
        if self._planned(made["Id"])["Status"] == "FAILED":
            assert "didn't contain changes" in self._planned(made["Id"])["StatusReason"]
            return
        stacks.execute_change_set(ChangeSetName=made["Id"])
        self._until(lambda: self._state(name) in {"CREATE_COMPLETE", "UPDATE_COMPLETE"})

    def _kept(self, name: str, template: str) -> str:
        """Where the template is: a change set by itself takes no more than 51,200 bytes."""
        store = self.client("s3")
        if BUCKET not in [each["Name"] for each in store.list_buckets()["Buckets"]]:
            store.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        store.put_object(Bucket=BUCKET, Key=name, Body=template.encode())
        return f"{store.meta.endpoint_url}/{BUCKET}/{name}"

    def _planned(self, change_set: str) -> dict[str, Any]:
        return dict(self.client("cloudformation").describe_change_set(ChangeSetName=change_set))

    def _state(self, name: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        assert "FAILED" not in stack["StackStatus"], stack.get("StackStatusReason")
        assert "ROLLBACK" not in stack["StackStatus"], stack.get("StackStatusReason")
        return str(stack["StackStatus"])

    @staticmethod
    def _until(true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < end, "not seen in time"
            time.sleep(0.1)


def _short(arn: str) -> str:
    return arn.rpartition("/")[2].removeprefix(f"ops-pipeline-sandbox-{SERVICE}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An endpoint of its own, with what `cdk bootstrap` and `ops init` leave behind."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "sandbox.aws", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            next(line for line in running.stdout if line.startswith("aws ready on"))
            found = Place(f"http://127.0.0.1:{port}", Names("sandbox"), tmp_path)
            _initialise(found)
            yield found
        finally:
            running.terminate()
            _end(running)


def _end(running: subprocess.Popen[str]) -> None:
    try:
        running.wait(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()


def _initialise(place: Place) -> None:
    first = {
        "/cdk-bootstrap/hnb659fds/version": "30",
        place.names.running(SERVICE): "none",
        place.names.running("dispatcher-tiny"): "none",
        **{place.names.schedule_revision(each): "none" for each in (SCHEDULE, VOLATILITY)},
        **{place.names.schedule_state(each): "ENABLED" for each in (SCHEDULE, VOLATILITY)},
    }
    for name, value in first.items():
        place.client("ssm").put_parameter(Name=name, Value=value, Type="String")


def test_a_stack_that_is_deployed_again_leaves_a_release_alone(
    place: Place, sandbox: Standing, synthesise: Callable[[Declared], Standing]
) -> None:
    place.deploy(sandbox)
    before = place.seen()
    place.release("v1")
    place.deploy(sandbox)
    place.release("v2")
    released = place.seen()
    place.deploy(sandbox)
    deployed_again = place.seen()
    place.deploy(synthesise(_with_another_limit(sandbox.declared)))
    with_another_limit = place.seen()
    place.client("ssm").put_parameter(
        Name=place.names.schedule_state(SCHEDULE), Value="DISABLED", Type="String", Overwrite=True
    )
    place.deploy(sandbox)
    disabled = place.seen()

    assert (before.revision, before.running) == ("-template:1", 0)
    assert (before.schedule_starts, before.schedule_state) == ("-template", "DISABLED")
    assert (released.revision, released.running) == (":2", 1)
    assert (released.schedule_starts, released.schedule_state) == (":1", "ENABLED")
    assert deployed_again == replace(released, schedule_starts=":2")
    assert with_another_limit == deployed_again
    assert place.newest_template() != "-template:1"
    assert disabled == replace(deployed_again, schedule_state="DISABLED")


def _with_another_limit(declared: Declared) -> Declared:
    limits = declared.accounts["large"]
    return replace(
        declared, accounts={**declared.accounts, "large": replace(limits, max_recommendation_age_seconds=17)}
    )
