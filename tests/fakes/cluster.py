"""An ECS cluster in memory: services, revisions, deployments and tasks as a state machine on a fake clock.

It behaves as the documents say and no better: a circuit breaker that goes back to the last completed deployment, be it
a template that cannot run; a service that is "stable" afterwards; a newer deployment that supersedes an older one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contract.names import CONTAINER, Names
from ops.core.seen import Past, Rolling, Rollout, Service, ServiceEvent, Task, TaskDefinition

BREAKER_FAILURES = 3
START_SECONDS = 3
STEADY_SECONDS = 6
RESTART_SECONDS = 2


class ManualClock:
    """Time that passes when somebody sleeps."""

    def __init__(self, at: datetime) -> None:
        self._begun = at
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._begun + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._seconds += seconds


@dataclass(frozen=True)
class Behaviour:
    """How tasks of an image behave."""

    starts: bool = True
    dies_after: float | None = None
    never_ready: bool = False
    stop_code: str = "EssentialContainerExited"
    reason: str = "Essential container in task exited"
    exit_code: int | None = 1
    lines: tuple[str, ...] = ()
    runs: str | None = None
    """Another digest than the one it is named by."""
    one_off: Mapping[str, int] = field(default_factory=dict)
    """Exit codes of its one-off commands; 0 for others."""
    history: bool = False
    """Whether ECS keeps a history of it."""


UNRELEASED = Behaviour(starts=False, stop_code="TaskFailedToStart", reason="CannotPullContainerError", exit_code=None)
"""A template's image is never pushed."""


@dataclass
class _Service:
    name: str
    revision: str
    desired: int
    rollings: list[Rolling] = field(default_factory=list)
    events: list[ServiceEvent] = field(default_factory=list)
    breaker: bool = True


