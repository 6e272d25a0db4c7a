"""The proof: exchange, database and log are asked apart, and must tell the same story of every recommendation.

Pure: what the three said comes in as values, what is wrong goes out as findings. No finding means that all is true.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from sandbox.feed import End, Fed, Prices
from sandbox.venue import Book, StandingOrder
from sandbox.watch import Seen

Row = Mapping[str, Any]

_UNRESOLVED = frozenset({"claimed", "intended", "unknown"})
_PLACED = frozenset({"accepted", "partly_filled", "filled", "canceled", "expired"})
_RESTING_AT_EXCHANGE = frozenset({"new", "accepted", "pending_new"})
_FALLBACK = "SIMULATED_FALLBACK"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: about what, what was expected, what was seen."""

    subject: str
    expected: str
    seen: str

    def __str__(self) -> str:
        """The finding as one line."""
        return f"{self.subject}: expected {self.expected}, saw {self.seen}"


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What the three said of one account."""

    account: str
    book: Book
    claims: Sequence[Row]
    executions: Sequence[Row]
    seen: Mapping[int, Seen]

    def claim(self, number: int) -> Row:
        """The database's claim on a recommendation; empty when it has none."""
        return next((each for each in self.claims if each["recommendation_id"] == number), {})

    def execution(self, number: int) -> Row:
        """The database's execution of a recommendation; empty when it has none."""
        return next((each for each in self.executions if each["recommendation_id"] == number), {})

    def orders(self, client_order_id: str | None) -> list[StandingOrder]:
        """The exchange's orders under one of our ids."""
        return [each for each in self.book.orders if each.client_order_id == client_order_id]


@dataclass(frozen=True, slots=True)
class Counts:
    """How the recommendations ended, by the database; and orders at the exchange beyond the first of each."""

    accepted: int
    rejected: int
    refused: int
    unknown: int
    duplicate: int


def endings(fed: Mapping[int, Fed], witnesses: Witnesses) -> list[Finding]:
    """Every recommendation ended as expected, and all three say so."""
    return [finding for number, each in fed.items() for finding in _ending(number, each, witnesses)]


def no_strangers(fed: Mapping[int, Fed], witnesses: Witnesses) -> list[Finding]:
    """No order at the exchange that the database does not know, none twice, no claim without an ending."""
    known = {each["client_order_id"] for each in witnesses.claims if each["client_order_id"]}
    found = [
        Finding(
            f"order {each.client_order_id} for {each.symbol} of {witnesses.account}",
            "a claim in the database",
            "none: a ghost",
        )
        for each in witnesses.book.orders
        if each.client_order_id not in known
    ]
    found += _unwanted_requests(fed, witnesses)
    if duplicates := _duplicates(fed, witnesses.book):
        found.append(
            Finding(f"orders of {witnesses.account} beyond the first per recommendation", "0", str(duplicates))
        )
    found += [
        Finding(
            f"recommendation {each['recommendation_id']} at {witnesses.account}",
            "an ending in the database",
            each["state"],
        )
        for each in witnesses.claims
        if each["state"] in _UNRESOLVED
    ]
    return found


def no_secrets(files: Mapping[str, str], secrets: Mapping[str, str]) -> list[Finding]:
    """No file holds a secret, none says that a failure was dressed up as a simulation."""
    found = [
        Finding(file, "no secret", f"the {name}")
        for file, text in files.items()
        for name in secrets
        if secrets[name] in text
    ]
    return found + [Finding(file, f"no {_FALLBACK}", "it") for file, text in files.items() if _FALLBACK in text]


def counts(fed: Mapping[int, Fed], witnesses: Witnesses) -> Counts:
    """The endings, counted."""
    states = Counter(each["state"] for each in witnesses.claims)
    return Counts(
        accepted=sum(states[each] for each in _PLACED),
        rejected=states["rejected"],
        refused=states["refused"] + states["not_placed"],
        unknown=sum(states[each] for each in _UNRESOLVED),
        duplicate=_duplicates(fed, witnesses.book),
    )


def total(counted: Iterable[Counts]) -> Counts:
    """Of every account together."""
    return Counts(*map(sum, zip(*map(astuple, counted), strict=True)))


def _unwanted_requests(fed: Mapping[int, Fed], witnesses: Witnesses) -> list[Finding]:
    """Requests for symbols in which no order was meant: a refused recommendation must not even be asked for."""
    meant = {each.ticker for each in fed.values() if each.expected.end is not End.REFUSED}
    return [
        Finding(f"requests for an order in {symbol} of {witnesses.account}", "none", str(count))
        for symbol, count in Counter(map(_symbol, witnesses.book.requests)).items()
        if symbol not in meant
    ]


