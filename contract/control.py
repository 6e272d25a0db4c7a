"""What stands in the control table for an account, and how it reads as an item. `ops` and the services meet there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

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


_STRICTNESS = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED)


def strictest(*states: TradingState) -> TradingState:
    """The one that allows least."""
    return max(states, key=_STRICTNESS.index)
