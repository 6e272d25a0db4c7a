"""Evidence first: what a failed release left behind is saved and told before anything is taken back.

ECS forgets a stopped task within the hour, and a rollback makes it stop. So this comes first, always.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.core.plain import plain
from ops.core.seen import ServiceEvent, Task
from ops.core.settle import Started, new_tasks
from ops.core.suspect import Suspect, suspect
from ops.errors import Unreachable
from ops.shell.journal import Journal

LINES = 30
EVENTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvidence:
    """What one task left."""

    task: Task
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a failed deployment of one service left."""

    deployment: str
    service: str
    revision: str
    reasons: tuple[str, ...]
    suspect: Suspect | None
    tasks: tuple[TaskEvidence, ...]
    events: tuple[ServiceEvent, ...]
    judgement: Any = None

    def document(self) -> dict[str, Any]:
        """The evidence as JSON has it."""
        document: dict[str, Any] = plain(self)
        return document

    def lines(self) -> Iterable[str]:
        """The evidence for people."""
        yield f"{self.service} failed in deployment {self.deployment}"
        yield from (f"  {reason}" for reason in self.reasons)
        if self.suspect:
            yield f"suspected: {self.suspect.cause}"
            yield f"  {self.suspect.evidence}"
            yield f"  fix: {self.suspect.fix}"
        for each in self.tasks:
            yield f"task {each.task.id}: {each.task.status} {each.task.stop_code} {each.task.reason}".rstrip()
            yield f"  exit code {each.task.exit_code}, health {each.task.health or 'unknown'}"
            yield from (f"  | {line}" for line in each.lines)
        yield from (f"ECS: {event.text}" for event in self.events)


def gather(journal: Journal, ours: Started, reasons: tuple[str, ...], judgement: Any = None) -> Evidence:
    """Collect what the tasks of the deployment left. What cannot be read any more is missing, and no reason to stop."""
    world = journal.world
    try:
        tasks = list(new_tasks(ours, world.ecs.tasks(world.names.family(ours.service))))
        seen = world.ecs.service(ours.service)
    except Unreachable as error:
        tasks, seen, reasons = [], None, (*reasons, error.message)
    left = tuple(TaskEvidence(task=each, lines=_lines(journal, ours.service, each)) for each in tasks)
    return Evidence(
        deployment=journal.record.id,
        service=ours.service,
        revision=ours.revision,
        reasons=reasons,
        suspect=suspect(tasks, [line for each in left for line in each.lines]),
        tasks=left,
        events=seen.events[:EVENTS] if seen else (),
        judgement=judgement,
    )


def _lines(journal: Journal, service: str, task: Task) -> tuple[str, ...]:
    names = journal.world.names
    try:
        return journal.world.logs.last_lines(names.log_group(service), names.log_stream(service, task.id), LINES)
    except Unreachable as error:
        return (f"(its log could not be read: {error.message})",)


def save(evidence: Evidence, folder: Path) -> Path:
    """Write the evidence of a deployment under the folder, for people and for programs; where it is."""
    place = folder / evidence.deployment
    place.mkdir(parents=True, exist_ok=True)
    # What is saved beside the code must not make the next build a dirty one.
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    document = json.dumps(evidence.document(), default=str, indent=2)
    (place / f"{evidence.service}.json").write_text(document + "\n", encoding="utf-8")
    (place / f"{evidence.service}.txt").write_text("\n".join(evidence.lines()) + "\n", encoding="utf-8")
    return place
