"""One-off tasks of a revision: questions that need the database or the secrets, asked before a service is touched."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.core.release import short
from ops.core.seen import Service, Task
from ops.core.suspect import Suspect, suspect
from ops.errors import Unreachable
from ops.shell.locking import pause
from ops.world import Tell, World

LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a one-off task ended."""

    command: tuple[str, ...]
    task: Task
    lines: tuple[str, ...]
    """The last that it logged."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself and well. No exit code is not a good one."""
        return self.task.ended and self.task.exit_code == 0

    @property
    def said(self) -> Any:
        """The last JSON object that it logged; None when there is none."""
        return next((said for said in map(_json_object, reversed(self.lines)) if said is not None), None)

    @property
    def findings(self) -> tuple[dict[str, Any], ...] | None:
        """What the task itself found, each with check, subject, evidence and fix; None when it did not say."""
        told = self.said.get("findings") if isinstance(self.said, dict) else None
        return tuple(each for each in told if isinstance(each, dict)) if isinstance(told, list) else None

    @property
    def suspect(self) -> Suspect | None:
        """What probably went wrong."""
        return suspect([self.task], self.lines)

    def reasons(self) -> tuple[str, ...]:
        """Why it is not ok: what the task found, else how it ended and what is suspected."""
        if self.findings:
            found = (f"{each.get('subject')}: {each.get('evidence')}; {each.get('fix')}" for each in self.findings)
            return (*found, self.why())
        suspected = self.suspect
        return (self.why(), *((f"suspected: {suspected.cause}; {suspected.fix}",) if suspected else ()))

    def why(self) -> str:
        """Why it is not ok, in a sentence."""
        code = "no exit code" if self.task.exit_code is None else f"exit code {self.task.exit_code}"
        told = f"{self.task.stop_code} {self.task.reason}".strip()
        state = "ended" if self.task.ended else f"did not end (it is {self.task.status})"
        return f"`{' '.join(self.command)}` of {short(self.task.revision)} {state}: {code}{f', {told}' if told else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """On whose behalf a question is asked, and how patiently."""

    by: str
    """What `startedBy` of the task says."""
    seconds: float
    tell: Tell
    meanwhile: Callable[[], None] = lambda: None
    """Called with every look."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is under way."""

    command: tuple[str, ...]
    service: Service
    task: Task
    since: float
    """By the world's monotonic clock."""


def ask(world: World, service: Service, revision: str, command: tuple[str, ...], asking: Asking) -> Answer:
    """Run the command as a one-off task of the revision, in the service's network, and wait for its end."""
    return answer(world, begin(world, service, revision, command, by=asking.by), asking)


def begin(world: World, service: Service, revision: str, command: tuple[str, ...], *, by: str) -> Asked:
    """Start the command as a one-off task of the revision, in the service's network. Asking twice starts one task."""
    token = f"{by}-{service.name}-{command[0]}"[-64:]  # another deployment's is another
    task = world.ecs.run(revision, command, like=service, by=by, token=token)
    return Asked(command, service, task, world.clock.monotonic())


def answer(world: World, asked: Asked, asking: Asking) -> Answer:
    """Wait for the end of what was asked."""
    task = asked.task
    while not task.ended and world.clock.monotonic() - asked.since < asking.seconds:
        pause(world, asked.since)
        task = _again(world, task, asking)
    name = asked.service.name
    group, stream = world.names.log_group(name), world.names.log_stream(name, task.id)
    return Answer(command=asked.command, task=task, lines=world.logs.last_lines(group, stream, LINES))


def _again(world: World, task: Task, asking: Asking) -> Task:
    """The task now; as it was when nobody answers."""
    try:
        asking.meanwhile()
        return world.ecs.task(task.id) or task
    except Unreachable as error:
        asking.tell("waiting", error.message)
        return task


def _json_object(line: str) -> Any:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
