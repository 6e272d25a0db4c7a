"""Looking at an environment: everything that decisions rest on, read at one time."""

from collections.abc import Iterable

from contract.names import Names
from ops.core.member import Member
from ops.core.scene import Scene
from ops.core.seen import TaskDefinition
from ops.shell.journal import records
from ops.world import World


def look(world: World, members: tuple[Member, ...]) -> Scene:
    """The environment as it is now."""
    names = world.names
    cluster, tasks = {each.name: each for each in world.ecs.all_services()}, world.ecs.all_tasks()
    services = {each.name: cluster.pop(names.service(each.name), None) for each in members}
    running = [each.revision for each in (*services.values(), *cluster.values()) if each is not None]
    running += [each.revision for each in tasks]
    return Scene(
        at=world.clock.now(),
        members=members,
        services=services,
        others=tuple(cluster.values()),
        tasks=tasks,
        parameters=world.parameters.read(parameter_names(names, members)),
        triggers=world.schedules.all(),
        records=records(world),
        lock=world.control.lock(),
        definitions=definitions(world, running),
        templates=templates(world, [each.name for each in members]),
    )


def parameter_names(names: Names, members: tuple[Member, ...]) -> tuple[str, ...]:
    """Every parameter that a release is told by."""
    schedules = [schedule for each in members for schedule in each.schedules]
    return (
        *(names.running(each.name) for each in members),
        *(names.schedule_revision(each) for each in schedules),
        *(names.schedule_state(each) for each in schedules),
        names.release,
    )


def templates(world: World, services: Iterable[str]) -> dict[str, TaskDefinition]:
    """The newest revision of each service's template; a service without one is left out."""
    found = {each: world.ecs.definition(world.names.template_family(each)) for each in services}
    return {name: each for name, each in found.items() if each is not None}


def definitions(world: World, revisions: Iterable[str]) -> dict[str, TaskDefinition]:
    """The revisions by what they were asked by; one that is not there is left out."""
    found = {each: world.ecs.definition(each) for each in dict.fromkeys(revisions)}
    return {arn: each for arn, each in found.items() if each is not None}
