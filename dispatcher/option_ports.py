"""What trading in options asks of the world. It shares the exceptions of `ports`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from dispatcher.core.options.chain import Listed, Underlying
from dispatcher.core.options.order import SingleOrder
from dispatcher.core.outcome import Outcome
from dispatcher.core.standing import Quote


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a chain that is asked for: expiries and strikes, the ends included. `today` is New York's."""

    today: date
    first_expiry: date
    last_expiry: date
    lowest_strike: Decimal
    highest_strike: Decimal


class OptionBroker(Protocol):
    """The counterparty's chains. Reads raise BrokerUnavailableError."""

    def chain(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        """Every contract of the window, calls and puts, all pages of it."""

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        """The latest quotes of stocks, where there are any."""

    def replace(self, broker_order_id: str, order: SingleOrder) -> Outcome:
        """Ask that the order takes the other one's place. What became of it is read from the other one."""


Complete = Callable[[Listed, Underlying, Decimal, datetime], Listed]
"""Fills in volatility and greeks where the broker gave none: contract, underlying's price, interest rate, now."""
