"""How the processes that may serve the same accounts share them: evenly, and without passing any back and forth.

Every process decides for itself from the same table. Nobody holds more than its share while another has less; an
account is let go only when somebody else has room for it; what nobody has room for is taken all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Census:
    """Who is there and who holds what. `members`: by name, the accounts each may serve; `holders`: by held account."""

    members: Mapping[str, frozenset[str]]
    holders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Moves:
    """What a process does next."""

    let_go: tuple[str, ...] = ()
    take: tuple[str, ...] = ()


def moves(me: str, census: Census) -> Moves:
    """What `me` lets go of and takes, in the order of the accounts' names. Whoever was buried moves nothing."""
    if me not in census.members:  # it slept longer than a lease; it is a member again with its next round
        return Moves()
    mine = census.members[me]
    held = sorted(account for account, holder in census.holders.items() if holder == me and account in mine)
    free = sorted(mine - census.holders.keys())
    room = share(me, census) - len(held)
    others = [census.members[name] for name in census.members if name != me and _room(name, census) > 0]
    first, rest = free[: max(0, room)], free[max(0, room) :]
    nobodys = [account for account in rest if not any(account in accounts for accounts in others)]
    return Moves(let_go=_wanted(me, census, held)[: max(0, -room)], take=(*first, *nobodys))


def share(member: str, census: Census) -> int:
    """How many accounts a member should hold at most: its own, divided by those who may serve any of them."""
    accounts = census.members[member]
    rivals = sum(1 for others in census.members.values() if accounts & others)
    return -(-len(accounts) // rivals)


def _room(member: str, census: Census) -> int:
    held = sum(1 for account, holder in census.holders.items() if holder == member)
    return share(member, census) - held


def _wanted(me: str, census: Census, held: list[str]) -> tuple[str, ...]:
    """Of what is held, what others have room for, and no more than they have room for."""
    room = {name: _room(name, census) for name in census.members if name != me}
    wanted = []
    for account in held:
        taker = next((name for name, left in room.items() if left > 0 and account in census.members[name]), None)
        if taker is not None:
            room[taker] -= 1
            wanted.append(account)
    return tuple(wanted)
