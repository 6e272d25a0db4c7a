"""Where an environment stands: the AWS account, the network, the database and the broker that its services are given.

The sandbox has a place as well: the same stacks stand there, in an endpoint of our own.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated

from voluptuous import In, Invalid, Match

from contract.environment import ExecutionMode
from contract.strict import PositiveInt

AwsAccount = Annotated[str, Match(r"^[0-9]{12}$", msg="is not the number of an AWS account, which has 12 digits")]
Region = Annotated[str, Match(r"^[a-z]{2}(-[a-z]+)+-[0-9]$", msg="is not a region, such as us-west-2")]
RetentionDays = Annotated[int, In((1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365), msg="is no retention CloudWatch knows")]


def _web_address(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#]+", url):
        raise Invalid(f"{url!r} is not a web address without a path, such as https://paper-api.alpaca.markets")
    return url


WebAddress = Annotated[str, _web_address]


class Architecture(StrEnum):
    """What the tasks' processors are; the image is built for it."""

    X86_64 = "X86_64"
    """Intel and AMD."""
    ARM64 = "ARM64"
    """Graviton; cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of our own (`cidr`), or one that is there already (`vpc` with its `subnets`, one for each zone)."""

    availability_zones: tuple[str, ...]
    """Named, not looked up: a synthesis asks nobody."""
    public_ip: bool
    """Whether tasks have a public address. Without one, their subnets need a way out; ours have none but this."""
    cidr: str | None = None
    vpc: str | None = None
    subnets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a network that is neither made nor there, or both."""
        if (self.cidr is None) == (self.vpc is None):
            raise ValueError("is either ours or there already; give cidr, or vpc and subnets")
        if not self.availability_zones:
            raise ValueError("has no availability_zones; a task has to run somewhere")
        if self.cidr is None:
            self._check_existing()
        else:
            self._check_own(self.cidr)

    def _check_own(self, cidr: str) -> None:
        if self.subnets:
            raise ValueError("has both cidr and subnets; ours makes its own subnets")
        if not self.public_ip:
            raise ValueError("ours has no NAT; set public_ip = true, or give the vpc and subnets that have one")
        IPv4Network(cidr)

    def _check_existing(self) -> None:
        if len(self.subnets) != len(self.availability_zones):
            raise ValueError("needs one of subnets for each of availability_zones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A PostgreSQL of our own (`instance`, `storage_gib`, `version`), or one that is there already (`host`)."""

    port: PositiveInt
    name: str
    """The database's name."""
    user: str
    """The role that services log in as. Its password is in the environment's database secret."""
    host: str | None = None
    instance: str | None = None
    """The class of our own, such as t4g.micro."""
    storage_gib: PositiveInt | None = None
    version: str | None = None
    """Major version of our own."""

    def __post_init__(self) -> None:
        """Refuse a database that is neither made nor there, or both."""
        own = (self.instance, self.storage_gib, self.version)
        if self.host is None and None in own:
            raise ValueError("needs either host, or all of instance, storage_gib and version")
        if self.host is not None and any(own):
            raise ValueError("has a host, so it is there already; drop instance, storage_gib and version")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerHosts:
    """Where the broker answers."""

    trading_url: WebAddress
    data_url: WebAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Who may deploy without a person at a keyboard: GitHub Actions of one repository."""

    repository: Annotated[str, Match(r"^[\w.-]+/[\w.-]+$", msg="is not a repository, such as owner/name")]
    branches: tuple[str, ...] = ()
    """Branches whose workflows may deploy."""
    environments: tuple[str, ...] = ()
    """GitHub environments whose jobs may deploy."""
    stack_environments: tuple[str, ...] = ()
    """GitHub environments whose jobs may deploy the stacks themselves, by the bootstrap's roles; none when empty."""
    provider: str | None = None
    """ARN of the account's identity provider for GitHub, where one exists; an account can have only one."""

    def __post_init__(self) -> None:
        """Refuse a role that nobody, or any pull request, could take on."""
        if not self.branches and not self.environments:
            raise ValueError("names neither branches nor environments; say whose jobs may deploy")
        named = (*self.branches, *self.environments, *self.stack_environments)
        if wild := [name for name in named if "*" in name or "?" in name]:
            raise ValueError(f"{', '.join(wild)} would admit jobs that are not named; name each")
        if both := set(self.environments) & set(self.stack_environments):
            raise ValueError(f"{', '.join(sorted(both))} may deploy releases and stacks; give the stacks their own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the stacks of an environment stand, and what its services find there."""

    account: AwsAccount
    region: Region
    architecture: Architecture
    execution_mode: ExecutionMode
    log_retention_days: RetentionDays
    network: Network
    database: Database
    broker: BrokerHosts
    alert_emails: tuple[str, ...] = ()
    """Who hears of alarms by mail; each confirms once."""
    delivery: Delivery | None = None
    """None: only people deploy."""
