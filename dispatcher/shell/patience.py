"""Asking the broker without a hurry: what nobody waits for is asked when nobody else needs the requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dispatcher.ports import BrokerRefusedError, BrokerThrottledError, BrokerUnavailableError

TRIES = 3
"""Of one question to a broker that is away, before it is given up."""
PATIENCE_SECONDS = 3_600.0
"""How long all questions together may wait for requests that nobody else needs."""
T = TypeVar("T")


@dataclass(slots=True)
class Asker:
    """Asks, waits, and counts. `pause` waits for seconds; a question of several pages counts once in `requests`."""

    pause: Callable[[float], None]
    requests: int = 0
    waited: float = 0.0

    def ask(self, question: Callable[[], T]) -> T:
        """Ask; while the account's budget has no request for it wait, and where the broker is away a few times more.

        Raises:
            BrokerThrottledError: nothing was left for us for too long.
            BrokerUnavailableError: it is away for longer, or refuses.
        """
        tries = TRIES
        while True:
            try:
                answer = question()
            except BrokerThrottledError as error:
                self.waited += error.retry_seconds
                if self.waited > PATIENCE_SECONDS:
                    raise
                self.pause(error.retry_seconds)
            except BrokerUnavailableError as error:
                self.requests, tries = self.requests + 1, tries - 1
                if not tries or isinstance(error, BrokerRefusedError):
                    raise
                self.pause(error.retry_seconds)
            else:
                self.requests += 1
                return answer
