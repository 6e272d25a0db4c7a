"""The rate limit: so many requests a minute and account, then 429 until the minute is over."""

from dataclasses import dataclass

from sandbox.exchange.text import SECOND

WINDOW = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the present minute; `reset` in epoch seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """The three headers Alpaca sends."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class RateLimit:
    """Counts requests by account in fixed minutes of the exchange's own time."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._counts: dict[str, tuple[int, int]] = {}

    def take(self, account: str, limit: int, now: int) -> Allowance:
        """Count one request (`now` in ns UTC); a limit of 0 allows all."""
        window = now // WINDOW
        known, count = self._counts.get(account, (window, 0))
        count = count + 1 if known == window else 1
        self._counts[account] = (window, count)
        reset = (window + 1) * WINDOW // SECOND
        return Allowance(not limit or count <= limit, limit, max(0, limit - count), reset)
