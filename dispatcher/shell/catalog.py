"""The broker's list of assets, read aside for every account of the process: what may be traded changes rarely."""

from collections.abc import Callable, Mapping
from threading import Lock

from dispatcher.core.standing import Asset
from dispatcher.ports import Broker

READ_SECONDS = 600.0
"""Between two readings. An order in what was closed to trading meanwhile is the broker's to reject."""
RETRY_SECONDS = 60.0


class Catalog:
    """Assets by symbol. What is not in it may be new, and is asked for by itself."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._assets: Mapping[str, Asset] = {}
        self._due_at = float("-inf")
        self._reading = Lock()

    def find(self, symbol: str) -> Asset | None:
        """The asset, as last read; None when it was not there."""
        return self._assets.get(symbol)

    def refresh(self, broker: Broker) -> None:
        """Read the list when it is due and nobody else is reading it.

        Raises:
            BrokerUnavailableError: it could not be read.
        """
        if self._monotonic() < self._due_at or not self._reading.acquire(blocking=False):
            return
        try:
            self._due_at = self._monotonic() + RETRY_SECONDS
            self._assets = broker.assets()
            self._due_at = self._monotonic() + READ_SECONDS
        finally:
            self._reading.release()
