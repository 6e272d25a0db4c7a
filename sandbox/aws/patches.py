"""Everything that is put on top of ministack, in one place: applied together, taken back together."""
# ruff: noqa: SLF001 - it works on private names of one exact version of ministack, guarded by sandbox.aws.fits

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sandbox.aws import containers, fits, logs, registry
from sandbox.aws.alarms import Alarms
from sandbox.aws.board import Board
from sandbox.aws.life import Ground
from sandbox.aws.processes import Processes
from sandbox.aws.pull import Source
from sandbox.aws.runner import CannotRunError, Runner
from sandbox.aws.schedules import Schedules
from sandbox.aws.service_api import ServiceApi
from sandbox.aws.services import Services
from sandbox.aws.settings import Pace, Settings, Tasks
from sandbox.aws.tasks import Tasks as TaskKeeper
from sandbox.aws.upstream import docker, gateway, responses, sns, sqs
from sandbox.engine.client import answering

application = gateway.app
"""What the server serves."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The patches in force and the threads that work behind them."""

    patches: tuple[fits.Patch, ...]
    later: list[fits.Patch]
    """Those applied when CloudFormation was first called."""
    notes: tuple[str, ...]
    ends: tuple[Callable[[], None], ...]

    def stop(self) -> None:
        """End every task and thread; resources stay, so that they can be kept."""
        for end in self.ends:
            end()

    def take_back(self) -> None:
        """Forget every resource that is not kept, and take the patches back. Nothing is served any more by then."""
        if not gateway.PERSIST_STATE:
            gateway._reset_all_state()
        for patch in reversed([*self.patches, *self.later]):
            patch.take_back()


def install(settings: Settings) -> Installed:
    """Put our patches on ministack and start what works behind them.

    Raises:
        PatchDoesNotFitError: this is not the version they were written for.
        CannotRunError: containers were asked for, and no engine answers.
        RuntimeError: ministack was imported too early, and reads its settings only then.
    """
    if responses.get_account_id() != settings.account:
        raise RuntimeError("ministack was imported before it was set up. Next: start it by sandbox.aws.running")
    door = registry.Door(settings)
    runner = _runner(settings, door.secret)
    board = Board()
    ground = Ground(board, runner, settings.client_environment)
    tasks = TaskKeeper(ground)
    services = Services(tasks, ground, settings.pace)
    api = ServiceApi(services, board)
    alarms = Alarms(settings.pace)
    patches = [
        fits.function(docker, "from_env", _no_engine, takes="(**kwargs)", why="ministack would look for an engine"),
        *_addresses(settings),
        *registry.patches(door),
        *tasks.patches(),
        *api.patches(),
        *logs.patches(),
        *alarms.patches(),
        *Schedules(tasks, settings.pace).patches(),
        _reset(services, tasks, settings.pace.end),
    ]
    later: list[fits.Patch] = []
    patches.append(_with_cloudformation(api, settings.pace, later))
    services.begin()
    alarms.begin()
    return Installed(
        tuple(patches),
        later,
        _notes(runner),
        (alarms.end, services.end, lambda: tasks.end_all(settings.pace.end), runner.close),
    )


def _addresses(settings: Settings) -> Iterator[fits.Patch]:
    """Where ministack keeps the port of its import, which another endpoint of this process may have had."""
    why = "was read once, at import"
    yield fits.constant(sqs, "DEFAULT_PORT", str(settings.port), was=sqs.DEFAULT_PORT, why=why)
    yield fits.constant(sns, "_PORT", str(settings.port), was=sns._PORT, why=why)


def _runner(settings: Settings, token: str) -> Runner:
    engine = None if settings.tasks is Tasks.PROCESSES else answering()
    if engine is not None:
        return containers.Containers(engine, token, settings.host)
    if settings.tasks is Tasks.CONTAINERS:
        raise CannotRunError("no container engine answers. Next: start one, or give --tasks processes")
    return Processes(settings.folder, Source(settings.host, token))


def _no_engine(**_options: object) -> None:
    """Containers are ours to run: ministack starts none, for no service, and does not look for an engine."""
    raise docker.errors.DockerException("the sandbox runs containers itself")


def _with_cloudformation(api: ServiceApi, pace: Pace, later: list[fits.Patch]) -> fits.Patch:
    """CloudFormation takes two seconds to load, so it is patched when it is first called."""
    inner = gateway._get_module

    def get_module(name: str) -> Any:
        module = inner(name)
        if name == "cloudformation" and not later:
            later.extend(import_module("sandbox.aws.cfn").patches(api, pace.stack_service))
        return module

    return fits.function(gateway, "_get_module", get_module, takes="(name: str)", why="is where a service is loaded")


def _reset(services: Services, tasks: TaskKeeper, patience: float) -> fits.Patch:
    inner = gateway._handle_admin_reset

    async def handle(path: str, method: str, query_params: Any) -> Any:
        if (path, method) != ("/_ministack/reset", "POST"):
            return await inner(path, method, query_params)
        # Before the gateway holds every other request back: a task that is pulling its image must be able to end.
        with services.paused():
            await asyncio.to_thread(tasks.end_all, patience)
            return await inner(path, method, query_params)

    takes = "(path: str, method: str, query_params: dict)"
    return fits.function(gateway, "_handle_admin_reset", handle, takes=takes, why="its tasks would live on")


def _notes(runner: Runner) -> tuple[str, ...]:
    lacks = tuple(f"not enforced: {each}" for each in runner.not_enforced)
    return (f"tasks run as {runner.mode}", *lacks)
