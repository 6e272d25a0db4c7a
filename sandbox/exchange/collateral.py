"""What option positions keep back: the most they can lose at expiration. Pure.

Universal spread margin: per underlying and expiration, the worst payoff over all prices of the
stock. Short calls beyond the long ones are covered by shares. Source: multi-leg options margin.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.exchange.contracts import Contract, Kind
from sandbox.exchange.orders import ZERO


@dataclass(frozen=True, slots=True)
class Need:
    """What must be kept back: USD, and shares of the underlying."""

    cash: Decimal = ZERO
    shares: Decimal = ZERO


Group = tuple[str, date]
Holding = tuple[Contract, Decimal]  # contracts held, negative when short


def needs(holdings: Iterable[Holding]) -> dict[Group, Need]:
    """Compute the need of every underlying and expiration."""
    groups: dict[Group, list[Holding]] = {}
    for contract, qty in holdings:
        if qty:
            groups.setdefault((contract.underlying, contract.expires), []).append((contract, qty))
    return {group: _need(held) for group, held in groups.items()}


def total(found: Mapping[Group, Need], underlying: str) -> Need:
    """Add up the needs on one underlying."""
    mine = [need for (symbol, _), need in found.items() if symbol == underlying]
    return Need(sum((n.cash for n in mine), ZERO), sum((n.shares for n in mine), ZERO))


def _need(held: list[Holding]) -> Need:
    net_calls = sum((qty for contract, qty in held if contract.kind is Kind.CALL), ZERO)
    uncovered = max(ZERO, -net_calls)
    prices = [ZERO, *(contract.strike for contract, _ in held)]
    worst = min(_payoff(held, price) + uncovered * price for price in prices)
    size = held[0][0].multiplier
    return Need(cash=max(ZERO, -worst) * size, shares=uncovered * size)


def _payoff(held: list[Holding], price: Decimal) -> Decimal:
    return sum((qty * intrinsic(contract, price) for contract, qty in held), ZERO)


def intrinsic(contract: Contract, price: Decimal) -> Decimal:
    """Give what exercising is worth per share at a price of the stock, USD."""
    gain = price - contract.strike if contract.kind is Kind.CALL else contract.strike - price
    return max(ZERO, gain)
