"""What every service says of itself, account by account: its limits when it begins, and a heartbeat while it lives."""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from contract.events import LimitsInForce
from dispatcher.ports import Say, TradingAccount


class Alive(Protocol):
    """What a sign of life is given with."""

    @property
    def account(self) -> TradingAccount:
        """Whose."""

    @property
    def say(self) -> Say:
        """Speaks."""

    @property
    def alive(self) -> Callable[[], None]:
        """Tells the health check that this account's loop turns."""

    @property
    def monotonic(self) -> Callable[[], float]:
        """Seconds that only grow."""

    @property
    def heartbeat_seconds(self) -> float:
        """Between two heartbeats."""


class Beat:
    """Called each turn: a sign of life, and the heartbeat when it is due. `tell` says it, of so many seconds."""

    def __init__(self, life: Alive, tell: Callable[[Decimal], None]) -> None:
        self._life = life
        self._tell = tell
        self._beaten_at = life.monotonic()

    def begin(self) -> None:
        """Say what limits are in force."""
        account = self._life.account
        digest, document = account.limits.digest(), account.limits.document()
        self._life.say(LimitsInForce(account=account.name, digest=digest, document=document))

    def __call__(self) -> None:
        """See above."""
        self._life.alive()
        since = self._life.monotonic() - self._beaten_at
        if since >= self._life.heartbeat_seconds:
            self._beaten_at += since
            self._tell(Decimal(f"{since:.1f}"))
