"""What may go wrong between a client and the exchange, on purpose and seeded."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

KINDS: Mapping[str, str] = {
    "drop-before": "the connection is reset, nothing was applied",
    "drop-after": "the request is applied, then the connection is reset: the answer is lost",
    "delay": "applied at once, the answer comes delay_ms later",
    "delay-before": "applied delay_ms later, then answered",
    "429": "too many requests, with X-RateLimit headers, not applied",
    "429-bare": "too many requests, without headers, not applied",
    "500": "internal server error; applied = true applies it first",
    "502-html": "a gateway's HTML page; applied = true applies it first",
    "504-html": "a gateway's HTML page; applied = true applies it first",
    "truncated-json": "applied, the answer's JSON breaks off in the middle",
    "unknown-status": "applied, the answer's order has a status nobody knows",
    "null-fields": "applied, the answer's order has null where a value belongs",
    "stream-drop": "a stream's connection is reset at this message",
    "stream-lose": "a stream's message is never sent",
    "stream-double": "a stream's message is sent twice",
    "stream-swap": "a stream's message is sent after the next one",
}
STREAM = "STREAM "  # how the routes of the streams' messages begin
_ALWAYS_APPLIED = frozenset({"drop-after", "delay", "delay-before", "truncated-json", "unknown-status", "null-fields"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: on which route ("POST /v2/orders", "*" for every path), which kind, and when.

    nth: only that matching request, counted from 1 (0: any). probability: of the seeded dice.
    times: how often it may strike (0: no end). account: only that account's requests.
    """

    route: str
    kind: str
    nth: int = 0
    probability: float = 1.0
    times: int = 1
    delay_ms: int = 0
    applied: bool = False
    account: str = ""
    seen: int = 0
    struck: int = 0

    @property
    def applies(self) -> bool:
        """Whether the request takes effect although the answer goes wrong."""
        return self.applied or self.kind in _ALWAYS_APPLIED

    @property
    def spent(self) -> bool:
        """Whether it will never strike again."""
        return bool((self.times and self.struck >= self.times) or (self.nth and self.seen >= self.nth))


def read_fault(table: Mapping[str, object]) -> Fault:
    """Read a fault's table. Raises ValueError for unknown keys, kinds or values."""
    allowed = {"route", "kind", "nth", "probability", "times", "delay_ms", "applied", "account"}
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise ValueError(f"a fault has no {unknown[0]}; it has {', '.join(sorted(allowed))}")
    kind = str(table.get("kind", ""))
    if kind not in KINDS:
        raise ValueError(f"unknown fault kind {kind!r}; known are {', '.join(KINDS)}")
    route = str(table.get("route", "POST /v2/orders"))
    if kind.startswith("stream-") != route.startswith(STREAM):
        raise ValueError(f"{kind} cannot strike {route!r}: kinds named stream-… go with routes named {STREAM}…")
    return Fault(
        route=route,
        kind=kind,
        nth=_count(table, "nth", 0),
        probability=_probability(table),
        times=_count(table, "times", 0 if "probability" in table else 1),
        delay_ms=_count(table, "delay_ms", 1000),
        applied=bool(table.get("applied", False)),
        account=str(table.get("account", "")),
    )


def _probability(table: Mapping[str, object]) -> float:
    given = table.get("probability", 1.0)
    try:
        value = float(str(given))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(f"probability must be a number from 0 to 1, not {given!r}")
    return value


def _count(table: Mapping[str, object], key: str, default: int) -> int:
    value = table.get(key, default)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{key} must be a whole number from 0 up, not {value!r}")
    return value


Message = TypeVar("Message")


def delivered(kind: str, message: Message, kept: list[Message]) -> Iterator[Message]:
    """Give what a listener of a stream hears in place of a message; what is swapped waits in `kept`."""
    if kind == "stream-swap":
        kept.append(message)
        return
    if kind != "stream-lose":
        yield message
    if kind == "stream-double":
        yield message
    yield from kept
    kept.clear()


class Faults:
    """The faults in force."""

    def __init__(self, faults: tuple[Fault, ...], dice: random.Random) -> None:
        """Start with those declared; the dice decide probabilities."""
        self._faults = list(faults)
        self._dice = dice
        self.served: list[str] = []

    def all(self) -> tuple[Fault, ...]:
        """List them, with how often each was passed and struck."""
        return tuple(self._faults)

    def add(self, fault: Fault) -> None:
        """Put one more in force."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Take all back."""
        self._faults.clear()

    def strike(self, route: str, account: str) -> Fault | None:
        """Decide what goes wrong with this request: at most one fault, the first that fits."""
        if not self._faults:
            return None
        for index, fault in enumerate(self._faults):
            everywhere = fault.route == "*" and not route.startswith(STREAM)
            fits = everywhere or fault.route == route
            if fault.spent or not fits or fault.account not in ("", account):
                continue
            seen = replace(fault, seen=fault.seen + 1)
            hit = (not fault.nth or seen.seen == fault.nth) and self._falls(fault.probability)
            self._faults[index] = replace(seen, struck=seen.struck + 1) if hit else seen
            if hit:
                self.served.append(f"{route} {fault.kind}")
                return fault
        return None

    def _falls(self, probability: float) -> bool:
        return probability >= 1 or self._dice.random() < probability
