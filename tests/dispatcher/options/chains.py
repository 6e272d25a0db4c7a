"""Good values to change one thing of: a contract of a chain, a chain, a market of options, a case for a call."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from contract.limits import Action
from contract.options import Choice, Contracts, Entry, Options, Vertical, Volatility
from dispatcher.core.gates import Case
from dispatcher.core.options.chain import Greeks, Listed, Underlying
from dispatcher.core.options.decide import OptionMarket
from dispatcher.core.options.volatility import Past, Term, Thirty
from dispatcher.core.positions.instrument import Contract
from dispatcher.core.positions.sight import Sight
from tests.dispatcher.cases import MONDAY, NOW, account, case, limits, market, recommendation, standing

SPOT = Underlying(Decimal(200))
EXPIRES = date(2026, 12, 23)
"""30 days after MONDAY."""
ALL_OPTIONS = (Action.BUY_CALL, Action.BUY_PUT, Action.SELL_CALL, Action.SELL_PUT)


def symbol_of(contract: Contract) -> str:
    """The contract's symbol at the broker."""
    kind = "C" if contract.call else "P"
    return f"{contract.underlying}{contract.expires:%y%m%d}{kind}{int(contract.strike * 1000):08d}"


def listed(strike: str = "200", bid: str = "4.90", ask: str = "5.00", **changes: Any) -> Listed:
    """A call on AAPL, liquid and quoted just now."""
    said: dict[str, Any] = {"call": True, "expires": EXPIRES, "delta": "0.45"} | changes
    contract = Contract("AAPL", said.pop("expires"), said.pop("call"), Decimal(strike))
    delta = said.pop("delta")
    good: dict[str, Any] = {
        "symbol": symbol_of(contract),
        "contract": contract,
        "quote": Sight(Decimal(bid), Decimal(ask), NOW),
        "volume": 500,
        "open_interest": 5_000,
        "iv": Decimal("0.30"),
        "greeks": None if delta is None else Greeks(Decimal(delta), Decimal("0.02"), Decimal("-0.05"), Decimal("0.1")),
        "penny": True,
    }
    return Listed(**good | said)


def policy(**changes: Any) -> Options:
    """How the test account trades options; parts are changed by their names."""
    parts: dict[str, Any] = {
        "choice": Choice(),
        "volatility": Volatility(),
        "contracts": Contracts(max_loss_per_trade=Decimal(2_000)),
        "entry": Entry(),
        "vertical": Vertical(),
    }
    return Options(**parts | changes)


def past(**changes: Any) -> Past:
    """A year of history between 0.20 and 0.60, in the lower half of which the volatility now is."""
    good: dict[str, Any] = {
        "days": 250,
        "low": Decimal("0.20"),
        "high": Decimal("0.60"),
        "below": 100,
        "newest": MONDAY - timedelta(days=3),
    }
    return Past(**good | changes)


THIRTY = Thirty(Decimal("0.30"), Term(EXPIRES, Decimal(30), Decimal("0.30")), None, 0)


def options_market(chain: Iterable[Listed] = (listed(),), **changes: Any) -> OptionMarket:
    """A chain with one good call, a history that ranks, and no closed trades yet."""
    good: dict[str, Any] = {"chain": tuple(chain), "iv": THIRTY, "past": past(), "gains": ()}
    return OptionMarket(**good | changes)


def option_case(action: Action = Action.BUY_CALL, options: Options | None = None, **changes: Any) -> Case:
    """A case in which an option may be bought: no plan, so the quantity is ours to choose."""
    allowed = limits(allowed_actions=ALL_OPTIONS, options=options or policy())
    good: dict[str, Any] = {
        "recommendation": recommendation(action=action, plan=None),
        "limits": allowed,
        "market": market(),
        "standing": standing(account=account(options_level=3, options_buying_power=Decimal(100_000))),
    }
    return case(**good | changes)


def broker_says(asked: Case, **changes: Any) -> Case:
    """The case with another account at the broker."""
    said = replace(asked.standing, account=replace(asked.standing.account, **changes))
    return replace(asked, standing=said)
