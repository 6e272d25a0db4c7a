"""A quote to decide on, and whether it may be decided on at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from contract.limits import Exits

AHEAD = timedelta(seconds=5)
"""How far a quote's time may be ahead of our reckoning of the broker's clock."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The best bid and ask in USD, and when they were the best."""

    bid: Decimal
    ask: Decimal
    at: datetime

    @property
    def middle(self) -> Decimal:
        """Half way between the two, USD."""
        return (self.bid + self.ask) / 2


def unusable(sight: Sight | None, now: datetime, policy: Exits) -> str | None:
    """Why nothing may be decided on the quote; None when it may."""
    if sight is None:
        return "no quote"
    if not 0 < sight.bid <= sight.ask:
        return f"the quote is crossed or one-sided: bid {sight.bid}, ask {sight.ask}"
    age = now - sight.at
    if age > timedelta(seconds=policy.max_quote_age_seconds):
        return f"the quote is {age.total_seconds():.0f} s old, at most {policy.max_quote_age_seconds} s is allowed"
    if age < -AHEAD:
        return f"the quote is {-age.total_seconds():.0f} s from the future"
    return None
