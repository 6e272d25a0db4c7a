"""Putting the pointers back to what is true, after a stack update or a kill moved them. No service is touched."""

from collections.abc import Iterator

from ops.core.member import Member
from ops.core.records import Kind, Outcome, Record, identity
from ops.core.release import Release, short
from ops.core.scene import Scene
from ops.core.standing import parameter_should, release, schedule_should, standing
from ops.errors import Exit
from ops.shell.ending import Ending, ending
from ops.shell.journal import Journal, close_interrupted, closing
from ops.shell.locking import Grip, holding
from ops.shell.observe import look
from ops.shell.promoting import move_schedules
from ops.world import Asked, Tell, World


def repair(world: World, members: tuple[Member, ...], asked: Asked, tell: Tell) -> Ending:
    """Let every `running` parameter say what runs, and every schedule start what was proven, under the lock."""
    with holding(world, asked, "repair", tell) as grip:
        scene = look(world, members)
        close_interrupted(world, grip, scene.records, tell)
        wrong, schedules = dict(_wrong(world, scene, members)), schedules_to_move(world, scene, members)
        if not wrong and not schedules:
            told = "every parameter and every schedule says what is so; nothing was changed"
            return Ending(exit=Exit.DONE, message=told, next_step="nothing")
        journal = Journal(world, grip, _record(world, asked, grip, scene), tell)
        with closing(journal):
            for parameter, value in wrong.items():
                journal.begin("repair", f"{parameter} to {short(value)}")
                journal.point(parameter, value)
            move_schedules(journal, schedules)
            count = len(wrong) + len(schedules)
            return ending(journal.end(Outcome.DONE), f"{count} pointers say again what is so")


def _record(world: World, asked: Asked, grip: Grip, scene: Scene) -> Record:
    runs: Release | None = release(scene, world.names)
    now = world.clock.now()
    return Record(id=identity(now, grip.fence), kind=Kind.REPAIR, who=asked.who, started=now, before=runs, to=None)


def _wrong(world: World, scene: Scene, members: tuple[Member, ...]) -> Iterator[tuple[str, str]]:
    for member in members:
        name = world.names.running(member.name)
        should = parameter_should(scene, world.names, member)
        if should is not None and scene.parameters.get(name) != should:
            yield name, should


def schedules_to_move(world: World, scene: Scene, members: tuple[Member, ...]) -> dict[str, str]:
    """The schedules that differ from what was proven, in revision or in state, with the revision they should start."""
    differ = {each.subject for each in standing(scene, world.names).findings if each.id.startswith("schedule-")}
    return {
        name: should
        for member in members
        if (should := schedule_should(scene, world.names, member)) is not None
        for name in member.schedules
        if name in differ
    }
