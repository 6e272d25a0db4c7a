"""Every name that two rooms need: infra gives it to a resource, operations ask AWS for it, a service finds it.

A name is a pure function of the environment's name and of what `pipeline.toml` declares. `Names("sandbox")` has those
of the sandbox; what is the same everywhere is a constant. Nothing here is looked up.
"""

from dataclasses import dataclass
from enum import StrEnum

PROJECT = "ops-pipeline"

NOT_RELEASED = "none"
"""What a revision parameter says before the first release; CloudFormation knows no empty parameter."""

CONTAINER = "dispatcher"
"""The one container of every task. A task's log stream is `<stream prefix>/<CONTAINER>/<task id>`."""

ENTRY_POINT = ("python", "-m", "dispatcher")
"""The image's entry point; a task adds one of the image's commands."""

IMAGE_USER = "10001:10001"
"""User and group of the process in the container. The image has no name for them and needs none."""

SCRATCH = "/tmp"  # noqa: S108  the container's own, mounted from a volume that lives as long as the task
"""The one writable folder of a container. The image declares it a volume, so that IMAGE_USER may write to it."""

HEARTBEATS = "heartbeats"
"""The subject of the metric and the alarm about signs of life; no rule may have this id."""
STANDING_BY = "standing-by"
"""The same about a service that another process keeps from its account."""
HALTED = "halted"
"""The same about an account that trades no more."""

UNRELEASED_TAG = "unreleased"
"""The image tag in a template task definition. No such image is ever pushed: a template cannot run."""

VERIFIED_TAG_PREFIX = "verified-"
"""An image with such a tag was proven by a release; the registry never expires it."""


class StackRole(StrEnum):
    """The stacks of an environment, in the order in which they are deployed: by how long they live."""

    REGISTRY = "registry"
    """What outlives everything: images, secrets, the control table."""
    FOUNDATION = "foundation"
    """Network, cluster, log groups, database."""
    OBSERVABILITY = "observability"
    """Metric filters, alarms, dashboard, messages. Before the services, whose deployments its alarms take back."""
    SERVICES = "services"
    """Template task definitions, their roles, and the services."""
    SCHEDULES = "schedules"
    """What starts a task of the released image by the clock."""
    DELIVERY = "delivery"
    """The role that may deploy and nothing else."""


class TagKey(StrEnum):
    """Keys of resource tags. On a task definition they are a readable copy of the deployment's record."""

    PROJECT = "ops-pipeline:project"
    """On every resource; the value is PROJECT."""
    ENVIRONMENT = "ops-pipeline:environment"
    """On every resource; the environment's name."""
    SERVICE = "ops-pipeline:service"
    """On a task definition: the service it is of."""
    TEMPLATE = "ops-pipeline:template"
    """On a registered task definition: the template revision it was made from."""
    REVISION = "ops-pipeline:revision"
    """On a registered task definition: its image's git revision. Never stack-wide: every resource would move."""
    DIGEST = "ops-pipeline:digest"
    """On a registered task definition: the image's digest."""
    DEPLOYMENT = "ops-pipeline:deployment"
    """On a registered task definition: the id of the deployment that registered it."""
    VERDICT = "ops-pipeline:verdict"
    """On a registered task definition: the last verdict."""


class ImageLabel(StrEnum):
    """Labels of the image."""

    REVISION = "org.opencontainers.image.revision"
    """Git revision the image was built from."""
    SOURCE = "org.opencontainers.image.source"
    """Where the source is."""
    CREATED = "org.opencontainers.image.created"
    """When it was built, RFC 3339."""
    BASE = "org.opencontainers.image.base.name"
    """The base image as given to the build."""
    BASE_DIGEST = "org.opencontainers.image.base.digest"
    """The base image's digest; absent when the base was a local one."""
    DIRTY = "ops-pipeline.dirty"
    """`true` when the tree had changes that no commit has, else `false`."""
    SCHEMA_HEAD = "ops-pipeline.schema-head"
    """The schema revision the image migrates to."""
    SCHEMA_MIN = "ops-pipeline.schema-min"
    """The oldest SCHEMA_HEAD of an image that works on that schema."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an item of the control table."""

    partition: str
    sort: str


PARTITION_KEY = "pk"
"""Attribute of the control table that holds a key's partition."""
SORT_KEY = "sk"
"""Attribute of the control table that holds a key's sort part."""

DEPLOY_LOCK = Key("deploy", "lock")
"""The lock of the environment, with holder, expiry and fencing number."""

DEPLOYMENTS = "deployments"
"""Partition of every deployment's record. Ids sort by time, so a query backwards gives the newest first."""

TRADING_STATE = "trading-state"
"""Sort key of an account's trading state."""

REQUEST_PREFIX = "request#"
"""Beginning of the sort keys of an account's requests; `begins_with` finds them all."""


def deployment(identity: str) -> Key:
    """The record of a deployment. An id begins with the UTC time, as in `20261122T143000Z-1f2e3d4`."""
    return Key(DEPLOYMENTS, identity)


def account_partition(account: str) -> str:
    """The partition of an account: all of the control table that the account's services may touch."""
    return f"account#{account}"


def trading_state(account: str) -> Key:
    """What the account may do: ACTIVE, REDUCE_ONLY or HALTED, by whom, when and why."""
    return Key(account_partition(account), TRADING_STATE)


