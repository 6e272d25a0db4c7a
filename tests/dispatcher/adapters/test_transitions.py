"""The states of a claim as the statements move it: each statement tried from each state, against the graph."""

from collections.abc import Callable
from functools import partial

import pytest

from dispatcher.adapters.ledger import PostgresLedger
from dispatcher.core.order import Order
from dispatcher.core.state import LIVE, WAYS, State
from dispatcher.ports import Claim, Concluded, LostAuthorityError
from tests.dispatcher.books import PATHS, Books, Step, accepting, claimed, executed, placed
from tests.dispatcher.cases import NOW

pytestmark = pytest.mark.world

SAID = {
    State.ACCEPTED: ("new", 0),
    State.PARTLY_FILLED: ("partially_filled", 3),
    State.FILLED: ("filled", 10),
    State.CANCELED: ("canceled", 0),
    State.EXPIRED: ("expired", 0),
    State.REJECTED: ("rejected", 0),
}
"""What the broker says of an order, by the state that it means."""
GONE = "gone"
"""The claim is given back: its row is not there any more."""


def followed(was: State, status: str, filled: int) -> Step:
    """The step that records what became of an order that the books have as live."""

    def update(ledger: PostgresLedger, claim: Claim, meant: Order) -> object:
        found = executed(meant, status=status, filled_quantity=filled)
        return ledger.conclude([Concluded(claim.recommendation_id, found, (was,))], NOW)

    return update


STEPS: dict[str, Step] = {
    "refuse": PATHS[State.REFUSED][-1],
    "intend": PATHS[State.INTENDED][-1],
    "doubt": PATHS[State.UNKNOWN][-1],
    "reject": PATHS[State.REJECTED][-1],
    "not placed": PATHS[State.NOT_PLACED][-1],
    "intend again": lambda ledger, claim, _: ledger.intend_again(claim.recommendation_id, NOW),
    "unclaim": lambda ledger, claim, _: ledger.unclaim([claim.recommendation_id]),
    "begin": lambda ledger, *_: ledger.begin(NOW),
    **{f"accept as {to}": accepting(*said) for to, said in SAID.items()},
    **{f"update from {was} to {to}": followed(was, *said) for was in LIVE for to, said in SAID.items()},
}
"""Every change of a claim that a port offers, with each thing that the broker can say."""


def taken(books: Books, start: State, step: Callable[[Claim, Order], object], ledger: PostgresLedger) -> str | None:
    """Where a claim in the state goes by the step; None where it stays."""
    number = books.recommend()
    claim = claimed(ledger)
    meant = placed(claim)
    for each in PATHS[start]:
        each(ledger, claim, meant)
    try:
        step(claim, meant)
    except LostAuthorityError:
        assert books.state(number) == start, "what is refused changes nothing"
    after = books.state(number) or GONE
    books.run("DELETE FROM dispatch_executions")
    books.run("DELETE FROM dispatch_claims")
    books.run("DELETE FROM dispatch_recommendations")
    return None if after == start else after


@pytest.mark.parametrize("start", State)
def test_the_statements_move_a_claim_along_the_graph_and_along_all_of_it(books: Books, start: State) -> None:
    ledger = books.ledger()

    reached = {taken(books, start, partial(step, ledger), ledger) for step in STEPS.values()} - {None}

    given_back = {GONE} if start is State.CLAIMED else set()
    assert reached == {*WAYS[start], *given_back}
