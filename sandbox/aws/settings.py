"""What the endpoint is started with."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-west-2"


class Tasks(StrEnum):
    """How ECS tasks run."""

    PROCESSES = "processes"
    """As local processes of this user, from the unpacked layers of their image."""
    CONTAINERS = "containers"
    """As real containers of the engine at DOCKER_HOST or the default socket."""
    AUTO = "auto"
    """As containers when an engine answers, otherwise as processes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the endpoint's own clocks tick, in seconds. AWS's values, where known, are in brackets."""

    steady: float = 1.0
    """A task without a health check counts as healthy this long after it runs [40]."""
    bake: float = 3.0
    """A deployment watched by alarms is watched this much longer once its tasks are steady [under 300]."""
    schedules: float = 0.25
    """Between two looks at the schedules [60, to the minute]."""
    alarms: float = 0.5
    """Between two evaluations of the alarms [60]."""
    minute: float = 60.0
    """How long an alarm's period of one minute lasts; less makes alarms answer sooner [60]."""
    restart: float = 0.2
    """Before the replacement of a service's first failed task; doubles with each failure up to `restart_most` [5]."""
    restart_most: float = 5.0
    end: float = 6.0
    """Tasks get this long to end when the endpoint stops or is reset; then they are killed."""
    stack_service: float = 600.0
    """CloudFormation gives up on a service that is not steady after this [10,800]."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One endpoint: where it listens, where it keeps things, how it runs tasks."""

    port: int
    folder: Path
    tasks: Tasks = Tasks.AUTO
    pace: Pace = field(default_factory=Pace)
    account: str = ACCOUNT
    region: str = REGION

    @property
    def host(self) -> str:
        """Host and port, as a registry's name needs them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address clients are given as AWS_ENDPOINT_URL."""
        return f"http://{self.host}"

    @property
    def client_environment(self) -> dict[str, str]:
        """All that a client needs to reach this endpoint and no other: dummy credentials, no files, no metadata."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
