"""The lock of an environment: who changes it now, until when, and under which fencing number."""

from dataclasses import dataclass
from datetime import datetime

from ops.core.seen import Who

SPAN_SECONDS = 120
"""How long the lock holds without a sign of life. Every step and every poll renews it."""
BUILD_SPAN_SECONDS = 1800
"""The same while an image is built: nothing can renew it meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The lock as the control table has it."""

    fence: int
    """Grows by one each time somebody takes it. A write that carries an older one is refused."""
    token: str
    """Tells the holder's own process from another of the same person."""
    who: Who
    purpose: str
    since: datetime
    expires: datetime
    """Since long when it was let go."""

    def held(self, now: datetime) -> bool:
        """Whether somebody holds it."""
        return now < self.expires

    def holder(self) -> str:
        """Who holds it and until when, as a phrase."""
        run = f", CI run {self.who.ci}" if self.who.ci else ""
        until = f"{self.expires:%Y-%m-%d %H:%M:%S %Z}"
        return f"{self.who.arn} on {self.who.host}{run}, to {self.purpose}, until {until} unless renewed"