def request(account: str, identity: str) -> Key:
    """A request to the account's services: close a position, or flatten all. Ids begin with the UTC time."""
    return Key(account_partition(account), f"{REQUEST_PREFIX}{identity}")


def verified_tag(tag: str) -> str:
    """The second tag of an image that a release has proven."""
    return f"{VERIFIED_TAG_PREFIX}{tag}"


def health_file(service: str) -> str:
    """Where the service writes its signs of life."""
    return f"{SCRATCH}/{service}.health"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one environment. Services, schedules and accounts are called as `pipeline.toml` declares them."""

    environment: str

    # ------------------------------------------------------------------------------------------------- stacks, images

    def stack(self, role: StackRole) -> str:
        """The CloudFormation stack."""
        return f"{self._prefix}-{role}"

    @property
    def repository(self) -> str:
        """The image repository."""
        return f"{PROJECT}/{self.environment}/dispatcher"

    # ------------------------------------------------------------------------------------------------------- services

    @property
    def cluster(self) -> str:
        """The ECS cluster."""
        return self._prefix

    def service(self, service: str) -> str:
        """The ECS service: in the cluster it is called as it is declared."""
        return service

    def family(self, service: str) -> str:
        """The task-definition family that runs. Only `ops` registers revisions of it."""
        return f"{self._prefix}-{service}"

    def template_family(self, service: str) -> str:
        """The task-definition family that CDK owns, and that never runs."""
        return f"{self.family(service)}-template"

    def log_group(self, service: str) -> str:
        """The log group of the service's tasks, one-off and scheduled ones included."""
        return f"/ecs/{PROJECT}/{self.environment}/{service}"

    def stream_prefix(self, service: str) -> str:
        """What the names of the service's log streams begin with."""
        return service

    def log_stream(self, service: str, task_id: str) -> str:
        """The log stream of one task."""
        return f"{self.stream_prefix(service)}/{CONTAINER}/{task_id}"

    # ----------------------------------------------------------------------------------------------------- parameters

    @property
    def parameter_prefix(self) -> str:
        """What the names of all parameters begin with. `ops init` makes them; CloudFormation only reads them."""
        return f"/{PROJECT}/{self.environment}"

    def running(self, service: str) -> str:
        """Parameter: ARN of the revision the service should run, or NOT_RELEASED."""
        return f"{self.parameter_prefix}/{service}/running"

    @property
    def release(self) -> str:
        """Parameter: the last proven release, as JSON."""
        return f"{self.parameter_prefix}/release"

    @property
    def schema_head(self) -> str:
        """Parameter: the range of the schema the database is at, as `contract.schema` writes it."""
        return f"{self.parameter_prefix}/schema-head"

    def schedule_state(self, schedule: str) -> str:
        """Parameter: ENABLED or DISABLED."""
        return f"{self.parameter_prefix}/schedules/{schedule}/state"

    def schedule_revision(self, schedule: str) -> str:
        """Parameter: ARN of the revision the schedule starts, or NOT_RELEASED.

        Not the service's: a schedule moves after the verdict, and may stay behind a release that is not proven.
        """
        return f"{self.parameter_prefix}/schedules/{schedule}/revision"

    # ---------------------------------------------------------------------------------------- secrets, control, clock

    def broker_secret(self, account: str) -> str:
        """The secret with an account's keys at the broker."""
        return f"{PROJECT}/{self.environment}/alpaca/{account}"

    @property
    def database_secret(self) -> str:
        """The secret with the database role's password, under the key `password`."""
        return f"{PROJECT}/{self.environment}/database"

    @property
    def control_table(self) -> str:
        """The DynamoDB table in which `ops` and the services meet."""
        return f"{self._prefix}-control"

    @property
    def schedule_group(self) -> str:
        """The group of our own schedules; in it a schedule is called as it is declared."""
        return self._prefix

    @property
    def dead_letters(self) -> str:
        """The queue of schedule starts that failed."""
        return f"{self._prefix}-schedules-dead-letters"

    # -------------------------------------------------------------------------------------------------- observability

    @property
    def metric_namespace(self) -> str:
        """The namespace of the metrics that are made from the services' logs."""
        return f"{PROJECT}/{self.environment}"

    def metric(self, service: str, subject: str) -> str:
        """A metric of a service: `subject` is a forbid or imply rule's id, or what else is counted."""
        return f"{service}.{subject}"

    def alarm(self, service: str, subject: str) -> str:
        """An alarm of a service, by what its metric counts."""
        return f"{self._prefix}-{service}-{subject}"

    @property
    def dead_letters_alarm(self) -> str:
        """The alarm that a schedule could not start its task."""
        return f"{self._prefix}-schedules-dead-letters"

    @property
    def alerts(self) -> str:
        """The SNS topic of everything a person must hear of."""
        return f"{self._prefix}-alerts"

    @property
    def dashboard(self) -> str:
        """The CloudWatch dashboard."""
        return self._prefix

    @property
    def delivery_role(self) -> str:
        """The IAM role that CI deploys releases with."""
        return f"{self._prefix}-delivery"

    @property
    def stacks_role(self) -> str:
        """The IAM role that CI deploys the stacks with."""
        return f"{self._prefix}-stacks"

    @property
    def _prefix(self) -> str:
        return f"{PROJECT}-{self.environment}"
