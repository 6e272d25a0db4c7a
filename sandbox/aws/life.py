"""One task from PROVISIONING to STOPPED: pull, secrets, log streams, containers, health, the end and its reason."""
# ruff: noqa: SLF001 - the metadata endpoint is ministack's own, of one exact version, guarded by sandbox.aws.fits

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import Queue
from threading import Event, Thread

from sandbox.aws import health, injection, tasklogs
from sandbox.aws.board import Board, Record, Scope, count, now
from sandbox.aws.health import Health, Status
from sandbox.aws.plan import Container, HealthCheck
from sandbox.aws.runner import CannotPullError, CannotStartError, Launch, Runner, Running
from sandbox.aws.upstream import ecs, ecs_metadata

_ESSENTIAL_EXITED = ("EssentialContainerExited", "Essential container in task exited")
_NOT_STARTED = "TaskFailedToStart"


@dataclass(frozen=True, slots=True)
class Ground:
    """What every task stands on."""

    board: Board
    runner: Runner
    environment: Mapping[str, str]
    """What ECS adds to a container's variables."""


class _StopAskedError(Exception):
    """The task was asked to stop before it ran."""


@dataclass(slots=True)
class Life:
    """The life of one task. It runs in a thread of its own; `stop` may be called from any other."""

    task: Record
    definition: Record
    plan: tuple[Container, ...]
    scope: Scope
    ground: Ground
    ended: Event = field(default_factory=Event)
    _said: "Queue[str]" = field(default_factory=Queue)
    """Names of containers that ended; an empty name asks for the end."""
    _running: dict[str, Running] = field(default_factory=dict)
    _threads: list[Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Start the thread."""
        Thread(target=self._live, name=f"task {self._id[:8]}", daemon=True).start()

    def stop(self, code: str, reason: str, *, failed: bool = False) -> None:
        """Ask for the end. The first reason stays.

        Args:
            code: ECS's stopCode.
            reason: the stoppedReason.
            failed: whether it counts as a failure of its deployment.
        """
        with self.ground.board:
            if self.task["desiredStatus"] != "STOPPED":
                self._decide_end(code, reason, failed=failed)
                self._said.put("")

    def kill(self) -> None:
        """End at once whatever still runs of it."""
        for running in list(self._running.values()):
            running.kill()

    @property
    def _id(self) -> str:
        return str(self.task["taskArn"]).rsplit("/", 1)[-1]

    def _live(self) -> None:
        with self.scope.entered():
            try:
                self._start()
                self._watch()
            except _StopAskedError:
                pass
            except CannotPullError as error:
                self._not_started(f"CannotPullContainerError: {error}")
            except injection.ResourceInitializationError as error:
                self._not_started(f"ResourceInitializationError: {error}")
            except CannotStartError as error:
                self._not_started(f"CannotStartContainerError: {error}")
            finally:
                self._end()

    def _start(self) -> None:
        self._enter("PENDING", "pullStartedAt")
        launches = [self._prepared(container, row) for container, row in self._rows()]
        self._enter("ACTIVATING", "pullStoppedAt")
        for launch, (container, row) in zip(launches, self._rows(), strict=True):
            self._go_on()
            self._launch(launch, container, row)
        self._enter("RUNNING", "startedAt")

    def _rows(self) -> Sequence[tuple[Container, Record]]:
        return list(zip(self.plan, self.task["containers"], strict=True))

    def _prepared(self, container: Container, row: Record) -> Launch:
        """Everything that can fail before a program starts: image, secrets, log stream."""
        self._go_on()
        pulled = self.ground.runner.pull(container.image)
        with self.ground.board:
            row["imageDigest"] = pulled.digest
        secrets = injection.resolve(container.secrets)
        say = tasklogs.opened(container.log, self.scope.account)
        return Launch(self._id, container, pulled, self._environment(container) | secrets, say)

    def _environment(self, container: Container) -> dict[str, str]:
        added: dict[str, str] = {}
        row = next(each for each in self.definition["containerDefinitions"] if each["name"] == container.name)
        token = ecs._register_metadata(
            self.task["taskArn"],
            self.task["clusterArn"],
            self.definition,
            row,
            self.task["launchType"],
            added,
            host_mode=True,
            ministack_net_ip=None,
        )
        self.task.setdefault("_metadata_tokens", []).append(token)
        return (
            added
            | dict(self.ground.environment)
            # A key of twelve digits is an account to ministack, so a task speaks to the account it belongs to.
            | {"AWS_ACCESS_KEY_ID": self.scope.account}
            | {"AWS_REGION": self.scope.region, "AWS_DEFAULT_REGION": self.scope.region}
            | dict(container.environment)
        )

    def _launch(self, launch: Launch, container: Container, row: Record) -> None:
        running = self.ground.runner.start(launch)
        self._running[container.name] = running
        self._in_background(self._await, container, row, running)
        with self.ground.board:
            row.update(lastStatus="RUNNING", runtimeId=running.runtime_id)
        if container.health:
            self._in_background(self._check, row, running, container.health)

    def _in_background(self, work: object, *arguments: object) -> None:
        thread = Thread(target=work, args=arguments, name=f"task {self._id[:8]} {work}", daemon=True)  # type: ignore[arg-type] # bound methods with their own arguments
        self._threads.append(thread)
        thread.start()

    def _await(self, container: Container, row: Record, running: Running) -> None:
        code = running.wait()
        with self.ground.board:
            row.update(lastStatus="STOPPED", exitCode=code)
            if container.essential and self.task["desiredStatus"] != "STOPPED":
                self._decide_end(*_ESSENTIAL_EXITED, failed=True)
        self._said.put(container.name)

    def _check(self, row: Record, running: Running, check: HealthCheck) -> None:
        known, age, pause = Health(), 0.0, running.looks_every(check)
        while not self.ended.wait(pause) and row["lastStatus"] == "RUNNING":
            age += pause
            passed = running.healthy(check)
            if passed is None:
                continue
            known = health.after(check, known, passed=passed, age=age)
            with self.ground.board:
                row["healthStatus"] = known.status.value
                self.task["healthStatus"] = health.of_task(self._essential_statuses()).value

    def _essential_statuses(self) -> list[Status]:
        return [Status(row["healthStatus"]) for each, row in self._rows() if each.essential and each.health]

    def _watch(self) -> None:
        """Until an essential container ends, all have ended, or someone asks for the end."""
        ended: set[str] = set()
        while self.task["desiredStatus"] != "STOPPED":
            ended.add(self._said.get())
            if ended >= {container.name for container in self.plan}:
                with self.ground.board:
                    if self.task["desiredStatus"] != "STOPPED":
                        self._decide_end(*_ESSENTIAL_EXITED, failed=True)

    def _not_started(self, reason: str) -> None:
        with self.ground.board:
            if self.task["desiredStatus"] != "STOPPED":
                self._decide_end(_NOT_STARTED, reason, failed=True)
                for row in self.task["containers"]:
                    row["reason"] = reason

    def _decide_end(self, code: str, reason: str, *, failed: bool) -> None:
        count(self.task)
        self.task.update(desiredStatus="STOPPED", stopCode=code, stoppedReason=reason, stoppingAt=now(), _failed=failed)

    def _end(self) -> None:
        """Stop what still runs, wait for its last words, and say STOPPED."""
        self._enter_unasked("DEACTIVATING")
        stopping = [Thread(target=each.stop, daemon=True) for each in self._running.values()]
        for thread in stopping:
            thread.start()
        self.ended.set()
        for thread in (*stopping, *self._threads):
            thread.join()
        with self.ground.board:
            if self.task["desiredStatus"] != "STOPPED":
                self._decide_end(
                    _NOT_STARTED, "InternalError: the endpoint itself failed; its log says why", failed=True
                )
            count(self.task)
            self.task.update(lastStatus="STOPPED", stoppedAt=now(), executionStoppedAt=now())
            for row in self.task["containers"]:
                row["lastStatus"] = "STOPPED"
        self._tidy()

    def _tidy(self) -> None:
        for token in self.task.pop("_metadata_tokens", ()):
            ecs_metadata.unregister_token(token)
        self.ground.runner.forget(self._id)

    def _go_on(self) -> None:
        if self.task["desiredStatus"] == "STOPPED":
            raise _StopAskedError

    def _enter(self, status: str, stamp: str) -> None:
        self._go_on()
        self._enter_unasked(status)
        with self.ground.board:
            self.task[stamp] = now()

    def _enter_unasked(self, status: str) -> None:
        with self.ground.board:
            count(self.task)
            self.task["lastStatus"] = status
        ecs_metadata.set_task_status(self.task["taskArn"], known_status=status)
