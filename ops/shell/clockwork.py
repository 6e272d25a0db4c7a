"""Looking at what the clock starts, and holding it to how it should be. Under the lock, and written down."""

from collections.abc import Iterable

from contract.inventory import Inventory
from contract.workload import ScheduleState
from ops.core.clockwork import Declared, Entry, Whose, audit, entries, external
from ops.core.member import Member
from ops.core.records import Kind, Outcome, Record, identity
from ops.core.runners import kinship
from ops.core.scene import Finding, Scene
from ops.core.standing import release, standing
from ops.errors import Exit, OpsError
from ops.shell.ending import Ending, ending
from ops.shell.journal import Journal, close_interrupted, closing
from ops.shell.locking import Grip, holding
from ops.shell.observe import definitions, look, templates
from ops.shell.promoting import move_schedules
from ops.shell.repair import schedules_to_move
from ops.world import Asked, Tell, World


def clockwork(world: World, inventory: Inventory) -> tuple[Entry, ...]:
    """Everything that the clock starts and that concerns us, as it is now."""
    names = world.names
    asked = [
        each for name in inventory.schedules for each in (names.schedule_revision(name), names.schedule_state(name))
    ]
    accounts = {name: service.accounts for name, service in inventory.services.items()}
    declared = Declared(
        names=names,
        kin=kinship(names, accounts, templates(world, accounts).values()),
        own=inventory.schedules,
        external=inventory.external_schedules,
        parameters=world.parameters.read(tuple(asked)),
    )
    found = world.schedules.everywhere()
    return entries(declared, found, definitions(world, [each.revision for each in found if each.revision]))


def externals(world: World, inventory: Inventory) -> tuple[Entry, ...]:
    """The declared schedules of others, and nothing else: few questions, for whoever asks often."""
    found = [
        trigger
        for name, what in inventory.external_schedules.items()
        if (trigger := world.schedules.one(what.group, name)) is not None
    ]
    return tuple(external(name, what, found) for name, what in inventory.external_schedules.items())


def clock_findings(world: World, scene: Scene, found: Iterable[Entry]) -> tuple[Finding, ...]:
    """What is wrong with the clock: by itself, and compared with the release that was proven."""
    of_release = [each for each in standing(scene, world.names).findings if each.id.startswith("schedule-")]
    return (*audit(found), *of_release)


def sync(world: World, members: tuple[Member, ...], inventory: Inventory, asked: Asked, tell: Tell) -> Ending:
    """Hold the schedules of others to their declared states, and ours to their parameters and the proven release."""
    with holding(world, asked, "hold the schedules", tell) as grip:
        scene = look(world, members)
        close_interrupted(world, grip, scene.records, tell)
        found = externals(world, inventory)
        wrong = [each for each in found if each.trigger is not None and not each.held]
        moving = schedules_to_move(world, scene, members)
        missing = tuple(each for each in audit(found) if each.id == "external-absent")
        if not wrong and not moving:
            return _nothing(missing)
        journal = Journal(world, grip, _record(world, asked, grip, scene), tell)
        with closing(journal):
            for each in wrong:
                _switch(journal, each, each.should)
            move_schedules(journal, moving)
            told = tuple(f"{each.group}/{each.name} is {each.should}, as declared" for each in wrong)
            told += tuple(f"{name} starts what was proven" for name in moving)
            record = journal.end(Outcome.DONE, told)
            return ending(record, f"{len(told)} schedules put right", findings=missing)


def _nothing(missing: tuple[Finding, ...]) -> Ending:
    told = "every schedule is as it should be; nothing was changed"
    return Ending(exit=Exit.DONE, message=told, next_step="nothing", findings=missing)


def switch(
    world: World,
    members: tuple[Member, ...],
    each: Entry,
    state: ScheduleState,
    *,
    why: str,
    asked: Asked,
    tell: Tell,
) -> Ending:
    """Let one schedule fire, or not. Of ours the parameter says it first, so that no release and no stack undoes it.

    Raises:
        OpsError: it is declared otherwise.
    """
    refuse_against_declaration(each, state)
    with holding(world, asked, f"let {each.name} be {state}", tell) as grip:
        scene = look(world, members)
        close_interrupted(world, grip, scene.records, tell)
        journal = Journal(world, grip, _record(world, asked, grip, scene), tell)
        with closing(journal):
            if each.whose is Whose.OURS:
                journal.begin(f"point {each.name}", f"its parameter at {state}")
                journal.point(world.names.schedule_state(each.name), state)
            waits = each.whose is Whose.OURS and not _released(world, each)
            if each.trigger is not None and not waits:
                _switch(journal, each, state)
            told = f"{each.group}/{each.name} is {state}{', once something is released' if waits else ''}"
            return ending(journal.end(Outcome.DONE, (f"{told}: {why}",)), told)


def refuse_against_declaration(each: Entry, state: ScheduleState) -> None:
    """A schedule of somebody else is what `pipeline.toml` says, whoever asks."""
    if each.whose is Whose.EXTERNAL and each.should is not state:
        raise OpsError(
            f"{each.group}/{each.name} is declared {each.should}, and would be put back by the next sync",
            next_step=f"set state under [external_schedules.{each.name}] in pipeline.toml, then ops schedules sync",
        )
    if each.trigger is None and each.whose is not Whose.OURS:
        raise OpsError(
            f"{each.group} has no schedule {each.name}",
            next_step="ops schedules list, which names those that there are",
            exit_code=Exit.NOT_DONE,
        )


def _released(world: World, each: Entry) -> bool:
    """Whether it starts a revision that was released; until then the stack keeps it from firing."""
    name = world.names.schedule_revision(each.name)
    return each.trigger is not None and world.parameters.read((name,)).get(name) == each.trigger.revision


def _switch(journal: Journal, each: Entry, state: ScheduleState | None) -> None:
    if each.trigger is None or state is None or each.state is state:
        return
    journal.begin(f"schedule {each.name}", f"{each.group}/{each.name} to {state}")
    journal.world.schedules.switch(each.trigger, enabled=state is ScheduleState.ENABLED)


def _record(world: World, asked: Asked, grip: Grip, scene: Scene) -> Record:
    now, runs = world.clock.now(), release(scene, world.names)
    return Record(id=identity(now, grip.fence), kind=Kind.SCHEDULES, who=asked.who, started=now, before=runs, to=None)
