"""How fast a log is judged, beside reading the same lines as JSON and doing nothing with them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from benchmarks.bench.measure import Measure
from contract.environment import ExecutionMode
from contract.events import Event, ExecutionRecorded, ExecutionStatus, Heartbeat, RecommendationRefused, Speaker, render
from contract.inventory import FILE_NAME, load
from ops.core.judge import judge

LINES = 200_000


def measures() -> Iterator[Measure]:
    """Lines per second."""
    lines = _log()
    rules = load(Path(FILE_NAME)).rule_set("default")
    began = perf_counter()
    judge(lines, rules, replay=True)
    judged = perf_counter()
    for line in lines:
        json.loads(line)
    read = perf_counter()
    ours, peer = LINES / (judged - began), LINES / (read - judged)
    yield Measure("judge_lines_per_second", ours, peer, "lines/s", "json.loads of each line")


def _log() -> list[str]:
    speaker, at = Speaker("dispatcher", "0" * 40), datetime(2026, 11, 23, 15, tzinfo=UTC)
    said: tuple[Event, ...] = (
        RecommendationRefused(
            account="large", recommendation_id=1, symbol="AAPL", reason="stale", detail="Too old.", observed="400.0 s"
        ),
        ExecutionRecorded(
            account="large",
            execution_id="0b9c",
            recommendation_id=2,
            symbol="MSFT",
            status=ExecutionStatus.EXECUTED,
            execution_mode=ExecutionMode.ALPACA_PAPER,
            qty=Decimal(5),
            filled_qty=Decimal(5),
            filled_avg_price=Decimal("500.10"),
        ),
        Heartbeat(
            account="large",
            seconds=Decimal(30),
            standing_by=False,
            considered=2,
            refused=1,
            accepted=1,
            rejected=0,
            unknown=0,
            unresolved=0,
            newest_input_seconds=Decimal("0.4"),
        ),
    )
    rendered = [render(event, speaker, at) for event in said]
    return [rendered[number % len(rendered)] for number in range(LINES)]
