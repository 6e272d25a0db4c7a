"""The rule set `default` of this repository, tried on lines of our own."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from contract.environment import ExecutionMode
from contract.events import (
    BrokerConnected,
    BrokerUnavailable,
    CheckFailed,
    DatabaseUnavailable,
    Event,
    ExecutionRecorded,
    ExecutionStatus,
    Heartbeat,
    LeaseLost,
    LimitsInForce,
    OrderDelayed,
    OrderRejected,
    OrderUnknown,
    PositionDifference,
    ServiceStarted,
    Speaker,
    render,
)
from contract.inventory import load
from ops.core.judge import judge
from ops.core.ruling import Verdict

DEFAULT = load(Path("pipeline.toml")).rule_set("default")

STARTED = ServiceStarted(command="run", execution_mode=ExecutionMode.ALPACA_PAPER, accounts="large")
CONNECTED = BrokerConnected(
    account_number="PA3SANDBOX01", buying_power=Decimal(100), equity=Decimal(100), host="127.0.0.1"
)
LIMITS = LimitsInForce(digest="0123456789ab", document="{}")
HEARTBEAT = Heartbeat(
    seconds=Decimal(30),
    standing_by=False,
    considered=1,
    refused=0,
    accepted=1,
    rejected=0,
    unknown=0,
    unresolved=0,
    newest_input_seconds=None,
)
EXECUTED = ExecutionRecorded(
    execution_id="1",
    recommendation_id=1,
    symbol="AAPL",
    status=ExecutionStatus.ACCEPTED,
    execution_mode=ExecutionMode.ALPACA_PAPER,
    qty=Decimal(1),
    filled_qty=Decimal(0),
    filled_avg_price=None,
)
REJECTED = OrderRejected(
    recommendation_id=1, client_order_id="1", symbol="AAPL", http_status=422, code=42210000, message="", extra=""
)
GOOD = [STARTED, CONNECTED, LIMITS, HEARTBEAT, HEARTBEAT, HEARTBEAT, EXECUTED]

FORBIDDEN: list[tuple[str, int, Event | str]] = [
    ("start-refused", 0, CheckFailed(check="schema", subject="s", evidence="e", fix="f")),
    ("orders-malformed", 0, REJECTED),
    ("keys-refused", 0, replace(REJECTED, http_status=401)),
    ("funds-short", 5, replace(REJECTED, http_status=403)),
    ("orders-unknown", 5, OrderUnknown(recommendation_id=1, client_order_id="1", symbol="AAPL", why="timeout")),
    (
        "orders-delayed",
        20,
        OrderDelayed(recommendation_id=1, client_order_id="1", symbol="AAPL", why="429", retry_seconds=Decimal(1)),
    ),
    ("broker-away", 5, BrokerUnavailable(what="account", error="timeout", retry_seconds=Decimal(1))),
    ("database-away", 5, DatabaseUnavailable(error="refused", retry_seconds=Decimal(1))),
    ("lease-flapping", 1, LeaseLost(epoch=1, why="expired")),
    (
        "books-differ",
        3,
        PositionDifference(symbol="AAPL", broker_qty=Decimal(1), database_qty=Decimal(0), done="adopted"),
    ),
    ("fallback", 0, '{"execution_mode": "SIMULATED_FALLBACK"}'),
    ("traceback", 0, "Traceback (most recent call last):"),
    ("undefined-name", 0, "NameError: name 'action' is not defined"),
    ("module-missing", 0, "ModuleNotFoundError: No module named 'pytz'"),
    ("schema-behind", 0, 'psycopg.errors.UndefinedColumn: column "account_name" does not exist'),
]


def line(said: Event | str) -> str:
    at = datetime(2026, 2, 3, 17, 25, tzinfo=UTC)
    return said if isinstance(said, str) else render(said, Speaker("dispatcher", "4134dc1"), at)


def broken(*log: Event | str) -> list[str]:
    """The rules that the log breaks."""
    judgement = judge(map(line, log), DEFAULT, replay=True)
    return [each.id for each in judgement.rules if each.verdict is Verdict.FAIL]


def test_a_service_that_says_what_it_should_is_proven() -> None:
    assert judge(map(line, GOOD), DEFAULT, replay=True).verdict is Verdict.PASS


def test_a_service_that_executed_nothing_is_not_proven() -> None:
    assert judge(map(line, GOOD[:-1]), DEFAULT, replay=True).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("rule", "missing"), [("connected", CONNECTED), ("limits-printed", LIMITS), ("alive", HEARTBEAT)]
)
def test_what_a_service_must_say_is_missed(rule: str, missing: Event) -> None:
    assert broken(*(said for said in GOOD if said != missing)) == [rule]


@pytest.mark.parametrize(("rule", "at_most", "said"), FORBIDDEN)
def test_what_a_service_must_not_say_is_heard_above_its_threshold(rule: str, at_most: int, said: Event | str) -> None:
    assert broken(*GOOD, *[said] * at_most) == []
    assert broken(*GOOD, *[said] * (at_most + 1)) == [rule]


def test_a_service_that_simulates_is_caught_before_and_after_its_first_execution() -> None:
    simulates = replace(STARTED, execution_mode=ExecutionMode.SIMULATED)
    simulated = replace(EXECUTED, execution_mode=ExecutionMode.SIMULATED)

    assert broken(*GOOD, simulates) == ["configured-for-paper"]
    assert broken(*GOOD, simulated) == ["executed-on-paper"]


def test_every_forbidding_rule_has_a_line_here_that_breaks_it() -> None:
    assert [rule for rule, _, _ in FORBIDDEN] == list(DEFAULT.forbid)