def _symbol(request: Row) -> str:
    try:
        return str(json.loads(request["body"])["symbol"])
    except (ValueError, LookupError, TypeError):
        return "(unreadable)"


def _duplicates(fed: Mapping[int, Fed], book: Book) -> int:
    """Counted by symbol and not by our own id, which a faulty dispatcher might have made anew.

    Each recommendation that may become an order has a symbol of its own.
    """
    meant = Counter(each.ticker for each in fed.values() if each.expected.end is not End.REFUSED)
    stand = Counter(each.symbol for each in book.orders)
    return sum(max(0, count - max(1, meant[symbol])) for symbol, count in stand.items())


def _ending(number: int, fed: Fed, witnesses: Witnesses) -> Iterator[Finding]:
    expectation = {End.REFUSED: _refusal, End.REJECTED: _rejection}.get(fed.expected.end, _order)
    for who, expected, seen in expectation(number, fed, witnesses):
        if expected != seen:
            yield Finding(
                f"{fed.name} (recommendation {number} at {witnesses.account}), by the {who}", str(expected), str(seen)
            )


Comparison = tuple[str, object, object]


def _refusal(number: int, fed: Fed, witnesses: Witnesses) -> Iterator[Comparison]:
    expected = fed.expected
    claim, seen = witnesses.claim(number), witnesses.seen.get(number, Seen())
    yield "database", ("refused", expected.reason), (claim.get("state"), claim.get("reason"))
    yield "database", "no execution", "no execution" if not witnesses.execution(number) else "an execution"
    yield "log", (("refused",), expected.reason), (seen.states, seen.reason)


def _rejection(number: int, fed: Fed, witnesses: Witnesses) -> Iterator[Comparison]:
    claim, seen = witnesses.claim(number), witnesses.seen.get(number, Seen())
    yield "exchange", "no order", _words(len(witnesses.orders(claim.get("client_order_id"))))
    yield "exchange", _asked(fed.requests), _asked(_requests(claim, witnesses.book))
    yield "database", "rejected", claim.get("state")
    yield "log", ("rejected", fed.expected.reason), (seen.state, seen.reason)


def _order(number: int, fed: Fed, witnesses: Witnesses) -> Iterator[Comparison]:
    expected = fed.expected
    claim, execution = witnesses.claim(number), witnesses.execution(number)
    seen = witnesses.seen.get(number, Seen())
    filled = expected.end is End.FILLED
    orders = witnesses.orders(claim.get("client_order_id"))
    status = "EXECUTED" if filled else "ACCEPTED"

    yield "exchange", "one order under our id", f"{_words(len(orders))} under our id"
    yield "exchange", _asked(fed.requests), _asked(_requests(claim, witnesses.book))
    for order in orders:
        yield "exchange", expected.prices, _prices(order, expected.prices)
        yield "exchange", "filled" if filled else "resting", _standing(order)
        yield "exchange", order.id, claim.get("broker_order_id")
        yield "database", order.filled_qty, claim.get("filled_qty")
        yield "log", order.filled_qty, seen.filled
    yield "database", "filled" if filled else "accepted", claim.get("state")
    yield "database", (status, "ALPACA_PAPER"), (execution.get("status"), execution.get("execution_mode"))
    yield "log", "filled" if filled else "accepted", seen.state
    yield "log", (status, frozenset({"ALPACA_PAPER"})), (seen.statuses[-1:] and seen.statuses[-1], seen.modes)
    yield "log", claim.get("client_order_id"), seen.client_order_id


def _requests(claim: Row, book: Book) -> int:
    return sum(each["client_order_id"] == claim.get("client_order_id") for each in book.requests)


def _asked(times: int) -> str:
    return f"asked for {times} time{'' if times == 1 else 's'}"


def _words(count: int) -> str:
    return {0: "no order", 1: "one order"}.get(count, f"{count} orders")


def _standing(order: StandingOrder) -> str:
    if order.status == "filled" and order.filled_qty == order.qty:
        return "filled"
    return "resting" if order.status in _RESTING_AT_EXCHANGE and order.filled_qty == 0 else order.status


def _prices(order: StandingOrder, expected: Prices | None) -> Prices | None:
    """What stands there, in the same form; the quantity only where one is expected."""
    if order.limit is None or order.take_profit is None or order.stop_loss is None:
        return None
    quantity = None if expected is None or expected.quantity is None else order.qty
    return Prices(order.limit, order.take_profit, order.stop_loss, quantity)
