"""Gates of an option order: asked once the contract, the price and the size are known."""

from decimal import Decimal

from dispatcher.core.gates import Case, Check
from dispatcher.core.options.trade import Trade
from dispatcher.core.reasons import Reason

LEVEL_TO_BUY, LEVEL_FOR_SPREADS = 2, 3


def level(case: Case, *, spread: bool) -> Check:
    """The broker has approved the account for it."""
    given, least = case.standing.account.options_level, LEVEL_FOR_SPREADS if spread else LEVEL_TO_BUY
    return Check(given is not None and given >= least, Reason.OPTION_LEVEL, str(given), str(least))


def contracts(quantity: int, case: Case) -> Check:
    """Contracts, or units of a spread, within the account's limit per order."""
    most = case.limits.max_contracts_per_order
    return Check(quantity <= most, Reason.TOO_MANY_CONTRACTS, str(quantity), str(most))


def loss(trade: Trade, quantity: int, case: Case) -> Check:
    """What the trade can lose at most, at the highest price it may be filled at."""
    lost, most = trade.loss * quantity, case.limits.options.contracts.max_loss_per_trade
    return Check(lost <= most, Reason.LOSS_TOO_LARGE, f"${lost:,.2f}", f"${most:,.2f}")


def buying_power(cost: Decimal, case: Case) -> Check:
    """`cost` (USD) within the broker's buying power for options, less our own orders in flight."""
    power = case.standing.options_buying_power
    observed = f"${cost:,.2f}"
    if power is None:
        return Check(passed=False, reason=Reason.BUYING_POWER, observed=observed, threshold="the broker does not say")
    return Check(cost <= power, Reason.BUYING_POWER, observed, f"${power:,.2f}")
