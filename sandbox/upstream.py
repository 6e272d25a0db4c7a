"""One recommendation by hand, as upstream writes it, for whoever tries the tools in a world that stands."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from sandbox.feed import Fed, insert
from sandbox.postgres import Database
from sandbox.recommendations import QUOTES, plan, stands
from sandbox.venue import Venue

SMALL = ("INTC", "PFE", "T", "BAC", "KO", "MRK", "UBER", "WMT", "DIS", "PEP")
"""What every account may buy a few shares of. Each is recommended once: an account does not buy what it holds."""

_SPEND = Decimal(250)  # USD
_CENT = Decimal("0.01")
_ABOVE, _STOP, _TARGET = Decimal("0.05"), Decimal("0.97"), Decimal("1.05")


class NothingFedError(RuntimeError):
    """No recommendation was written; with what to do instead."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Offer:
    """A recommendation to buy at the market, with a plan of its own. USD, shares."""

    ticker: str
    quantity: int
    entry: Decimal
    stop_loss: Decimal
    take_profit: Decimal

    def fed(self) -> Fed:
        """As the rehearsal feeds it."""
        reason = plan(float(self.entry), float(self.stop_loss), float(self.take_profit), self.quantity)
        expected = stands(str(self.entry), str(self.take_profit), str(self.stop_loss), self.quantity)
        return Fed("by hand", "a bracket that fills at the ask", expected, self.ticker, reason=reason)

    def document(self, number: int) -> dict[str, Any]:
        """For who asked for it."""
        return {
            "id": number,
            "ticker": self.ticker,
            "action": "BUY",
            "quantity": self.quantity,
            "entry": str(self.entry),
            "stop_loss": str(self.stop_loss),
            "take_profit": str(self.take_profit),
        }


def offer(already: Collection[str]) -> Offer:
    """The next stock that was not recommended before.

    Raises:
        NothingFedError: all of them were.
    """
    ticker = next((each for each in SMALL if each not in already), None)
    if ticker is None:
        raise NothingFedError("every stock was recommended already", "ops sandbox down; ops sandbox up")
    ask = Decimal(QUOTES[ticker][1])
    entry = ask + _ABOVE
    stop, target = ((entry * share).quantize(_CENT) for share in (_STOP, _TARGET))
    return Offer(ticker, int(_SPEND // ask), entry, stop, target)


def feed(database: Database, venue: Venue) -> dict[str, Any]:
    """Write the next recommendation, at the exchange's time; gives what it says.

    Raises:
        NothingFedError: there is no table yet, or nothing left to recommend.
    """
    with database.connect() as connection:
        try:
            rows = connection.execute("select distinct ticker from dispatch_recommendations").fetchall()
        except psycopg.errors.UndefinedTable:
            raise NothingFedError(
                "there is no table of recommendations yet: a deployment makes it", "ops deploy"
            ) from None
        chosen = offer({str(ticker) for (ticker,) in rows})
        (number,) = insert(connection, (chosen.fed(),), venue.now())
    return chosen.document(number)
