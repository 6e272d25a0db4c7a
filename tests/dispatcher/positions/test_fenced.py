"""A manager whose lease has run out, even just after a commit, sends nothing; its successor does, once."""

from collections.abc import Callable

import pytest

from tests.dispatcher.positions.stand import LEASE, Hold, Stand
from tests.dispatcher.positions.test_closing import ask, entered

Begin = Callable[[Stand], None]


class Ended(Hold):
    """A lease that ran out, and nobody has told the database."""

    def holds(self) -> bool:
        return False


class EndsAtCommit(Hold):
    """A lease that runs out while an order is being committed."""

    def holds(self) -> bool:
        return not self.stand.rows("SELECT 1 FROM position_orders WHERE state = 'intended'")


def by_hand(stand: Stand) -> None:
    stand.turn()
    stand.buy("AAPL", 10)


def to_be_closed(stand: Stand) -> None:
    entered(stand)
    ask(stand)


def to_be_flattened(stand: Stand) -> None:
    entered(stand)
    ask(stand, None)


def meant(stand: Stand) -> list[tuple[str, str]]:
    return [(row["purpose"], row["state"]) for row in stand.rows("SELECT purpose, state FROM position_orders")]


@pytest.mark.parametrize(
    ("begin", "purpose", "held", "stops"),
    [
        pytest.param(by_hand, "oco", {"AAPL": 10}, 10, id="protect"),
        pytest.param(to_be_closed, "close", {}, 0, id="close"),
        pytest.param(to_be_flattened, "close", {}, 0, id="flatten"),
    ],
)
@pytest.mark.parametrize(("lease", "state"), [(Ended, None), (EndsAtCommit, "intended")], ids=["before", "at commit"])
def test_when_the_lease_has_run_out_nothing_is_sent_but_by_the_successor(
    stand: Stand, begin: Begin, *, purpose: str, held: dict[str, int], stops: int, lease: type[Hold], state: str | None
) -> None:
    begin(stand)
    stand.desk().lease = lease(stand, LEASE)
    stand.turn(2)
    assert meant(stand) == ([] if state is None else [(purpose, state)])
    assert stand.held() == {"AAPL": 10}

    stand.kill()
    stand.settle()

    assert {order for order, _ in meant(stand)} == {purpose}
    assert stand.held() == held
    assert stand.stops() == stops
