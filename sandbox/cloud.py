"""The AWS endpoint as a rehearsal sees it: started as a program, and asked what stands there by the SDK."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
from botocore.session import Session

from sandbox.mode import Mode
from sandbox.parts import Part, PartError
from sandbox.world import World

_READY = "aws ready on "
_NOT_ENFORCED = "aws: not enforced: "
_ENGINE = ("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
_PAUSE = 0.25
_STOP_SECONDS = 45
"""Longer than a task may take to finish what is in hand."""
_TAIL = 15
_NOBODY = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""What a person has configured for AWS is left alone."""


@dataclass(frozen=True, slots=True)
class Running:
    """What ECS says of a service: which revision it is at, by which deployment, with which tasks."""

    revision: str
    deployment: str
    tasks: frozenset[str]
    deployments: tuple[str, ...]
    """Every deployment that there ever was, the newest first."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """The endpoint, in one account and region."""

    part: Part
    url: str
    region: str
    mode: Mode
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, world: World, region: str, mode: Mode) -> "Cloud":
        """Start the endpoint. Its tasks run in that mode."""
        command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--tasks", mode.name]
        part = world.start("aws", command, {name: os.environ[name] for name in _ENGINE if name in os.environ})
        ready = part.wait_for(lambda line: line.startswith(_READY), what=f"`{_READY}…`")
        return cls(part, ready.removeprefix(_READY), region, mode)

    @property
    def host(self) -> str:
        """Its host and port."""
        return self.url.partition("://")[2]

    @property
    def not_enforced(self) -> list[str]:
        """What a task definition asks for and this mode does not enforce, in the endpoint's own words."""
        said = self.part.output.stderr.read_text(encoding="utf-8").splitlines()
        return [line.removeprefix(_NOT_ENFORCED) for line in said if line.startswith(_NOT_ENFORCED)]

    @property
    def environment(self) -> dict[str, str]:
        """What a program is given so that it finds this endpoint and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def stop(self) -> tuple[int, int, int]:
        """Stop it (SIGTERM): its exit code, how much it had running for its tasks, and how much of that is left."""
        tasks = self.mode.tasks(psutil.Process(self.part.pid), self.host)
        code = self.part.stop(seconds=_STOP_SECONDS)
        return code, len(tasks), sum(is_there() for is_there in tasks)

    def client(self, service: str) -> Any:
        """The SDK's client of a service; made once."""
        if service not in self._clients:
            session = Session(session_vars=_NOBODY)
            session.set_credentials("sandbox", "sandbox")
            self._clients[service] = session.create_client(service, region_name=self.region, endpoint_url=self.url)
        return self._clients[service]

    def stacks(self) -> dict[str, str]:
        """Every stack and its state."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {each["StackName"]: each["StackStatus"] for each in found}

    def running(self, cluster: str, service: str) -> Running:
        """What a service runs."""
        ecs = self.client("ecs")
        (found,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
        tasks = ecs.list_tasks(cluster=cluster, serviceName=service, desiredStatus="RUNNING")["taskArns"]
        made = ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
        return Running(
            _last(found["taskDefinition"]),
            found["deployments"][0]["id"],
            frozenset(map(_last, tasks)),
            tuple(_last(each["serviceDeploymentArn"]) for each in made),
        )

    def newest(self, family: str) -> str:
        """The newest revision of a task definition's family."""
        found = self.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
        return _last(found["taskDefinitionArn"])


def _last(arn: str) -> str:
    """The last part of an ARN."""
    return arn.rpartition("/")[2]


@dataclass(slots=True)
class GroupLog:
    """The lines of a log group, stream by stream as they come; kept in a file as they are read."""

    cloud: Cloud
    group: str
    file: Path
    _next: dict[str, str] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)

    def wait_for(self, wanted: Callable[[str], bool], *, what: str, seconds: float = 30) -> str:
        """The first line that is `wanted`, by reading until it is said.

        Raises:
            PartError: `seconds` went by.
        """
        until = monotonic() + seconds
        while True:
            for line in self.fresh():
                if wanted(line):
                    return line
            if monotonic() > until:
                tail = "\n".join(self.file.read_text(encoding="utf-8").splitlines()[-_TAIL:])
                raise PartError(f"{self.group} did not have {what} within {seconds:g} s", tail)
            sleep(_PAUSE)

    def fresh(self) -> Iterator[str]:
        """Every line that was not given yet."""
        self._read()
        while self._waiting:
            yield self._waiting.pop(0)

    def _read(self) -> None:
        """Read on in each stream. Lines stay in the order in which they were said."""
        logs = self.cloud.client("logs")
        streams = logs.describe_log_streams(logGroupName=self.group)["logStreams"]
        found = [event for each in streams for event in self._events(logs, each["logStreamName"])]
        lines = [str(event["message"]) for event in sorted(found, key=lambda event: event["timestamp"])]
        with self.file.open("a", encoding="utf-8") as kept:
            kept.writelines(f"{line}\n" for line in lines)
        self._waiting += lines

    def _events(self, logs: Any, stream: str) -> Iterator[Any]:
        while True:
            more = {"nextToken": self._next[stream]} if stream in self._next else {}
            page = logs.get_log_events(logGroupName=self.group, logStreamName=stream, startFromHead=True, **more)
            yield from page["events"]
            if page["nextForwardToken"] == self._next.get(stream) or not page["events"]:
                return
            self._next[stream] = page["nextForwardToken"]
