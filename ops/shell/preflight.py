"""Everything that must hold before a deployment, looked at without one: all findings at once, each with its fix."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from contract.inventory import Inventory
from contract.place import Place
from ops.core.member import Member
from ops.core.release import short
from ops.core.runners import ASKED
from ops.core.scene import Finding, Scene, Severity
from ops.core.seen import Service
from ops.core.standing import running, standing
from ops.errors import Exit, OpsError
from ops.shell.clockwork import clock_findings, clockwork
from ops.shell.initialise import wanted
from ops.shell.observe import look
from ops.shell.oneoff import Answer, Asking, ask
from ops.shell.preparing import findings
from ops.world import Tell, World

CHECK = ("check", "--json")
SECONDS = 120
"""How long the one-off tasks may take."""
_STARTED_BY_MOST = 36
"""Characters that `startedBy` may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What the environment should be."""

    members: tuple[Member, ...]
    inventory: Inventory
    place: Place | None


def preflight(world: World, declared: Declaration, token: str | None, tell: Tell) -> tuple[Finding, ...]:
    """Every finding. With a token, which is unique to this process, what runs is asked to check itself as well."""
    found = _found(world, declared, token, tell)
    return tuple({(each.id, each.subject): each for each in found}.values())


def _found(world: World, declared: Declaration, token: str | None, tell: Tell) -> Iterator[Finding]:
    """What stops a deployment, then what disagrees. Without a control table little else can be looked for."""
    yield from _parameters(world, declared.inventory)
    try:
        scene = look(world, declared.members)
    except OpsError as error:
        if error.exit_code is not Exit.FINDINGS:
            raise
        yield _error("control-table-missing", world.names.control_table, error.message, error.next_step)
        return
    yield from findings(world, scene, declared.members, declared.place)
    yield from _lock(scene)
    yield from standing(scene, world.names).findings
    yield from clock_findings(world, scene, clockwork(world, declared.inventory))
    if token is not None:
        yield from _checked(world, scene, token, tell)


def _parameters(world: World, inventory: Inventory) -> Iterator[Finding]:
    needed = [each.name for each in wanted(inventory, world.names)]
    there_are = world.parameters.read(tuple(needed))
    for name in needed:
        if name not in there_are:
            yield _error("parameter-missing", name, "there is no such parameter", "ops init")


def _lock(scene: Scene) -> Iterator[Finding]:
    if scene.lock is not None and scene.lock.held(scene.at):
        yield _error("locked", scene.lock.purpose, scene.lock.holder(), "wait for it: ops deploy --lock-wait SECONDS")


# ----------------------------------------------------------------------------- what only the tasks themselves can see


def _checked(world: World, scene: Scene, token: str, tell: Tell) -> Iterator[Finding]:
    """Keys of the secrets, schema, broker account: asked of what runs, because nobody else may read them."""
    runs = [
        (seen, revision)
        for name, revision in running(scene, world.names).items()
        if (seen := scene.services.get(name)) is not None
    ]
    if not runs:
        tell("check", "not asked: nothing was released yet, so there is no image to ask")
        return
    tell("check", f"asking {', '.join(short(revision) for _, revision in runs)}")
    asking = Asking(by=f"{ASKED}{token}"[:_STARTED_BY_MOST], seconds=SECONDS, tell=tell)
    with ThreadPoolExecutor(max_workers=len(runs)) as pool:
        answers = list(pool.map(lambda each: ask(world, each[0], each[1], CHECK, asking), runs))
    for (seen, _), answer in zip(runs, answers, strict=True):
        yield from _of_answer(seen, answer)


def _of_answer(seen: Service, answer: Answer) -> Iterator[Finding]:
    told = answer.findings
    if told is not None and (told or answer.ok):
        yield from _told(seen, told)
        return
    suspected = f"; suspected: {answer.suspect.cause}" if answer.suspect else ""
    fix = answer.suspect.fix if answer.suspect else f"ops logs {seen.name} --task {answer.task.id or 'ID'}"
    yield _error("check-unanswered", seen.name, f"{answer.why()}{suspected}", fix)


def _told(seen: Service, told: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    for each in told:
        subject = f"{seen.name}: {each.get('subject', '')}"
        yield _error(f"check-{each.get('check', 'unknown')}", subject, each.get("evidence", ""), each.get("fix", ""))


def _error(identity: str, subject: str, evidence: str, fix: str) -> Finding:
    return Finding(id=identity, severity=Severity.ERROR, subject=subject, evidence=evidence, fix=fix)
