"""The rest of the world of a release in memory, and faults at every call."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contract.names import NOT_RELEASED, Key, Names
from ops.core.lock import Lock
from ops.core.member import Member
from ops.core.release import Image
from ops.core.ruling import Verdict
from ops.core.seen import Trigger, Who
from ops.core.standing import Standing, standing
from ops.core.surroundings import Repository, Sought, Surroundings
from ops.errors import Exit, Unreachable
from ops.shell.deploy import Order, deploy
from ops.shell.ending import Ending
from ops.shell.observe import look
from ops.shell.repair import repair
from ops.shell.rollback import Return, roll_back
from ops.world import Asked, Proof, Subject, World
from tests.fakes.cluster import Behaviour, FakeEcs, ManualClock

BEGAN = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
WATCH_SECONDS = 90


class FakeImages:
    """The port `ops.world.Images`."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.gone: set[str] = set()

    def digest(self, tag: str) -> str | None:
        return self.tags.get(tag)

    def has(self, digest: str) -> bool:
        return digest in self.tags.values() and digest not in self.gone

    def tag(self, digest: str, tag: str) -> None:
        self.tags[tag] = digest


class FakeParameters:
    """The port `ops.world.Parameters`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.missing_secrets: dict[str, str] = {}

    def read(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self.values[name] for name in names if name in self.values}

    def create(self, name: str, value: str, description: str) -> bool:
        assert description
        if name in self.values:
            return False
        self.values[name] = value
        return True

    def write(self, name: str, value: str) -> None:
        self.values[name] = value

    def secret_missing(self, arn: str) -> str | None:
        return self.missing_secrets.get(arn)


class FakeControl:
    """The port `ops.world.Control`. Documents go through JSON, as in the table."""

    def __init__(self) -> None:
        self.held: Lock | None = None
        self.items: dict[Key, str] = {}

    def lock(self) -> Lock | None:
        return self.held

    def take(self, wanted: Lock, now: datetime, *, over: int | None = None) -> Lock | None:
        held = self.held
        if held is not None and held.held(now) and held.token != wanted.token and held.fence != over:
            return None
        self.held = replace(wanted, fence=(held.fence if held else 0) + 1)
        return self.held

    def renew(self, lock: Lock, expires: datetime) -> bool:
        if not self._ours(lock):
            return False
        self.held = replace(lock, expires=expires)
        return True

    def let_go(self, lock: Lock, now: datetime) -> None:
        if self._ours(lock):
            self.held = replace(lock, expires=now)

    def write(self, key: Key, document: Mapping[str, Any], fence: int) -> bool:
        if self.held is None or self.held.fence != fence:
            return False
        self.items[key] = json.dumps(document, default=str)
        return True

    def read(self, key: Key) -> Mapping[str, Any] | None:
        return json.loads(self.items[key]) if key in self.items else None

    def newest(self, partition: str, limit: int) -> tuple[Mapping[str, Any], ...]:
        keys = sorted((k for k in self.items if k.partition == partition), key=lambda k: k.sort, reverse=True)
        return tuple(json.loads(self.items[key]) for key in keys[:limit])

    def _ours(self, lock: Lock) -> bool:
        return self.held is not None and (self.held.fence, self.held.token) == (lock.fence, lock.token)


class FakeSchedules:
    """The port `ops.world.Schedules`."""

    def __init__(self) -> None:
        self.triggers: dict[str, Trigger] = {}
        self.others: list[Trigger] = []
        """Schedules of other groups, and rules."""

    def all(self) -> tuple[Trigger, ...]:
        return tuple(self.triggers.values())

    def everywhere(self) -> tuple[Trigger, ...]:
        return (*self.triggers.values(), *self.others)

    def one(self, group: str, name: str) -> Trigger | None:
        return next((each for each in self.everywhere() if (each.group, each.name) == (group, name)), None)

    def switch(self, trigger: Trigger, *, enabled: bool) -> None:
        changed = replace(trigger, enabled=enabled)
        if trigger.name in self.triggers:
            self.triggers[trigger.name] = changed
        else:
            self.others = [changed if each == trigger else each for each in self.others]

    def point(self, name: str, revision: str, *, enabled: bool) -> None:
        self.triggers[name] = replace(self.triggers[name], revision=revision, enabled=enabled)


class FakeEstate:
    """The port `ops.world.Estate`: everything is there and as declared, but for what a test says."""

    def __init__(self) -> None:
        self.otherwise: dict[str, Any] = {}

    def look(self, wanted: Sought) -> Surroundings:
        rules = [{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPrefixList": ["verified-"]}}]
        everything: dict[str, Any] = {
            "account": "123456789012",
            "cluster": True,
            "services": (),
            "repository": Repository(immutable=True, scans=True, rules=rules),
            "repository_there": True,
            "log_groups": dict.fromkeys(wanted.log_groups, 7),
            "roles": frozenset(wanted.roles),
            "subnets": frozenset(wanted.subnets),
            "security_groups": frozenset(wanted.security_groups),
            "ringing": (),
        }
        return Surroundings(**(everything | self.otherwise))


class FakeAlerts:
    """The port `ops.world.Alerts`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.away = False

    def send(self, subject: str, text: str) -> None:
        if self.away:
            raise lost()
        self.sent.append((subject, text))


