"""The dispatcher as a service of the local AWS endpoint, rolled by ECS's own rules: for a measurement.

The service is as the stacks make it: 100/200, a health check, secrets from their store, lines in a log group. The image
holds this checkout's code; what that needs besides is this environment's.
"""

import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3  # type: ignore[import-untyped] # it ships no types

from contract import environment, events
from contract.events import Line
from contract.names import CONTAINER, ENTRY_POINT, SCRATCH
from sandbox.aws import Aws
from sandbox.aws.images import Description, Layer, assemble, push
from sandbox.aws.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[1]
NAME = "dispatcher"
"""There is one of everything: cluster, service, family, repository, log group."""
HEALTH_SECONDS = 5
"""Between two health checks; ECS allows no fewer."""
STOP_SECONDS = 30
PATIENCE_SECONDS = 60.0
_PAUSE = 0.1
_ROOMS = ("contract", "dispatcher")


@dataclass(frozen=True, slots=True)
class Deployed:
    """The service. Its tasks are told apart by their ids, which are the ends of their log streams' names."""

    client: Callable[[str], Any]
    revision: dict[str, Any]
    """What every revision is registered with."""

    @classmethod
    def on(cls, aws: Aws, environ: Mapping[str, str], secrets: frozenset[str]) -> Self:
        """Deploy it and wait until ECS says COMPLETED: a task that is not healthy yet would be stopped at once.

        `environ` is what its tasks are given, and `secrets` names those that come from their store.

        Raises:
            TimeoutError: ECS does not say so.
        """
        client = _clients(aws.settings)
        client("logs").create_log_group(logGroupName=NAME)
        client("ecs").create_cluster(clusterName=NAME)
        plain = {name: value for name, value in environ.items() if name not in secrets}
        stored = [{"name": name, "valueFrom": _stored(client, name, environ[name])} for name in sorted(secrets)]
        made = cls(client, _revision(aws.settings, _image(client), plain, stored))
        asked = client("ecs").create_service(
            cluster=NAME,
            serviceName=NAME,
            taskDefinition=made._register(),
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200},
        )
        made._until_completed(asked)
        return made

    def roll(self) -> None:
        """Ask ECS for the service with a new revision (UpdateService), and wait until it says COMPLETED.

        Raises:
            TimeoutError: it does not.
        """
        self._until_completed(
            self.client("ecs").update_service(cluster=NAME, service=NAME, taskDefinition=self._register())
        )

    def said(self) -> dict[str, list[Line]]:
        """What each task has said, by its id; the first to be started first."""
        streams = self.client("logs").describe_log_streams(logGroupName=NAME)["logStreams"]
        names = [each["logStreamName"] for each in sorted(streams, key=lambda each: each["creationTime"])]
        return {name.rpartition("/")[2]: self._lines(name) for name in names}

    def stopped_at(self, task: str) -> float:
        """When ECS began to stop a task, in epoch seconds."""
        (found,) = self.client("ecs").describe_tasks(cluster=NAME, tasks=[task])["tasks"]
        moment: float = found["stoppingAt"].timestamp()
        return moment

    def _register(self) -> str:
        made = self.client("ecs").register_task_definition(**self.revision)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def _state(self, deployment: str) -> str:
        (service,) = self.client("ecs").describe_services(cluster=NAME, services=[NAME])["services"]
        return str(next(each["rolloutState"] for each in service["deployments"] if each["id"] == deployment))

    def _lines(self, stream: str) -> list[Line]:
        found: list[Line] = []
        place: dict[str, str] = {}
        while True:
            page = self.client("logs").get_log_events(
                logGroupName=NAME, logStreamName=stream, startFromHead=True, **place
            )
            if not page["events"]:
                return found
            found += [events.parse(each["message"]) for each in page["events"]]
            place = {"nextToken": page["nextForwardToken"]}

    def _until_completed(self, asked: Mapping[str, Any]) -> None:
        """Wait for the end of the deployment that ECS began when it was asked."""
        ours = asked["service"]["deployments"][0]["id"]
        until = time.monotonic() + PATIENCE_SECONDS
        while (state := self._state(ours)) != "COMPLETED":
            if time.monotonic() > until:
                last = {task: [line.name for line in lines[-5:]] for task, lines in self.said().items()}
                raise TimeoutError(f"the deployment is {state} after {PATIENCE_SECONDS:g} s; said last: {last}")
            time.sleep(_PAUSE)


def _clients(settings: Settings) -> Callable[[str], Any]:
    """The SDK's client of a service, with nothing that a person has configured."""
    session = boto3.Session("sandbox", "sandbox", region_name=settings.region)
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=settings.url)
        return made[service]

    return client


def _stored(client: Callable[[str], Any], name: str, value: str) -> str:
    """A secret with that value; its ARN."""
    return str(client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"])


def _image(client: Callable[[str], Any]) -> str:
    """An image of this checkout's code in the registry, by its digest."""
    uri = client("ecr").create_repository(repositoryName=NAME)["repository"]["repositoryUri"]
    path = f"/app/lib:{sysconfig.get_path('purelib')}"
    described = Description(ENTRY_POINT, environment={"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"})
    image = assemble([Layer(CHECKOUT / room, f"/app/lib/{room}") for room in _ROOMS], described)
    token = client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return f"{uri}@{push(image, uri, 'measured', token)}"


def _revision(settings: Settings, image: str, plain: Mapping[str, str], stored: list[dict[str, str]]) -> dict[str, Any]:
    options = {"awslogs-group": NAME, "awslogs-region": settings.region, "awslogs-stream-prefix": NAME}
    health = {"command": ["CMD", *ENTRY_POINT, "health"], "interval": HEALTH_SECONDS, "retries": 6, "startPeriod": 60}
    variables = dict(plain) | {environment.HEALTH_FILE.name: f"{SCRATCH}/health"}
    container = {
        "name": CONTAINER,
        "image": image,
        "essential": True,
        "command": ["run"],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        "secrets": stored,
        "stopTimeout": STOP_SECONDS,
        "healthCheck": health,
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": SCRATCH}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    size = {"cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}
    return {"family": NAME, "containerDefinitions": [container], "volumes": [{"name": "scratch"}], **size}
