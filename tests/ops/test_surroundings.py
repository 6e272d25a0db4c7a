"""What a release stands on, from observations alone: what is missing is named, and what is not known is no finding."""

import pytest

from contract.names import Names
from ops.core.member import Member
from ops.core.surroundings import Sought, Surroundings, surroundings_findings

NAMES = Names("paper")
MEMBER = Member(name="dispatcher-large", rules="default", accounts=("large",), schedules=())
ROLE = "arn:aws:iam::123456789012:role/task"
SOUGHT = Sought(
    cluster=NAMES.cluster,
    repository=NAMES.repository,
    roles=(ROLE,),
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"roles": frozenset()}, [("role-missing", ROLE)]),
        ({"subnets": frozenset({"subnet-2"})}, [("subnet-missing", "subnet-1")]),
        ({"security_groups": frozenset()}, [("security-group-missing", "sg-1")]),
        ({"roles": None, "subnets": None, "security_groups": None}, []),
    ],
    ids=["a role", "a subnet", "a security group", "what was not told"],
)
def test_what_tasks_are_to_start_with_and_is_not_there_is_found(
    seen: dict[str, frozenset[str] | None], expected: list[tuple[str, str]]
) -> None:
    everything = {"roles": {ROLE}, "subnets": {"subnet-1", "subnet-2"}, "security_groups": {"sg-1"}}
    there = Surroundings(**{name: frozenset(found) for name, found in everything.items()} | seen)  # type: ignore[arg-type]

    found = list(surroundings_findings(SOUGHT, there, (MEMBER,), None))

    assert [(each.id, each.subject) for each in found] == expected
    assert all(each.fix for each in found)