class FakeEcs:
    """The port `ops.world.Ecs`."""

    def __init__(self, names: Names, clock: ManualClock) -> None:
        self.names = names
        self.clock = clock
        self.definitions: dict[str, TaskDefinition] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.services: dict[str, _Service] = {}
        self._tasks: dict[str, Task] = {}
        self._tokens: dict[str, str] = {}
        self._next_failure: dict[str, datetime] = {}
        self.updates: list[tuple[str, str | None, int | None]] = []
        self._count = 0
        self._anew: set[str] = set()
        """Deployments that were forced, and have tasks of their own though their revision ran before."""

    # ---------------------------------------------------------------------------------------------- what tests set up

    def template(self, service: str, environment: Mapping[str, str]) -> str:
        container = {
            "name": CONTAINER,
            "image": "registry/ops:unreleased",
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
            "secrets": [{"name": "DATABASE_PASSWORD", "valueFrom": "arn:aws:secretsmanager:r:1:secret:db:password::"}],
        }
        document = {"containerDefinitions": [container], "cpu": "256", "memory": "512"}
        return self._register(self.names.template_family(service), document, {})

    def stand_up(self, service: str) -> None:
        """What the first `cdk deploy` leaves: a service on the template's revision, with nothing to run."""
        template = self.definition(self.names.template_family(service))
        assert template is not None
        rolling = self._rolling(template.arn, 0)
        done = replace(rolling, rollout=Rollout.COMPLETED)
        self.services[service] = _Service(service, template.arn, 0, [done])

    def deregister(self, arn: str) -> None:
        self.definitions[arn] = replace(self.definitions[arn], active=False)

    def someone_updates(self, service: str, revision: str) -> None:
        """Another program's UpdateService."""
        self._start(self.services[service], revision)

    def alarm_rings(self, service: str) -> None:
        """An alarm of the service's deployment: back to the last completed one, whichever that is."""
        held = self.services[service]
        primary = next(each for each in held.rollings if each.primary)
        self._give_up(held, primary, "ECS deployment failed: alarm detected.", "deployment failed: alarm detected.")

    def someone_serves(self, service: str, revision: str, desired: int = 1) -> None:
        """A second service."""
        self.services[service] = _Service(service, revision, desired, [self._rolling(revision, desired)])

    def someone_starts(self, family: str, by: str) -> None:
        """A second runner."""
        definition = self.definition(family)
        assert definition is not None
        task = self._task(definition.arn, f"family:{family}", by)
        self._tasks[task.id] = replace(task, status="RUNNING")

    def runs(self, service: str) -> str | None:
        """The truth: the revision whose tasks run."""
        self._advance()
        running = [t for t in self._tasks.values() if t.group == f"service:{service}" and t.status == "RUNNING"]
        revisions = {each.revision for each in running}
        return revisions.pop() if len(revisions) == 1 else None

    # --------------------------------------------------------------------------------------------------- the port

    def service(self, name: str) -> Service | None:
        self._advance()
        held = self.services.get(name)
        if held is None:
            return None
        tasks = self._of(name)
        return Service(
            name=name,
            active=True,
            revision=held.revision,
            desired=held.desired,
            running=sum(each.status == "RUNNING" for each in tasks),
            pending=sum(each.status == "PENDING" for each in tasks),
            rollings=tuple(self._counted(held, each) for each in held.rollings),
            events=tuple(held.events),
        )

    def all_services(self) -> tuple[Service, ...]:
        return tuple(seen for name in self.services if (seen := self.service(name)) is not None)

    def all_tasks(self) -> tuple[Task, ...]:
        self._advance()
        return tuple(each for each in self._tasks.values() if not each.ended)

    def update(self, name: str, *, revision: str | None, desired: int | None, force: bool = False) -> Service:
        self._advance()
        held = self.services[name]
        self.updates.append((name, revision, desired))
        if desired is not None:
            held.desired = desired
        if revision is not None and (force or revision != held.revision):
            assert self.definitions[revision].active, "ECS refuses an inactive revision"
            anew = revision == held.revision
            self._start(held, revision)
            self._anew |= {held.rollings[0].id} if anew else set()
        elif desired == 0:
            self._stop(each for each in self._of(name))
        seen = self.service(name)
        assert seen is not None
        return seen

    def past(self, name: str, since: datetime) -> tuple[Past, ...]:
        held = self.services[name]
        return tuple(
            Past(id=each.id, status="ROLLBACK_SUCCESSFUL", revision=each.revision, reason=each.reason, failures=3)
            for each in held.rollings
            if each.rollout is Rollout.FAILED
            and self._behaviour(each.revision).history
            and (each.created or since) >= since
        )

    def definition(self, name: str) -> TaskDefinition | None:
        if name in self.definitions:
            return self.definitions[name]
        active = [each for each in self.definitions.values() if each.family == name and each.active]
        return max(active, key=lambda each: int(each.arn.rpartition(":")[2]), default=None)

    def register(self, family: str, document: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        return self._register(family, document, tags)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        held = self.definitions[arn]
        self.definitions[arn] = replace(held, tags={**held.tags, **tags})

    def tasks(self, family: str) -> tuple[Task, ...]:
        self._advance()
        return tuple(t for t in self._tasks.values() if self.definitions[t.revision].family == family)

    def run(self, revision: str, command: tuple[str, ...], *, like: Service, by: str, token: str) -> Task:
        del like
        if token in self._tokens:
            return self._tasks[self._tokens[token]]
        task = self._task(revision, f"family:{self.definitions[revision].family}", by)
        code = self._behaviour(revision).one_off.get(command[0], 0)
        ended = replace(task, status="STOPPED", stop_code="EssentialContainerExited", exit_code=code)
        self._tasks[task.id] = ended
        self._tokens[token] = task.id
        return task

    def task(self, identity: str) -> Task | None:
        return self._tasks.get(identity)

    # ------------------------------------------------------------------------------------------------ how it goes on

    def _advance(self) -> None:
        for held in self.services.values():
            for _ in range(100):
                if not self._step(held):
                    break

    def _step(self, held: _Service) -> bool:
        """One thing that has become due; whether there was one."""
        primary = next(each for each in held.rollings if each.primary)
        behaviour, now = self._behaviour(primary.revision), self.clock.now()
        mine = [each for each in self._of(held.name) if self._is_its(primary, each)]
        if self._deaths(mine, behaviour, now):
            return True
        if held.desired == 0:
            return self._rest(held, primary)
        if primary.rollout is Rollout.FAILED:
            return False
        return self._go_on(held, primary, behaviour, mine)

    def _go_on(self, held: _Service, primary: Rolling, behaviour: Behaviour, mine: list[Task]) -> bool:
        """Towards the deployment: a task that starts or fails, and the end when it is ready."""
        now = self.clock.now()
        if not behaviour.starts:
            return self._fail(held, primary, behaviour, now)
        if not mine and now >= self._due(primary, START_SECONDS):
            task = self._task(primary.revision, f"service:{held.name}", primary.id)
            self._tasks[task.id] = replace(task, status="PENDING" if behaviour.never_ready else "RUNNING")
            return True
        ready = any(each.status == "RUNNING" for each in mine) and now >= self._due(primary, STEADY_SECONDS)
        if ready and primary.rollout is Rollout.IN_PROGRESS:
            return self._complete(held, primary)
        return False

    def _deaths(self, mine: list[Task], behaviour: Behaviour, now: datetime) -> bool:
        for task in mine:
            created = task.created or now
            if behaviour.dies_after is not None and now >= created + timedelta(seconds=behaviour.dies_after):
                self._tasks[task.id] = self._dead(task, behaviour, created + timedelta(seconds=behaviour.dies_after))
                return True
        return False

    def _rest(self, held: _Service, primary: Rolling) -> bool:
        if primary.rollout is Rollout.COMPLETED:
            return False
        self._replace(held, replace(primary, rollout=Rollout.COMPLETED))
        return True

    def _fail(self, held: _Service, primary: Rolling, behaviour: Behaviour, now: datetime) -> bool:
        due = self._next_failure.get(primary.id, self._due(primary, START_SECONDS))
        if now < due:
            return False
        self._next_failure[primary.id] = due + timedelta(seconds=RESTART_SECONDS)
        task = self._task(primary.revision, f"service:{held.name}", primary.id)
        self._tasks[task.id] = self._dead(replace(task, created=due), behaviour, due)
        failed = replace(primary, failed=primary.failed + 1)
        self._replace(held, failed)
        if failed.failed >= BREAKER_FAILURES and held.breaker:
            self._give_up(held, failed)
        return True

    def _give_up(
        self,
        held: _Service,
        failed: Rolling,
        reason: str = "ECS deployment circuit breaker: tasks failed to start.",
        said: str = "deployment failed: tasks failed to start.",
    ) -> None:
        """Back to the last completed deployment, as a new one; nowhere when there is none."""
        text = f"(service {held.name}) (deployment {failed.id}) {said}"
        held.events.insert(0, ServiceEvent(at=self.clock.now(), text=text))
        good = [each for each in held.rollings if each.rollout is Rollout.COMPLETED]
        self._replace(held, replace(failed, rollout=Rollout.FAILED, reason=reason, primary=not good))
        if good:
            held.revision = good[0].revision
            back = replace(self._rolling(good[0].revision, held.desired), reason="rolling back")
            held.rollings.insert(0, back)

    def _complete(self, held: _Service, primary: Rolling) -> bool:
        self._replace(held, replace(primary, rollout=Rollout.COMPLETED))
        self._stop(each for each in self._of(held.name) if not self._is_its(primary, each))
        held.rollings = [each for each in held.rollings if each.primary or each.rollout is Rollout.FAILED]
        return True

    def _is_its(self, rolling: Rolling, task: Task) -> bool:
        return task.revision == rolling.revision and (rolling.id not in self._anew or task.started_by == rolling.id)

    def _start(self, held: _Service, revision: str) -> None:
        held.revision = revision
        held.rollings = [replace(each, primary=False) for each in held.rollings]
        held.rollings.insert(0, self._rolling(revision, held.desired))

    # ------------------------------------------------------------------------------------------------------- details

    def _rolling(self, revision: str, desired: int) -> Rolling:
        self._count += 1
        identity = f"ecs-svc/{self._count:04}"
        now = self.clock.now()
        rollout = Rollout.IN_PROGRESS
        return Rolling(id=identity, revision=revision, primary=True, rollout=rollout, desired=desired, created=now)

    def _counted(self, held: _Service, each: Rolling) -> Rolling:
        running = sum(t.status == "RUNNING" and t.revision == each.revision for t in self._of(held.name))
        return replace(each, running=running)

    def _replace(self, held: _Service, rolling: Rolling) -> None:
        held.rollings = [rolling if each.id == rolling.id else each for each in held.rollings]

    def _of(self, service: str) -> list[Task]:
        return [t for t in self._tasks.values() if t.group == f"service:{service}" and t.status != "STOPPED"]

    def _stop(self, tasks: Any) -> None:
        for task in list(tasks):
            ended = replace(task, status="STOPPED", stop_code="ServiceSchedulerInitiated", stopped=self.clock.now())
            self._tasks[task.id] = ended

    def _dead(self, task: Task, behaviour: Behaviour, at: datetime) -> Task:
        return replace(
            task,
            status="STOPPED",
            stop_code=behaviour.stop_code,
            reason=behaviour.reason,
            exit_code=behaviour.exit_code,
            stopped=at,
        )

    def _task(self, revision: str, group: str, by: str) -> Task:
        self._count += 1
        named = self.definitions[revision].document["containerDefinitions"][0]["image"].partition("@")[2]
        runs = self._behaviour(revision).runs or named
        identity = f"task{self._count:04}"
        now = self.clock.now()
        return Task(
            id=identity, revision=revision, group=group, status="PENDING", started_by=by, digest=runs, created=now
        )

    def _behaviour(self, revision: str) -> Behaviour:
        named = self.definitions[revision].document["containerDefinitions"][0]["image"].partition("@")[2]
        return self.behaviours.get(named, Behaviour()) if named else UNRELEASED

    def _due(self, rolling: Rolling, seconds: float) -> datetime:
        return (rolling.created or self.clock.now()) + timedelta(seconds=seconds)

    def _register(self, family: str, document: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        number = 1 + sum(each.family == family for each in self.definitions.values())
        arn = f"arn:aws:ecs:us-west-2:123456789012:task-definition/{family}:{number}"
        self.definitions[arn] = TaskDefinition(arn=arn, family=family, active=True, document=document, tags=tags)
        return arn
