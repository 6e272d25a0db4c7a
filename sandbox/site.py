"""What the acts of a release's story share: the world they play in, who trades there, and how a release is deployed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from contract.inventory import Inventory
from contract.names import Names
from contract.workload import Service
from sandbox.acts import follow, keep, play
from sandbox.cloud import Cloud, GroupLog, Running
from sandbox.feed import Fed, Scene
from sandbox.ground import Ground
from sandbox.parts import Finished, Part, PartError, finish
from sandbox.record import Record
from sandbox.source import Source
from sandbox.stage import Stage
from sandbox.tools import Ops, document
from sandbox.trader import Trader
from sandbox.world import World

DISPATCHER, POSITION_MANAGER = ("run",), ("positions",)
"""What a service is, by its command."""
_DEPLOY_SECONDS = 300
_STEP_SECONDS = 300
_BUILD_SECONDS = 300
"""The first build downloads every dependency."""
_PAUSE = 0.2


@dataclass(slots=True)
class Site:
    """What the acts of this story share."""

    world: World
    record: Record
    stage: Stage
    ground: Ground
    source: Source
    ops: Ops
    traders: tuple[Trader, ...]
    """The dispatchers, in the order in which they are released; the first is the canary of the others."""
    keepers: tuple[Trader, ...]
    """The position managers."""
    fed: dict[int, Fed] = field(default_factory=dict)

    @property
    def cloud(self) -> Cloud:
        """The endpoint."""
        return self.ground.cloud

    @property
    def names(self) -> Names:
        """What things are called there."""
        return self.ground.names

    @property
    def services(self) -> tuple[str, ...]:
        """Every service of a release, in the order in which they are released."""
        return tuple(self.stage.declared.services)

    def running(self) -> dict[str, Running]:
        """What ECS says of each service."""
        return {each: self.cloud.running(self.names.cluster, each) for each in self.services}

    def build(self, *words: str) -> tuple[Finished, dict[str, Any]]:
        """Build what the worktree has, for the way its tasks run."""
        return self.ops.run("build", *self.cloud.mode.build, *words, seconds=_BUILD_SECONDS)

    def feed(self, scene: Scene, *traders: Trader) -> None:
        """Feed a scene and watch it to its end at these accounts."""
        self.fed |= play(self.record, self.stage, traders or self.traders, scene)

    def follow(self, scene: Scene, trader: Trader) -> None:
        """Watch a scene that was fed to its end at one account more."""
        fed = {number: each for number, each in self.fed.items() if each in scene.feed}
        follow(self.record, trader, scene, fed)


def told_short(running: Mapping[str, Running]) -> str:
    """Each service with the number of its revision."""
    return ", ".join(f"{service}:{each.revision.rpartition(':')[2]}" for service, each in running.items())


def of_command(declared: Inventory, command: tuple[str, ...]) -> list[tuple[str, Service]]:
    """Every declared service of that command, in the order in which they are released."""
    return [(name, each) for name, each in declared.services.items() if each.command == command]


def heard(world: World, ground: Ground, command: tuple[str, ...]) -> Iterator[Trader]:
    """Every declared service of that command, heard through its log group."""
    stage = ground.stage
    for name, service in of_command(stage.declared, command):
        log = GroupLog(ground.cloud, ground.names.log_group(name), world.private(f"{name}.log", ""))
        (account,) = service.accounts
        yield stage.trader(name, account, log)


Act = tuple[Trader, Callable[[], None]]
"""What is done as soon as the verification of a service begins."""


def deploy(site: Site, name: str, acts: Sequence[Act], *words: str) -> tuple[Finished, dict[str, Any]]:
    """Deploy, and do something with each verification that begins."""
    part = site.ops.start(name, "deploy", *words)
    begun: Counter[str] = Counter()
    for trader, act in acts:
        begun[trader.service] += 1
        _await_verification(part, trader.service, begun[trader.service])
        act()
    finished = finish(part, seconds=_DEPLOY_SECONDS)
    keep(site.world, f"{name}.json", finished.stdout)
    keep(site.world, f"{name}.txt", finished.output.stderr.read_text(encoding="utf-8"))
    return finished, document(finished)


def _await_verification(part: Part, service: str, turn: int) -> None:
    """Wait until the deployment says for the so-many-eth time that it verifies a service."""
    until = monotonic() + _STEP_SECONDS
    while part.output.stderr.read_text(encoding="utf-8").count(f"verify {service}") < turn:
        if part.process.poll() is not None or monotonic() > until:
            raise PartError(f"{part.name} did not come to verification number {turn} of {service}", part.output.tail())
        sleep(_PAUSE)
