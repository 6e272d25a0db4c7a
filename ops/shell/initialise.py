"""The release parameters of an environment, made before its first stack: CloudFormation reads them and owns none."""

from collections.abc import Iterator
from dataclasses import dataclass

from contract.inventory import Inventory
from contract.names import NOT_RELEASED, Names
from ops.world import Parameters


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parameter that has to be there."""

    name: str
    value: str
    description: str


def wanted(declared: Inventory, names: Names) -> Iterator[Wanted]:
    """Every parameter that a stack of the environment reads."""
    for service in declared.services:
        told = f"Revision that {service} runs; written by ops"
        yield Wanted(names.running(service), NOT_RELEASED, told)
    for schedule, each in declared.schedules.items():
        told = f"Revision that the schedule {schedule} starts; written by ops"
        yield Wanted(names.schedule_revision(schedule), NOT_RELEASED, told)
        told = f"Whether the schedule {schedule} fires; written by ops"
        yield Wanted(names.schedule_state(schedule), each.state.value, told)


def initialise(parameters: Parameters, needed: Iterator[Wanted]) -> dict[str, bool]:
    """Create those that are not there, and overwrite none; by name, whether it was created."""
    return {each.name: parameters.create(each.name, each.value, each.description) for each in needed}
