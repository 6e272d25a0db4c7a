"""What a verb that talks to AWS works with: the environment's ports, its services, its rules."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from contract.inventory import Inventory
from contract.names import Names
from contract.place import Place
from contract.verification import RuleSet
from ops.aws.alerts import AwsAlerts
from ops.aws.control import ControlTable
from ops.aws.ecr import EcrImages
from ops.aws.ecs import EcsCluster
from ops.aws.identity import who
from ops.aws.logs import CloudWatchLogs
from ops.aws.parameters import SsmParameters
from ops.aws.schedules import AwsSchedules
from ops.aws.session import Aws
from ops.aws.surroundings import AwsSurroundings
from ops.cli.root import Session
from ops.cli.where import aws_of, where
from ops.clock import SystemClock
from ops.core.member import Member
from ops.errors import OpsError
from ops.processes import is_dead, own_token
from ops.shell.proving import prover
from ops.world import Asked, Prove, World


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a walk is given."""

    world: World
    aws: Aws
    names: Names
    declared: Inventory
    place: Place | None
    """Where the environment is declared to stand."""
    members: tuple[Member, ...]
    rules: Mapping[str, RuleSet]

    @property
    def rules_hash(self) -> str:
        """Which rules a verdict is given by: one hash over those of every service."""
        used = sorted({each.rules for each in self.members})
        told = ",".join(f"{name}={self.rules[name].digest()}" for name in used)
        return sha256(told.encode()).hexdigest()[:12]

    @property
    def images(self) -> EcrImages:
        """The environment's image repository."""
        return EcrImages(self.aws, self.names.repository)

    @property
    def evidence(self) -> Path:
        """Where evidence is saved."""
        return Path.cwd() / ".ops" / "evidence"

    def asked(self, lock_wait: float = 0) -> Asked:
        """On whose behalf, as AWS knows them."""
        return Asked(who=who(self.aws, os.environ), token=own_token(), dead=is_dead, lock_wait_seconds=lock_wait)

    def prove(self) -> Prove:
        """Proof by the logs of the tasks themselves."""
        return prover(self.world, CloudWatchLogs(self.aws), self.rules)

    def only(self, services: tuple[str, ...]) -> tuple[str, ...]:
        """The services that were named, if each of them is declared.

        Raises:
            OpsError: one is not.
        """
        known = [each.name for each in self.members]
        if unknown := [each for each in services if each not in known]:
            raise OpsError(
                f"no service is called {', '.join(unknown)}", next_step=f"name one or more of {', '.join(known)}"
            )
        return services


def bench(session: Session) -> Bench:
    """The environment that the global options name. Nothing is asked of AWS yet.

    Raises:
        OpsError: the inventory cannot be used, or declares no service.
    """
    there = where(session)
    if not there.inventory.services:
        raise OpsError(
            "pipeline.toml declares no service, so there is nothing to release",
            next_step="declare one under [services.NAME]; docs/operations.md shows how",
        )
    aws = aws_of(session, there)
    names = there.names
    members = tuple(_member(there.inventory, name) for name in there.inventory.services)
    return Bench(
        aws_world(aws, names),
        aws,
        names,
        there.inventory,
        there.environment.place,
        members,
        there.inventory.verification,
    )


def _member(declared: Inventory, name: str) -> Member:
    service = declared.services[name]
    schedules = tuple(schedule for schedule, each in declared.schedules.items() if each.service == name)
    return Member(name=name, rules=service.rules, accounts=service.accounts, schedules=schedules)


def aws_world(aws: Aws, names: Names) -> World:
    """Every port of the release engine, answered by AWS or by what stands in for it."""
    return World(
        names=names,
        ecs=EcsCluster(aws, names),
        images=EcrImages(aws, names.repository),
        parameters=SsmParameters(aws, names.environment),
        control=ControlTable(aws, names.control_table),
        schedules=AwsSchedules(aws, names.schedule_group),
        logs=CloudWatchLogs(aws),
        estate=AwsSurroundings(aws),
        alerts=AwsAlerts(aws, names.alerts),
        clock=SystemClock(),
    )
