"""The words between the edge and the routes: a call in, a reply out. No sockets here."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

import orjson

from sandbox.exchange import intake
from sandbox.exchange.account import Account
from sandbox.exchange.engine import Exchange
from sandbox.exchange.errors import Refusal, refuse
from sandbox.exchange.intake import Body
from sandbox.exchange.text import read_instant
from sandbox.exchange.wire import render

_TRUE = frozenset({"true", "True", "1", "TRUE", "t", "T"})
_FALSE = frozenset({"false", "False", "0", "FALSE", "f", "F", ""})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, body, headers beyond the usual."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route and its account."""

    exchange: Exchange
    account: Account
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Body:
        """The JSON object that was sent (400 / 40010000 when it is none)."""
        return intake.body(self.raw)

    def flag(self, name: str) -> bool:
        """Read a boolean of the query; alpaca-py writes them capitalised."""
        given = self.query.get(name, "")
        if given in _TRUE:
            return True
        if given in _FALSE:
            return False
        raise refuse("query_invalid", field=name)

    def whole(self, name: str, default: int, most: int) -> int:
        """Read a whole number of the query from 1 up, at most `most`."""
        given = self.query.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdecimal()) or len(given) > 9 or int(given) < 1:  # noqa: PLR2004
            raise refuse("query_invalid", field=name)
        return min(int(given), most)

    def day(self, name: str, default: date) -> date:
        """Read a day of the query, YYYY-MM-DD or the date of an instant."""
        given = self.query.get(name)
        if not given:
            return default
        try:
            return date.fromisoformat(given[:10])
        except ValueError:
            raise refuse("query_invalid", field=name) from None

    def instant(self, name: str, default: int) -> int:
        """Read an instant of the query, or midnight UTC of a bare date, as ns UTC."""
        given = self.query.get(name)
        if not given:
            return default
        try:
            return read_instant(given)
        except (ValueError, OverflowError):
            raise refuse("query_invalid", field=name) from None

    def choice(self, name: str, default: str, allowed: Collection[str]) -> str:
        """Read one word of those allowed."""
        given = self.query.get(name) or default
        if given not in allowed:
            raise refuse("query_invalid", field=name)
        return given

    def listed(self, name: str) -> tuple[str, ...]:
        """Read a comma-separated list of the query."""
        return tuple(part.strip() for part in self.query.get(name, "").split(",") if part.strip())


Handler = Callable[[Call], Reply]


def ok(value: object, status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status, render(value))


def refused(refusal: Refusal) -> Reply:
    """Answer with a refusal."""
    return Reply(refusal.http, orjson.dumps(refusal.body()))
