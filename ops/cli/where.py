"""Where a verb works: the environment that the global options name, as the inventory declares it."""

import os
from dataclasses import dataclass
from pathlib import Path

from contract.inventory import Environment, EnvironmentKind, Inventory, UnknownNameError
from contract.names import Names
from contract.place import Architecture
from ops.aws.session import Aws, connect
from ops.cli.root import Session
from ops.errors import OpsError
from ops.files import inventory

_PLATFORMS = {Architecture.X86_64: "linux/amd64", Architecture.ARM64: "linux/arm64"}


@dataclass(frozen=True, slots=True)
class Where:
    """One environment, with everything that is declared."""

    name: str
    environment: Environment
    inventory: Inventory

    @property
    def names(self) -> Names:
        """What things are called there."""
        return Names(self.name)

    @property
    def region(self) -> str | None:
        """The AWS region where it stands; None when the inventory does not say."""
        return self.environment.place.region if self.environment.place else None

    @property
    def platform(self) -> str | None:
        """What the environment's processors need; None for this machine's own, which is all that a sandbox has."""
        place = self.environment.place
        return _PLATFORMS[place.architecture] if place and not self.here else None

    @property
    def here(self) -> bool:
        """Whether it stands on this machine, where no command may reach an AWS account."""
        return self.environment.kind is EnvironmentKind.SANDBOX


def where(session: Session) -> Where:
    """The environment that the options name, the default one if they name none.

    Raises:
        OpsError: the inventory cannot be used, or declares no such environment.
    """
    declared = inventory(session.config, folder=Path.cwd())
    name = session.env or declared.default_environment()
    try:
        return Where(name, declared.environment(name), declared)
    except UnknownNameError as error:
        raise OpsError(str(error), next_step=f"name one of {', '.join(error.known)}") from error


def aws_of(session: Session, there: Where) -> Aws:
    """The way to the environment's AWS; for one of this machine never to an account.

    Raises:
        OpsError: nobody says which region, or an environment of this machine has no endpoint on it.
    """
    return connect(endpoint_url=session.endpoint_url, region=there.region, environ=os.environ, loopback_only=there.here)
