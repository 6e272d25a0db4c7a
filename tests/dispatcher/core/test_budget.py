"""One account's requests of a minute, whoever draws them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.budget import MINUTE, Draw, Minute, Priority, Told, ceiling, draw, hear

LIMIT = 200


def drawn_out(minute: Minute, priority: Priority, now: float = 0.0) -> tuple[Minute, int]:
    """Draw until there is no more; how many."""
    total = 0
    while True:
        minute, found = draw(minute, LIMIT, priority, now)
        if not found.requests:
            return minute, total
        total += found.requests


STEPS = st.lists(
    st.tuples(st.sampled_from(Priority), st.floats(0, 30), st.booleans(), st.integers(0, LIMIT), st.floats(2, MINUTE)),
    max_size=80,
)


@given(st.integers(1, 1_000), STEPS)
def test_no_minute_gives_more_than_the_limit_and_no_purpose_more_than_its_ceiling(
    limit: int, steps: list[tuple[Priority, float, bool, int, float]]
) -> None:
    minute, now, given_out = Minute(), 0.0, 0
    for priority, passed, *_ in steps:
        now += passed
        if now >= minute.ends_at:
            given_out = 0
        before = given_out
        minute, found = draw(minute, limit, priority, now)
        given_out += found.requests
        assert given_out <= limit
        assert found.requests == 0 or before < ceiling(limit, priority)
        assert (found.requests == 0) == (found.wait_seconds > 0)
        assert found.wait_seconds <= MINUTE


@given(STEPS)
def test_after_a_429_nothing_is_given_before_its_reset_whatever_else_is_told(
    steps: list[tuple[Priority, float, bool, int, float]],
) -> None:
    minute, now, closed_until = Minute(), 0.0, float("-inf")
    for priority, passed, refused, remaining, seconds in steps:
        now += passed
        minute = hear(minute, Told(LIMIT, 0 if refused else remaining, seconds, refused=refused), now)
        closed_until = max(closed_until, now + seconds) if refused else closed_until
        minute, found = draw(minute, LIMIT, priority, now)
        assert now >= closed_until or found.requests == 0


def test_each_purpose_leaves_something_to_those_before_it() -> None:
    minute, given_out = Minute(), {}
    for priority in reversed(Priority):
        minute, given_out[priority.name] = drawn_out(minute, priority)

    assert given_out == {"CHORES": 100, "ENTRIES": 20, "RECONCILE": 30, "EXITS": 50}


def test_exits_may_take_the_whole_minute_and_then_the_others_wait_for_the_next() -> None:
    minute, exits = drawn_out(Minute(), Priority.EXITS)
    _, late = draw(minute, LIMIT, Priority.ENTRIES, 20.0)
    _, anew = draw(minute, LIMIT, Priority.ENTRIES, MINUTE)

    assert (exits, late, anew) == (LIMIT, Draw(0, 40.0), Draw(10))


def test_what_somebody_else_used_at_the_broker_counts() -> None:
    minute, _ = draw(Minute(), LIMIT, Priority.ENTRIES, 0.0)
    minute = hear(minute, Told(LIMIT, remaining=85, seconds=50), 1.0)

    assert (minute.drawn, drawn_out(minute, Priority.ENTRIES, 1.0)[1]) == (115, 5)


def test_what_was_drawn_and_not_used_yet_still_counts() -> None:
    minute, drawn = draw(Minute(), LIMIT, Priority.ENTRIES, 0.0)

    assert hear(minute, Told(LIMIT, remaining=199, seconds=60), 0.0).drawn == drawn.requests


def test_the_minute_ends_when_the_brokers_does() -> None:
    minute, _ = draw(Minute(), LIMIT, Priority.EXITS, 0.0)
    minute = hear(minute, Told(LIMIT, remaining=199, seconds=12), 3.0)
    _, same = draw(minute, LIMIT, Priority.EXITS, 14.0)
    fresh, _ = draw(minute, LIMIT, Priority.EXITS, 15.0)

    assert (minute.ends_at, same, fresh.drawn) == (15.0, Draw(10), 10)


def test_an_answer_of_the_next_minute_begins_it() -> None:
    minute, _ = drawn_out(Minute(), Priority.EXITS)

    assert hear(minute, Told(LIMIT, remaining=199, seconds=59), MINUTE + 1).drawn == 1


@pytest.mark.parametrize("refused", [False, True])
def test_a_spent_minute_is_no_part_of_the_next_when_the_broker_begins_that_before_the_end_we_know(
    refused: bool,  # noqa: FBT001  a case
) -> None:
    spent = hear(drawn_out(Minute(), Priority.EXITS)[0], Told(LIMIT, 0, seconds=21.5, refused=refused), 40.0)
    next_one = hear(spent, Told(LIMIT, remaining=199, seconds=60.8), 60.2)

    assert (spent.ends_at, next_one.drawn) == (61.5, 1)
    assert drawn_out(next_one, Priority.ENTRIES, now=61.5)[1] == ceiling(LIMIT, Priority.ENTRIES) - 1


def test_an_answer_of_the_minute_before_that_comes_late_ends_the_next_one_early_and_no_more() -> None:
    minute = hear(Minute(), Told(LIMIT, remaining=199, seconds=60.8), 60.2)
    minute = hear(minute, Told(LIMIT, remaining=0, seconds=1.4), 60.1)

    assert draw(minute, LIMIT, Priority.EXITS, 61.0)[1].requests == 0
    assert draw(minute, LIMIT, Priority.EXITS, 61.5)[1].requests > 0


@pytest.mark.parametrize("priority", Priority)
def test_even_a_limit_of_one_request_lets_everyone_have_it_once(priority: Priority) -> None:
    minute, first = draw(Minute(), 1, priority, 0.0)

    assert (first, draw(minute, 1, priority, 1.0)[1]) == (Draw(1), Draw(0, 59.0))
