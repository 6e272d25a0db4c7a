"""What a release stands on: the AWS endpoint, the release parameters, the stacks, and the secrets' values."""

import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from contract import inventory
from contract.names import Names
from sandbox.cloud import Cloud
from sandbox.inherited import inherited
from sandbox.mode import chosen
from sandbox.record import Record, StepFailedError
from sandbox.stage import ENVIRONMENT, Stage, broker_secret, done
from sandbox.tools import Cdk, Ops
from sandbox.world import World

_SOAK_SECONDS = 8
_HEARTBEAT_SECONDS = 1
_SOON = {"soak_seconds": _SOAK_SECONDS, "heartbeat_seconds": _HEARTBEAT_SECONDS}
"""All that the rehearsal's inventory changes: a verdict must not take five minutes. No rule is another one."""
_OTHER = {"max_daily_loss": 2_100, "log_retention_days": 14}
"""An unrelated change: a limit, which makes a newer template, and how long logs are kept."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that is there before the first release."""

    cloud: Cloud
    names: Names
    cdk: Cdk
    stage: Stage
    inventory: Path

    def deploy(self, name: str, inventory_file: Path) -> None:
        """Deploy every stack as that inventory declares it."""
        addresses = {"database_url": self.stage.server.database.url, "broker_url": self.stage.venue.url}
        done("cdk deploy --all", self.cdk.deploy(name, {"inventory": str(inventory_file), **addresses}))

    def deploy_changed(self, world: World) -> None:
        """Deploy every stack with the unrelated change."""
        text = _with(self.inventory.read_text(encoding="utf-8"), _OTHER)
        self.deploy("cdk-deploy-changed", world.private("changed.toml", text))


def lay(world: World, record: Record, stage: Stage, tasks: str) -> Ground:
    """Start the endpoint, make parameters and stacks, give the secrets their values.

    `tasks` is how tasks run: `sandbox.mode` has the words.
    """
    place = stage.declared.environment(ENVIRONMENT).place
    if place is None:
        raise StepFailedError(
            f"a place of environment {ENVIRONMENT!r}", "none", next_step=f"declare [environments.{ENVIRONMENT}.place]"
        )
    with record.step("tasks", "looking for a container engine") as told:
        mode = chosen(tasks)
        record.mode = mode.name
        told(f"tasks run as {mode.name}: {mode.why}")
    with record.step("aws", "starting the AWS endpoint") as told:
        cloud = Cloud.start(world, place.region, mode)
        told(f"{cloud.url}, by ministack {version('ministack')} and our patches")
    for each in cloud.not_enforced:
        record.teller.note(f"     not enforced  {each}")
    ground = Ground(cloud, Names(ENVIRONMENT), Cdk.found(world, cloud), stage, _inventory(world))
    with record.step("init", "making the release parameters") as told:
        finished, said = Ops(world, cloud, ground.inventory, world.checkout).run("init")
        done("ops init", finished)
        told(f"`ops init` created {len(said['created'])} parameters, before any stack")
        told(f"a verdict takes {_SOAK_SECONDS} s of log, heartbeats come every second; else pipeline.toml as it is")
    _inherit(record, ground, place.account)
    _stacks(record, ground, place.account)
    _secrets(record, ground)
    return ground


def _inherit(record: Record, ground: Ground, account: str) -> None:
    """What others left: schedules that no stack of ours makes."""
    with record.step("inherited", "leaving what somebody else's scheduler starts") as told:
        made = list(inherited(ground.cloud.region, account))
        for request in made:
            ground.cloud.client("scheduler").create_schedule(**request)
        told(f"{', '.join(each['Name'] for each in made)} fire, as they once did; pipeline.toml says they should not")


def _stacks(record: Record, ground: Ground, account: str) -> None:
    with record.step("bootstrap", "cdk bootstrap") as told:
        done("cdk bootstrap", ground.cdk.bootstrap(account))
        told(f"CDKToolkit: {ground.cloud.stacks()['CDKToolkit']}")
    with record.step("stacks", "cdk deploy --all") as told:
        ground.deploy("cdk-deploy", ground.inventory)
        stacks = {name: state for name, state in ground.cloud.stacks().items() if name != "CDKToolkit"}
        told(f"{len(stacks)} stacks are {', '.join(sorted(set(stacks.values())))}")
        services = ground.stage.declared.services
        tasks = sum(len(ground.cloud.running(ground.names.cluster, each).tasks) for each in services)
        told(f"{', '.join(services)} stand on their templates, with {tasks} tasks")


def _secrets(record: Record, ground: Ground) -> None:
    """What a person puts in by hand: no stack knows a secret's value."""
    with record.step("keys", "giving the secrets their values") as told:
        server = ground.stage.server.database
        password = {"username": _user(server.url), "password": server.password}
        values = {
            ground.names.database_secret: json.dumps(password),
        }
        for account, keys in ground.stage.keys.items():
            values[ground.names.broker_secret(account)] = broker_secret(account, keys, ground.stage.venue)
        for name, value in values.items():
            ground.cloud.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)
        told(f"{', '.join(values)} have values; the stacks made them without")


def _user(url: str) -> str:
    """The role in a database's address."""
    return url.partition("://")[2].partition("@")[0]


def _inventory(world: World) -> Path:
    """The checkout's inventory, with verdicts that come soon."""
    text = (world.checkout / inventory.FILE_NAME).read_text(encoding="utf-8")
    return world.private(inventory.FILE_NAME, faster(text))


def faster(text: str) -> str:
    """The inventory with verdicts that come soon."""
    return _with(text, _SOON)


def _with(text: str, values: dict[str, int]) -> str:
    """The inventory with other numbers under these keys; what it says is checked by whoever reads it."""
    for key, value in values.items():
        text, changed = re.subn(rf"(?m)^{key} = [\d_]+", f"{key} = {value}", text)
        if not changed:
            raise StepFailedError(f"{key} in {inventory.FILE_NAME}", "none", next_step="declare it")
    return text
