"""What a test of the endpoint works with: plain boto3 clients, images it makes and pushes, and a way to wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped] # it ships no types
from botocore.config import Config

from sandbox import aws as endpoint
from sandbox.aws.images import Description, Image, Layer, assemble, push

T = TypeVar("T")
REGION = "us-west-2"
KEYS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
_POLL_SECONDS = 0.02


def eventually(look: Callable[[], T], seconds: float = 60) -> T:
    """The first true thing `look` sees, looking again and again until the deadline; then the failure shows the last."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, f"not seen within {seconds} s: {look}; last: {seen!r}"
        time.sleep(_POLL_SECONDS)
    return seen


@dataclass
class World:
    """The endpoint and its clients."""

    aws: endpoint.Aws
    folder: Path
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, name: str) -> Any:
        if name not in self.clients:
            self.clients[name] = boto3.client(
                name,
                endpoint_url=self.aws.url,
                region_name=REGION,
                **KEYS,
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self.clients[name]

    def repository(self, name: str = "app", **more: Any) -> str:
        created = self.client("ecr").create_repository(repositoryName=name, **more)
        return str(created["repository"]["repositoryUri"])

    @property
    def token(self) -> str:
        answer = self.client("ecr").get_authorization_token()
        return str(answer["authorizationData"][0]["authorizationToken"])

    def image(self, program: str, **description: Any) -> Image:
        """An image whose entrypoint runs this Python text as `python -m worker`."""
        lib = self.folder / "lib"
        lib.mkdir(exist_ok=True)
        (lib / "worker.py").write_text(program, encoding="utf-8")
        given = {
            "entrypoint": ("python", "-m", "worker"),
            "environment": {"PYTHONPATH": "/app/lib", "PYTHONUNBUFFERED": "1"},
        } | description
        return assemble([Layer(lib, "/app/lib")], Description(**given))

    def pushed(self, program: str, tag: str = "v1", repository: str = "app", **description: Any) -> str:
        """Make, push, and name the image by digest."""
        known = self.client("ecr").describe_repositories()["repositories"]
        uris = {row["repositoryName"]: row["repositoryUri"] for row in known}
        uri = uris.get(repository) or self.repository(repository)
        return f"{uri}@{push(self.image(program, **description), uri, tag, self.token)}"

    def cluster(self, name: str = "main", group: str = "/app") -> str:
        self.client("ecs").create_cluster(clusterName=name)
        self.client("logs").create_log_group(logGroupName=group)
        return name

    def definition(self, image: str, family: str = "worker", volumes: tuple[str, ...] = (), **container: Any) -> str:
        row = {
            "name": "main",
            "image": image,
            "essential": True,
            "stopTimeout": 5,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/app", "awslogs-region": REGION, "awslogs-stream-prefix": "p"},
            },
        } | container
        answer = self.client("ecs").register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[row],
            volumes=[{"name": each} for each in volumes],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def run(self, definition: str, **more: Any) -> str:
        answer = self.client("ecs").run_task(cluster="main", taskDefinition=definition, launchType="FARGATE", **more)
        return str(answer["tasks"][0]["taskArn"])

    def task(self, arn: str) -> dict[str, Any]:
        (row,) = self.client("ecs").describe_tasks(cluster="main", tasks=[arn])["tasks"]
        return dict(row)

    def stopped(self, arn: str, seconds: float = 15) -> dict[str, Any]:
        eventually(lambda: self.task(arn)["lastStatus"] == "STOPPED", seconds)
        return self.task(arn)

    def lines(self, arn: str, group: str = "/app", stream: str = "p/main") -> list[str]:
        name = f"{stream}/{arn.rsplit('/', 1)[-1]}"
        answer = self.client("logs").get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)
        return [row["message"] for row in answer["events"]]

    def service(self, name: str = "worker") -> dict[str, Any]:
        (row,) = self.client("ecs").describe_services(cluster="main", services=[name])["services"]
        return dict(row)

    def serve(self, definition: str, name: str = "worker", **more: Any) -> dict[str, Any]:
        answer = self.client("ecs").create_service(
            cluster="main",
            serviceName=name,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            **({"desiredCount": 1} | more),
        )
        return dict(answer["service"])

    def settled(self, name: str = "worker", seconds: float = 20) -> dict[str, Any]:
        """The service once it is steady, with one deployment."""

        def steady() -> bool:
            row = self.service(name)
            (first, *others) = row["deployments"]
            return not others and first["rolloutState"] == "COMPLETED" and row["runningCount"] == row["desiredCount"]

        eventually(steady, seconds)
        return self.service(name)
