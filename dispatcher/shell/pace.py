"""How many orders are taken up together."""

from dataclasses import dataclass

TOGETHER_SECONDS = 0.1
"""An order that is decided leaves within about this time, so that its quote is young and a stop is heard."""
MOST = 32


@dataclass(slots=True)
class Pace:
    """As many orders as the broker has lately taken within `TOGETHER_SECONDS`: one where it is slow, or not known yet.

    What is taken up together shares the round trips for claims, quotes, intents and endings. A broker that needs a
    fifth of a second for an order gets one at a time, as if nothing were shared.
    """

    most: int = 1

    def took(self, orders: int, seconds: float) -> None:
        """Learn from orders that were sent, and how long all of them took."""
        fit = int(TOGETHER_SECONDS * orders / seconds) if seconds > 0 else MOST
        self.most = max(1, min(fit, MOST))
