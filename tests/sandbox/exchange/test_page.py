"""The page that tells another project how to use the exchange: its five lines are run as they stand."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import TradeAccount
from alpaca.trading.stream import TradingStream

from sandbox.exchange import running
from sandbox.exchange.config import read

PAGE = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text(encoding="utf-8")
FENCE = re.compile(r"(?:^    .*\n(?:\n(?=    ))?)+", re.MULTILINE)
NAMES = {
    "TradingClient": TradingClient,
    "StockHistoricalDataClient": StockHistoricalDataClient,
    "TradingStream": TradingStream,
}


def block(beginning: str) -> list[str]:
    """Give the lines of the page's indented block that begins with a text."""
    found = (match.group(0) for match in FENCE.finditer(PAGE))
    text = next(text for text in found if text.lstrip().startswith(beginning))
    return [line.removeprefix("    ") for line in text.splitlines() if line.strip()]


@pytest.fixture
def url() -> Iterator[str]:
    """Start the exchange by the page's own command, on a port that is free."""
    command = next(line for line in block("pip install") if line.startswith("python -m"))
    words = [sys.executable if word == "python" else "0" if word == "8765" else word for word in shlex.split(command)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        yield program.stdout.readline().removeprefix("exchange ready on ").strip()
        program.terminate()
    assert program.returncode == 0


def at(url: str, lines: list[str]) -> list[str]:
    """The page's lines, spoken to the exchange that was started."""
    return [line.replace("127.0.0.1:8765", url.removeprefix("http://")) for line in lines]


def test_the_five_lines_do_what_the_page_says(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    shell, python = block("pip install"), block("from alpaca.trading.client")
    exec("\n".join(at(url, python)), {})  # noqa: S102 - the page's own lines

    assert len([line for line in shell if not line.startswith("#")]) + len(python) == 5
    assert capsys.readouterr().out == "400000\n"


def test_the_same_server_answers_the_clients_of_data_and_of_the_stream(url: str) -> None:
    data, stream = (eval(line, NAMES) for line in at(url, block("StockHistoricalDataClient(")))  # noqa: S307 - the page's
    quotes = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))

    assert quotes["AAPL"].bid_price < quotes["AAPL"].ask_price
    assert stream._endpoint == url.replace("http", "ws") + "/stream"


def test_the_lines_for_a_test_without_a_process_do_so_too() -> None:
    lines = "\n".join(block("from sandbox.exchange import"))
    code = lines.replace("    TradingClient(", "    client = TradingClient(") + "\n    account = client.get_account()"
    made: dict[str, object] = {**NAMES}
    exec(code, made)  # noqa: S102 - the page's own lines

    assert isinstance(made["account"], TradeAccount)


def test_the_example_of_a_configuration_is_one(tmp_path: Path) -> None:
    (tmp_path / "quotes.csv").write_text("time,symbol,bid,ask\n2026-11-23T10:00:00-05:00,ACME,1,2\n")
    table = tomllib.loads("\n".join(block("seed = 7")))

    with running(read(table, tmp_path)) as exchange:
        state = exchange.state()

    assert [account["account_number"] for account in state["accounts"]] == ["PA3TINY"]  # type: ignore[attr-defined]
    assert state["faults"]
