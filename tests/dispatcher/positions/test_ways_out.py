"""The states of a position and of its orders as graphs: from each there is a way to an end, and an end has none."""

from collections.abc import Mapping

import pytest

from dispatcher.core.positions.book import WAYS, Stage

Graph = Mapping[str, frozenset[str]]
GRAPH: Graph = {str(stage): frozenset(map(str, after)) for stage, after in WAYS.items()}


def reached(graph: Graph, start: str) -> set[str]:
    """Every state that can follow, however late."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        state = ahead.pop()
        ahead += graph[state] - found
        found |= graph[state]
    return found


def test_every_stage_is_in_the_graph() -> None:
    assert WAYS.keys() == set(Stage)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.CLOSED])
def test_from_every_stage_there_is_a_way_to_closed_and_none_back(stage: Stage) -> None:
    after = reached(GRAPH, stage)

    assert Stage.CLOSED in after
    assert stage not in after


def test_closed_is_the_one_end() -> None:
    assert [stage for stage, after in WAYS.items() if not after] == [Stage.CLOSED]
