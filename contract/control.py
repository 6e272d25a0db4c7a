"""What stands in the control table for an account, and how it reads as an item. `ops` and the services meet there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contract.limits import TradingState


@dataclass(frozen=True, slots=True)
class TradingOrder:
    """What an account may do, who said so, when (UTC) and why."""

    state: TradingState
    by: str
    at: datetime
    why: str

    def attributes(self) -> dict[str, str]:
        """The item's attributes, all text, without its key."""
        return {"state": self.state.value, "by": self.by, "at": self.at.isoformat(), "why": self.why}


def read(attributes: Mapping[str, str]) -> TradingOrder:
    """The order in an item's attributes.

    Raises:
        ValueError, KeyError: an attribute is missing or says something else. Whoever reads it must fail closed.
    """
    at = datetime.fromisoformat(attributes["at"])
    return TradingOrder(TradingState(attributes["state"]), attributes["by"], at, attributes["why"])


class Ask(StrEnum):
    """What a person may ask of an account's position manager."""

    CLOSE = "close"
    """Close one position, by its own symbol."""
    FLATTEN = "flatten"
    """Cancel every order and close every position."""


class AnswerState(StrEnum):
    """What became of a request."""

    TAKEN = "taken"
    """It is being done."""
    DONE = "done"
    """It is done: the broker says so."""
    REFUSED = "refused"
    """It is not done, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The position manager's word on a request. `at` is UTC by the wall clock, as that of the request."""

    state: AnswerState
    at: datetime
    detail: str

    def attributes(self) -> dict[str, str]:
        """The attributes that an answer adds to the request's item, all text."""
        return {"answer": self.state.value, "answered_at": self.at.isoformat(), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Request:
    """A request to an account's position manager. `id` is its sort key without the prefix; `symbol` for CLOSE only."""

    id: str
    ask: Ask
    by: str
    at: datetime
    why: str
    symbol: str | None = None
    answer: Answer | None = None

    def __post_init__(self) -> None:
        """Refuse a CLOSE of nothing and a FLATTEN of something."""
        if (self.ask is Ask.CLOSE) != (self.symbol is not None):
            raise ValueError("a close names a symbol, and a flatten names none")

    def attributes(self) -> dict[str, str]:
        """The item's attributes, all text, without its key."""
        symbol = {} if self.symbol is None else {"symbol": self.symbol}
        answer = {} if self.answer is None else self.answer.attributes()
        return {"ask": self.ask.value, "by": self.by, "at": self.at.isoformat(), "why": self.why} | symbol | answer


def read_request(identity: str, attributes: Mapping[str, str]) -> Request:
    """The request in an item's attributes, with its answer where there is one.

    Raises:
        ValueError, KeyError: an attribute is missing or says something else.
    """
    at = datetime.fromisoformat(attributes["at"])
    answer = _read_answer(attributes) if "answer" in attributes else None
    ask, symbol = Ask(attributes["ask"]), attributes.get("symbol")
    return Request(identity, ask, attributes["by"], at, attributes["why"], symbol, answer)


def _read_answer(attributes: Mapping[str, str]) -> Answer:
    at = datetime.fromisoformat(attributes["answered_at"])
    return Answer(AnswerState(attributes["answer"]), at, attributes["detail"])


_STRICTNESS = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED)


def strictest(*states: TradingState) -> TradingState:
    """The one that allows least."""
    return max(states, key=_STRICTNESS.index)