class FakeLogs:
    """The port `ops.world.Logs`: what tasks logged, by the id of the task."""

    def __init__(self, ecs: FakeEcs) -> None:
        self._ecs = ecs

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        assert group.startswith("/ecs/")
        task = self._ecs.task(stream.rpartition("/")[2])
        if task is None:
            return ()
        named = self._ecs.definitions[task.revision].document["containerDefinitions"][0]["image"].partition("@")[2]
        return self._ecs.behaviours.get(named, Behaviour()).lines[-count:]


class Killed(BaseException):
    """The process ended here. Nobody catches it."""


@dataclass
class Faults:
    """Raises at one call: `error()` before the n-th call does anything, or after it has done it."""

    at: int = 0
    after: bool = False
    error: Callable[[], BaseException] = Killed
    dead: bool = False
    """A killed process makes no more calls, not even while the stack unwinds."""
    calls: list[str] = field(default_factory=list)

    def of(self, port: Any) -> Any:
        return _Faulty(port, self)


class _Faulty:
    """A port with the fault in front of it."""

    def __init__(self, port: Any, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*words: Any, **named: Any) -> Any:
            faults = self._faults
            if faults.dead:
                raise Killed
            faults.calls.append(f"{type(self._port).__name__}.{name}")
            due = len(faults.calls) == faults.at
            if due and not faults.after:
                raise self._end()
            answer = method(*words, **named)
            if due:
                raise self._end()
            return answer

        return call

    def _end(self) -> BaseException:
        error = self._faults.error()
        self._faults.dead = isinstance(error, Killed)
        return error


def lost() -> BaseException:
    return Unreachable("no answer", next_step="ops status", exit_code=Exit.NOT_DONE)


