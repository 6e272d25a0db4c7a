"""Every kind of entry that a recommendation can become, and how each is written into the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dispatcher.core import order as shares
from dispatcher.core.held import InFlight
from dispatcher.core.options import order as options
from dispatcher.core.options.order import SingleOrder, SpreadOrder
from dispatcher.core.order import Order
from dispatcher.core.positions.instrument import SHARES_OF_A_CONTRACT, contract

Entry = Order | SingleOrder | SpreadOrder
"""A bracket for shares, one contract, or a spread."""


def restore(payload: Mapping[str, Any]) -> Entry:
    """The entry that a payload was made from."""
    return options.restore(payload) if options.is_option(payload) else shares.restore(payload)


def in_flight(entry: Entry, cost: Decimal) -> InFlight:
    """An entry as what it may cost (USD) until the broker's truth tells of it, in every contract it is of."""
    symbols = tuple(leg.symbol for leg in entry.legs) if isinstance(entry, SpreadOrder) else (entry.symbol,)
    return InFlight(symbols, cost)


@dataclass(frozen=True, slots=True)
class Booked:
    """What `dispatch_executions` says of an entry, beside ids and fills. Amounts in USD.

    The strike and the expiry are those of the contract that is bought. Options have neither stop nor target at the
    broker, so none is written: the position manager's policy closes them.
    """

    instrument: str
    notional: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    option_symbol: str | None = None
    strike: Decimal | None = None
    expires: date | None = None
    contracts: int | None = None


def booked(entry: Entry) -> Booked:
    """The columns of an entry."""
    if isinstance(entry, Order):
        notional = entry.quantity * entry.limit.amount
        return Booked("STOCK", notional, entry.stop_loss.amount, entry.take_profit.amount)
    found = contract(entry.symbol)
    if found is None:
        raise AssertionError(f"{entry.symbol} is no contract")
    return Booked(
        "CALL" if found.call else "PUT",
        entry.quantity * abs(entry.limit.amount) * SHARES_OF_A_CONTRACT,
        option_symbol=entry.symbol,
        strike=found.strike,
        expires=found.expires,
        contracts=entry.quantity,
    )
