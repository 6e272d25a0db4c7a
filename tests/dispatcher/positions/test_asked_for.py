"""What a person asks for at the command line, end to end: `ops`, a real table, a position manager at work."""

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dispatcher.steered import say, service
from tests.dispatcher.world import ACCOUNT, World

pytestmark = pytest.mark.world

MANAGER = """
[services.positions-large]
command = ["positions"]
accounts = ["large"]
rules = "default"
cpu = 256
memory = 512
heartbeat_seconds = 30
stop_seconds = 30
"""


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """What is declared, with one service: it looks after the positions of `large`."""
    sections = re.split(r"(?m)^(?=\[)", Path("pipeline.toml").read_text(encoding="utf-8"))
    others = [each for each in sections if not each.startswith(("[services.", "[schedules."))]
    path = tmp_path / "pipeline.toml"
    path.write_text("".join(others) + MANAGER, encoding="utf-8")
    return str(path)


def broker(world: World, method: str, path: str, **more: Any) -> Any:
    """What a person does, or sees, at the broker's own page."""
    headers = {"APCA-API-KEY-ID": ACCOUNT.key, "APCA-API-SECRET-KEY": ACCOUNT.secret}
    answer = requests.request(method, f"{world.exchange.url}{path}", headers=headers, timeout=10, **more)
    answer.raise_for_status()
    return answer.json()


def bought(world: World, symbol: str) -> None:
    body = {"symbol": symbol, "qty": "5", "side": "buy", "type": "market", "time_in_force": "day"}
    broker(world, "POST", "/v2/orders", json=body)


def test_a_close_and_a_flatten_end_when_the_broker_holds_nothing(world: World, endpoint: str, inventory: str) -> None:
    ops = ("--config", inventory)
    with service(world, endpoint, "positions") as log:
        log.until("reconcile_completed")
        for symbol in ("AAPL", "MSFT"):
            bought(world, symbol)
            log.until("position_protected", symbol=symbol)

        closed = say(endpoint, *ops, "positions", "close", "aapl", "--why", "a drill")
        why = log.until("position_closed", symbol="AAPL")
        left = [each["symbol"] for each in broker(world, "GET", "/v2/positions")]
        flat = say(endpoint, *ops, "trading", "flatten", "large", "--why", "a drill")

        assert closed["accounts"]["large"]["answer"]["state"] == "done"
        assert why["reason"] == "requested"
        assert left == ["MSFT"]
        assert flat["accounts"]["large"]["answer"]["state"] == "done"
        assert broker(world, "GET", "/v2/positions") == []
        assert broker(world, "GET", "/v2/orders") == []


def test_a_close_of_what_is_not_held_is_refused(world: World, endpoint: str, inventory: str) -> None:
    with service(world, endpoint, "positions") as log:
        log.until("reconcile_completed")

        refused = say(endpoint, "--config", inventory, "positions", "close", "TSLA", "--why", "a drill", ends=1)

    assert refused["accounts"]["large"]["answer"]["detail"] == "nothing is held of TSLA"