class Environment:
    """An environment with one service or several, and everything that a person can do to it."""

    def __init__(self, folder: Path, services: tuple[str, ...] = ("dispatcher-large",)) -> None:
        self.folder = folder
        self.names = Names("sandbox")
        self.clock = ManualClock(BEGAN)
        self.ecs = FakeEcs(self.names, self.clock)
        self.images = FakeImages()
        self.parameters = FakeParameters()
        self.control = FakeControl()
        self.schedules = FakeSchedules()
        self.logs = FakeLogs(self.ecs)
        self.estate = FakeEstate()
        self.alerts = FakeAlerts()
        self.verdicts: dict[str, list[Verdict] | Verdict] = {}
        """By digest; PASS for others. A list is used up, one for each time it is judged."""
        self.told: list[str] = []
        self.settled: list[str] = []
        """The settlings that were waited for."""
        self.when_settling: dict[int, Callable[[], object]] = {}
        """What happens while the n-th of them is waited for, once."""
        self.watch_seconds = WATCH_SECONDS
        self.members = tuple(
            Member(name=n, rules="default", accounts=(n.rpartition("-")[2],), schedules=(f"check-{n}",))
            for n in services
        )
        self._processes = 0
        self.dead = False
        """Whether the holder of the lock is known to be."""
        for member in self.members:
            self._stand_up(member)

    def _stand_up(self, member: Member) -> None:
        self.ecs.template(member.name, {"TRADING_LIMITS_LARGE": '{"max":1}'})
        self.ecs.stand_up(member.name)
        self.parameters.values[self.names.running(member.name)] = NOT_RELEASED
        for schedule in member.schedules:
            self.parameters.values[self.names.schedule_revision(schedule)] = NOT_RELEASED
            self.parameters.values[self.names.schedule_state(schedule)] = "ENABLED"
            template = self.names.template_family(member.name)
            self.schedules.triggers[schedule] = Trigger(
                name=schedule,
                group=self.names.schedule_group,
                enabled=False,
                revision=template,
                expression="cron(0 9 ? * MON-FRI *)",
                time_zone="America/New_York",
                dead_letters=True,
            )

    def world(self, faults: Faults | None = None) -> World:
        wrap: Callable[[Any], Any] = faults.of if faults is not None else lambda port: port
        return World(
            names=self.names,
            ecs=wrap(self.ecs),
            images=wrap(self.images),
            parameters=wrap(self.parameters),
            control=wrap(self.control),
            schedules=wrap(self.schedules),
            logs=wrap(self.logs),
            estate=wrap(self.estate),
            alerts=wrap(self.alerts),
            clock=self.clock,
            jitter=lambda: 1.0,
        )

    def image(self, name: str, behaviour: Behaviour | None = None, *, verdict: Verdict | None = None) -> Image:
        """An image that will be built; pushed when it is."""
        digest = f"sha256:{name * 8}"
        if behaviour is not None:
            self.ecs.behaviours[digest] = behaviour
        if verdict is not None:
            self.verdicts[digest] = verdict
        return Image(repository="registry/ops", tag=name, digest=digest, git=f"{name}{name}", schema_head="0002")

    def deploy(self, image: Image, faults: Faults | None = None, **more: Any) -> Ending:
        order = Order(
            members=self.members,
            only=more.pop("only", ()),
            asked=self.asked(more.pop("lock_wait", 0)),
            evidence=self.folder,
        )
        build = more.pop("build", None) or (lambda: self._push(image))
        return deploy(self.world(faults), order, build=build, prove=self.prove(faults), tell=self.tell, **more)

    def roll_back(self, to: str | None = None, faults: Faults | None = None) -> Ending:
        wanted = Return(members=self.members, to=to, asked=self.asked(0), evidence=self.folder)
        return roll_back(self.world(faults), wanted, self.prove(faults), self.tell)

    def repair(self) -> Ending:
        return repair(self.world(), self.members, self.asked(0), self.tell)

    def status(self) -> Standing:
        return standing(look(self.world(), self.members), self.names)

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def _push(self, image: Image) -> Image:
        self.images.tags.setdefault(image.tag, image.digest)
        return image

    def asked(self, lock_wait: float = 0) -> Asked:
        self._processes += 1
        who = Who(arn="arn:aws:iam::123456789012:user/trader", host="desk")
        return Asked(who=who, token=f"process-{self._processes}", dead=lambda _: self.dead, lock_wait_seconds=lock_wait)

    def prove(self, faults: Faults | None = None) -> Callable[[Subject], Proof]:
        def prove(subject: Subject) -> Proof:
            until = self.clock.now() + timedelta(seconds=self.watch_seconds)
            while self.clock.now() < until:
                if faults is not None and faults.dead:
                    raise Killed
                why = subject.watch()
                if why is not None:
                    return Proof(verdict=Verdict.INCONCLUSIVE, reasons=(why,))
                self.clock.sleep(10)
            return Proof(verdict=self._verdict(subject.revision), reasons=("as the test said",))

        return prove

    def _verdict(self, revision: str) -> Verdict:
        digest = self.ecs.definitions[revision].document["containerDefinitions"][0]["image"].partition("@")[2]
        said = self.verdicts.get(digest, Verdict.PASS)
        if isinstance(said, list):
            return said.pop(0)
        return said

    def tell(self, step: str, detail: str) -> None:
        self.told.append(f"{step}: {detail}")
        if step.startswith("settle"):
            self.settled.append(step)
            self.when_settling.pop(len(self.settled), lambda: None)()

    def alarm_rings_late(self, service: str, settling: int) -> None:
        """While that settling is waited for, an alarm rings that the lines of the release being left set off."""
        self.when_settling[settling] = lambda: self.ecs.alarm_rings(service)
