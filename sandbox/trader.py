"""Who works for an account: a service, the account, and what is heard of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.watch import Watch


class Voice(Protocol):
    """Where a service's lines come from: its own output, or a log group."""

    def wait_for(self, wanted: Callable[[str], bool], *, what: str, seconds: float = 30) -> str:
        """The first line that is `wanted`, by reading until it is said."""

    def fresh(self) -> Iterator[str]:
        """Every line that was said and not given yet."""


@dataclass(frozen=True, slots=True)
class Trader:
    """A service that trades for one account. `number` is the account's at the exchange."""

    service: str
    account: str
    number: str
    voice: Voice
    watch: Watch = field(default_factory=Watch)

    def hear_out(self) -> None:
        """Take in what was said and not heard yet."""
        for line in self.voice.fresh():
            self.watch.hear(line)
