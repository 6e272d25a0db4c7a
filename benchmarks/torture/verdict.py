"""What became of a run, counted from the exchange's order list and the database's rows. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

UNRESOLVED = {"intended", "unknown"}
BOOKED = {"accepted", "partly_filled", "filled", "canceled", "expired"}
"""States of a claim that say: the order is, or was, at the exchange."""

FIRST = "large"
"""The account of a run that has one."""
Mark = tuple[str, str]
"""Symbol and target price: what an order and its recommendation have in common, whoever made the order's id."""


@dataclass(frozen=True, slots=True)
class Order:
    """An entry in the exchange's list."""

    id: str
    client_order_id: str
    mark: Mark
    account: str = FIRST


@dataclass(frozen=True, slots=True)
class Post:
    """An order request as the exchange received it; whether it took effect."""

    client_order_id: str
    applied: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of `dispatch_claims`."""

    recommendation: int
    state: str
    broker_order_id: str | None
    account: str = FIRST


@dataclass(frozen=True, slots=True)
class Execution:
    """A row of `dispatch_executions`."""

    recommendation: int
    broker_order_id: str | None
    account: str = FIRST


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both sides at the end of a run."""

    recommendations: Mapping[int, Mark | None]
    """By id; None for one that names no symbol."""
    unique_ids: bool
    orders: tuple[Order, ...]
    posts: tuple[Post, ...]
    claims: tuple[Claim, ...]
    executions: tuple[Execution, ...]
    accounts: tuple[str, ...] = (FIRST,)
    """Each of them considers every recommendation."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, one line each. All empty is the only good ending."""

    duplicates: tuple[str, ...]
    lost: tuple[str, ...]
    ghosts: tuple[str, ...]
    unknown_left: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.duplicates or self.lost or self.ghosts or self.unknown_left)


def judge(evidence: Evidence) -> Verdict:
    """Compare both sides."""
    return Verdict(
        duplicates=(*_second_orders(evidence), *_second_posts(evidence)),
        lost=tuple(_lost(evidence)),
        ghosts=(*_not_in_the_books(evidence), *_not_at_the_exchange(evidence), *_not_executed(evidence)),
        unknown_left=tuple(
            f"recommendation {claim.recommendation} is left {claim.state}"
            for claim in evidence.claims
            if claim.state in UNRESOLVED
        ),
    )


def _second_orders(evidence: Evidence) -> Iterator[str]:
    """Orders beyond the first of a recommendation, in one account."""
    seen: set[tuple[str, Mark]] = set()
    for order in evidence.orders:
        if (order.account, order.mark) in seen:
            yield f"order {order.id} ({order.client_order_id}) is a second one of {order.account} for {order.mark}"
        seen.add((order.account, order.mark))


def _second_posts(evidence: Evidence) -> Iterator[str]:
    """With uniqueness off nothing but the sender prevents a second order: an unapplied second POST counts too."""
    applied: Counter[str] = Counter()
    for post in evidence.posts:
        if applied[post.client_order_id] and not post.applied and not evidence.unique_ids:
            yield f"{post.client_order_id} was sent again after it was applied"
        applied[post.client_order_id] += post.applied


def _lost(evidence: Evidence) -> Iterator[str]:
    """Recommendations without an ending in an account."""
    states = {(claim.account, claim.recommendation): claim.state for claim in evidence.claims}
    for account, recommendation in product(evidence.accounts, evidence.recommendations):
        state = states.get((account, recommendation), "not considered")
        if state in UNRESOLVED | {"claimed", "not considered"}:
            yield f"recommendation {recommendation} is {state} in {account}"


def _not_in_the_books(evidence: Evidence) -> Iterator[str]:
    """Orders that the database does not know, or knows for another recommendation or another account."""
    by_mark = {mark: number for number, mark in evidence.recommendations.items()}
    claims = [claim for claim in evidence.claims if claim.state in BOOKED]
    booked = {(claim.account, claim.recommendation, claim.broker_order_id) for claim in claims}
    for order in evidence.orders:
        if (order.account, by_mark.get(order.mark), order.id) not in booked:
            yield f"order {order.id} ({order.client_order_id}) of {order.account} for {order.mark} is not in the books"


def _not_at_the_exchange(evidence: Evidence) -> Iterator[str]:
    """Claims and executions about orders that the exchange does not have."""
    there = {(order.account, order.id) for order in evidence.orders}
    for claim in evidence.claims:
        if claim.state in BOOKED and (claim.account, claim.broker_order_id) not in there:
            yield f"recommendation {claim.recommendation} is {claim.state}, but {claim.account} has no such order"
    for each in evidence.executions:
        if (each.account, each.broker_order_id) not in there:
            yield f"{each.account} has no order for the execution of recommendation {each.recommendation}"


def _not_executed(evidence: Evidence) -> Iterator[str]:
    """Orders in the claims that whoever reads `dispatch_executions` would not see."""
    executed = {(each.account, each.recommendation, each.broker_order_id) for each in evidence.executions}
    for claim in evidence.claims:
        if claim.state in BOOKED and (claim.account, claim.recommendation, claim.broker_order_id) not in executed:
            yield f"recommendation {claim.recommendation} is {claim.state} in {claim.account} without an execution"
