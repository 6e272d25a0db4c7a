"""Processes share accounts evenly, whoever comes, leaves or dies, and never pass one back and forth."""

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.core.sharing import Census, Moves, moves, share

ACCOUNTS = [f"a{number:02d}" for number in range(12)]


def settled(members: dict[str, frozenset[str]], holders: dict[str, str]) -> tuple[dict[str, str], int]:
    """Let everyone move in turn until nobody does; who holds what then, and how many accounts changed hands."""
    moved = 0
    for _ in range(50):
        before = dict(holders)
        for me in members:
            step = moves(me, Census(members, holders))
            for account in step.let_go:
                assert holders.pop(account) == me
            for account in step.take:
                assert account not in holders
                holders[account] = me
            moved += len(step.take)
        if holders == before:
            return holders, moved
    raise AssertionError(f"still moving: {holders}")


def counts(members: dict[str, frozenset[str]], holders: dict[str, str]) -> list[int]:
    return sorted(sum(holder == name for holder in holders.values()) for name in members)


def all_of(*names: str, accounts: int = 10) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names, frozenset(ACCOUNTS[:accounts]))


def test_one_process_serves_everything() -> None:
    members = all_of("p1")

    assert counts(members, settled(members, {})[0]) == [10]


def test_who_joins_is_given_a_share_and_no_account_moves_needlessly() -> None:
    alone, _ = settled(all_of("p1"), {})
    members = all_of("p1", "p2", "p3")

    holders, moved = settled(members, alone)

    assert (counts(members, holders), moved) == ([2, 4, 4], 6)


def test_what_a_process_held_that_is_gone_is_shared_by_the_others() -> None:
    members = all_of("p1", "p2", "p3", "p4")
    holders, _ = settled(members, {})
    dead = {account: holder for account, holder in holders.items() if holder != "p3"}
    left = all_of("p1", "p2", "p4")

    assert counts(left, settled(left, dead)[0]) == [2, 4, 4]


def test_one_account_stays_where_it_is_when_a_second_process_comes() -> None:
    members = all_of("old", "new", accounts=1)

    assert moves("old", Census(members, {"a00": "old"})) == moves("new", Census(members, {"a00": "old"})) == Moves()


def test_an_account_that_nobody_else_has_room_for_is_taken_beyond_the_share() -> None:
    members = {"p1": frozenset({"a", "b"}), "p2": frozenset({"b", "c"})}
    holders, _ = settled(members, {"a": "p1", "b": "p1"})

    assert holders == {"a": "p1", "b": "p2", "c": "p2"}


def test_what_is_still_to_be_let_go_does_not_change_when_a_part_of_it_was() -> None:
    members = all_of("p1", "p2", accounts=4)
    first = moves("p1", Census(members, dict.fromkeys(ACCOUNTS[:4], "p1")))
    then = moves("p1", Census(members, dict.fromkeys(ACCOUNTS[1:4], "p1")))

    assert (first, then) == (Moves(let_go=("a00", "a01")), Moves(let_go=("a01",)))


def test_what_a_stranger_holds_is_left_alone() -> None:
    members = all_of("p1", accounts=3)

    assert moves("p1", Census(members, {"a01": "an older image"})) == Moves(take=("a00", "a02"))


SETS = st.dictionaries(
    st.sampled_from(["p1", "p2", "p3", "p4", "p5"]),
    st.frozensets(st.sampled_from(ACCOUNTS), min_size=1),
    min_size=1,
)


@given(SETS, st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from(["p1", "p2", "p3"])))
def test_whatever_the_beginning_every_account_comes_to_rest_with_someone_who_may_serve_it(
    members: dict[str, frozenset[str]], begun: dict[str, str]
) -> None:
    holders = {account: holder for account, holder in begun.items() if account in members.get(holder, frozenset())}

    holders, _ = settled(members, holders)

    assert holders.keys() == frozenset().union(*members.values())
    assert all(account in members[holder] for account, holder in holders.items())


@given(st.integers(1, 5), st.integers(1, 12))
def test_alike_processes_hold_no_more_than_their_share(processes: int, accounts: int) -> None:
    members = all_of(*(f"p{number}" for number in range(processes)), accounts=accounts)

    holders, _ = settled(members, dict.fromkeys(ACCOUNTS[:accounts], "p0"))

    most = share("p0", Census(members, holders))
    assert max(counts(members, holders)) <= most == -(-accounts // processes)


def test_who_slept_so_long_that_it_was_buried_moves_nothing() -> None:
    assert moves("p1", Census(all_of("p2"), {"a00": "p2"})) == Moves()
