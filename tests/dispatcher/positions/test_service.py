"""The service as a process would run it: lease, stream, turns and heartbeat against the real exchange and database."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import pytest
import requests

from sandbox.exchange import Running
from tests.dispatcher.world import ACCOUNT, World

pytestmark = pytest.mark.world


class Heard:
    """The events a process says, waited for and never slept for."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._said: list[dict[str, Any]] = []
        self._more = Condition()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Hear it out."""
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self._said.append(json.loads(line))
                self._more.notify_all()

    def event(self, name: str, seconds: float = 20, **fields: object) -> dict[str, Any]:
        """The first event of the name with these fields, as soon as it was said."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self._said if e["event"] == name and fields.items() <= e.items()), None)

        with self._more:
            assert self._more.wait_for(lambda: found() is not None, seconds), self._said
            return found() or {}


@contextmanager
def started(world: World) -> Iterator[Heard]:
    words = [sys.executable, "-m", "dispatcher", "positions"]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(words, cwd=root, env=world.environ(), stdout=subprocess.PIPE, text=True)
    heard = Heard(process)
    try:
        yield heard
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(10)
        heard.close()


def bought(exchange: Running, quantity: int, symbol: str = "AAPL") -> None:
    """A person buys at the broker's own page."""
    headers = {"APCA-API-KEY-ID": ACCOUNT.key, "APCA-API-SECRET-KEY": ACCOUNT.secret}
    body = {"symbol": symbol, "qty": str(quantity), "side": "buy", "type": "market", "time_in_force": "day"}
    requests.post(f"{exchange.url}/v2/orders", json=body, headers=headers, timeout=10).raise_for_status()


def test_a_purchase_by_hand_is_recognised_and_protected_within_seconds(world: World) -> None:
    with started(world) as service:
        service.event("stream_changed", connected=True)
        service.event("reconcile_completed")
        bought(world.exchange, 10)
        service.event("position_opened", symbol="AAPL", qty="10")
        service.event("position_protected", symbol="AAPL")
        service.event("position_held", symbol="AAPL", unprotected_seconds=None)
        with started(world) as second:
            second.event("standby")
