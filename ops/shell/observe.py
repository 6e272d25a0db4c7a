"""Looking at an environment: everything that decisions rest on, read at one time."""

from contract.names import Names
from ops.core.member import Member
from ops.core.seen import TaskDefinition
from ops.core.standing import Scene
from ops.shell.journal import records
from ops.world import World


def look(world: World, members: tuple[Member, ...]) -> Scene:
    """The environment as it is now."""
    names = world.names
    services = {each.name: world.ecs.service(names.service(each.name)) for each in members}
    arns = dict.fromkeys(seen.revision for seen in services.values() if seen is not None)
    return Scene(
        at=world.clock.now(),
        members=members,
        services=services,
        tasks={each.name: world.ecs.tasks(names.family(each.name)) for each in members},
        parameters=world.parameters.read(parameter_names(names, members)),
        triggers=world.schedules.all(),
        records=records(world),
        lock=world.control.lock(),
        definitions=_definitions(world, tuple(arns)),
        templates=_templates(world, members),
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


def _templates(world: World, members: tuple[Member, ...]) -> dict[str, TaskDefinition]:
    found = {each.name: world.ecs.definition(world.names.template_family(each.name)) for each in members}
    return {name: each for name, each in found.items() if each is not None}


def _definitions(world: World, arns: tuple[str, ...]) -> dict[str, TaskDefinition]:
    found = {arn: world.ecs.definition(arn) for arn in arns}
    return {arn: each for arn, each in found.items() if each is not None}
