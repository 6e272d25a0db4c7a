"""What hurt the system this replaces, played again. The numbers are those of its list of incidents.

Each test fails when what stops the incident is taken out: `python -m benchmarks.reverts` takes it out and looks.
"""

import inspect
import json
from decimal import Decimal

import pytest

from contract import events
from contract.environment import ExecutionMode
from contract.events import ExecutionRecorded, LeaseAcquired, OrderUnknown, Speaker
from contract.limits import Action
from dispatcher.adapters import option_wire
from dispatcher.adapters.simulated import SimulatedBroker
from dispatcher.commands import check as checking
from dispatcher.core import recommendation
from dispatcher.core.gates import action_allowed, positions_few, standing_current
from dispatcher.core.held import Position
from dispatcher.core.order import Order, price
from dispatcher.core.outcome import Unknown
from dispatcher.core.reasons import Refusal
from dispatcher.core.standing import Quote
from dispatcher.core.state import State
from dispatcher.ports import Broker
from dispatcher.shell import check
from dispatcher.shell import settings as reading
from dispatcher.shell.dispatch import dispatch
from tests.dispatcher.books import Books, claimed
from tests.dispatcher.cases import MONDAY, NOW, case, intent, limits, row, seconds, standing
from tests.dispatcher.desks import Shop, shop


@pytest.fixture
def at_work() -> Shop:
    """One account under its lease, with nothing to do yet."""
    return shop()


def environ_of_two(**changes: str) -> dict[str, str]:
    """What a service of two accounts is started with."""
    secret = json.dumps({"api_key": "PK", "api_secret": "not a real one"})
    both = {
        f"{name}_{account}": value
        for account in ("LARGE", "TINY")
        for name, value in (
            ("ACCOUNT_NUMBER", f"PA3{account}"),
            ("ALPACA_SECRET", secret),
            ("TRADING_LIMITS", limits().document()),
        )
    }
    one = {
        "DATABASE_URL": "postgresql://dispatcher@127.0.0.1:5432/ops",
        "DATABASE_PASSWORD": "not a real one",
        "ALPACA_BASE_URL": "http://127.0.0.1:8000",
        "ALPACA_DATA_URL": "http://127.0.0.1:8000",
        "TRADING_ACCOUNTS": "large,tiny",
        "EXECUTION_MODE": "ALPACA_PAPER",
        "HEALTH_FILE": "health",
    }
    return one | both | changes


def test_05_an_option_is_called_by_the_same_word_in_a_row_and_in_the_limits() -> None:
    """The gate compared CALL with BUY_CALL, and every option was blocked."""
    read = recommendation.read(row(instrument_type="CALL"))
    assert not isinstance(read, Refusal)

    assert action_allowed(case(recommendation=read, limits=limits(allowed_actions=(Action.BUY_CALL,)))).passed


def test_06_both_brokers_are_asked_in_the_same_words() -> None:
    """The real broker's signature lacked an argument that the simulated one took, and every real execution failed."""
    for name in ("submit", "find", "orders_since", "cancel"):
        assert inspect.signature(getattr(SimulatedBroker, name)) == inspect.signature(getattr(Broker, name)), name


def test_12_a_contracts_volume_is_the_days_and_not_its_last_trades_size() -> None:
    """Volume was read from the size of the last trade: every contract was too thin, and 70 orders were simulated."""
    traded = {"dailyBar": {"t": "2026-11-23T14:30:00Z", "v": 4_321}, "latestTrade": {"s": 1}}

    (contract,) = option_wire.listed({"AAPL261218C00200000": traded}, {}, MONDAY)

    assert contract.volume == 4_321


def test_14_a_module_that_the_image_lacks_is_found_before_an_order_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of another image was imported where an option was chosen: every option became a simulation."""
    monkeypatch.setattr(checking, "_modules", lambda _: ["position_manager.config"])

    assert checking.main(["--image", "--json"], {}) == 1


def test_15_an_order_at_the_broker_is_never_called_simulated(at_work: Shop) -> None:
    """A marker in the log said SIMULATED whatever had been done."""
    at_work.recommend()
    dispatch(at_work.desk)

    assert [each.execution_mode for each in at_work.said if isinstance(each, ExecutionRecorded)] == [
        ExecutionMode.ALPACA_PAPER
    ]


def test_20_the_target_that_was_refused_for_its_fourth_decimal_lies_on_its_tick() -> None:
    """699.7462 was refused by the broker, and the order dressed up as a simulation."""
    quote = Quote(Decimal("666.40"), Decimal("666.43"))
    meant = intent(entry=Decimal("666.43"), stop_loss=Decimal("649.77"), take_profit=Decimal("699.7462"), quote=quote)

    priced = price(meant, "large", MONDAY)

    assert isinstance(priced, Order)
    assert priced.payload()["take_profit"] == {"limit_price": "699.75"}


def test_20_an_answer_that_cannot_be_read_is_unknown_and_no_simulation(at_work: Shop) -> None:
    """Whatever went wrong after the order was sent, it was written down as a simulation while it lived."""
    at_work.broker.outcomes.append(Unknown("timeout"))
    number = at_work.recommend()
    dispatch(at_work.desk)

    assert [type(each) for each in at_work.said] == [OrderUnknown]
    assert at_work.ledger.states() == {number: State.UNKNOWN}


def test_23_each_account_obeys_limits_of_its_own() -> None:
    """Both accounts read one document, and the small one fell silent under the limits of the large one."""
    small = limits(max_notional_per_order=Decimal(900)).document()
    settings = reading.read(environ_of_two(TRADING_LIMITS_TINY=small))

    assert [each.limits.max_notional_per_order for each in settings.accounts] == [Decimal(25_000), Decimal(900)]


def test_28_every_line_says_which_build_speaks() -> None:
    """For nine hours a fix was called deployed while the old code ran, and no line said which it was."""
    said = events.render(LeaseAcquired(account="large", epoch=1), Speaker("dispatcher", "1f2e3d4"), NOW)

    assert json.loads(said)["build"] == "1f2e3d4"


def test_30_a_column_that_is_not_there_is_named_before_anything_is_traded() -> None:
    """A statement named a column that does not exist, the error was swallowed, and nothing was ever learned."""
    there = dict(check.COLUMNS) | {"dispatch_executions": check.COLUMNS["dispatch_executions"] - {"filled_qty"}}

    assert [each.evidence for each in check.schema("0001", "0001", there)] == ["missing: filled_qty"]


def test_32_a_migration_that_did_not_happen_is_seen_whatever_its_exit_code_was() -> None:
    """`applied`, said the exit code; the image had only the first six migrations."""
    assert [each.subject for each in check.schema("0006", "0013", check.COLUMNS)] == ["revision"]


def test_39_no_account_takes_a_recommendation_away_from_another(books: Books) -> None:
    """The first account to claim a row kept it, and the large account got nothing for twelve days."""
    number = books.recommend()
    assert claimed(books.ledger()).recommendation_id == number

    assert claimed(books.ledger(account="tiny")).recommendation_id == number


def test_40_positions_are_counted_as_the_broker_holds_them() -> None:
    """22 positions counted as 0 of 5, because two spellings of one account's name did not match."""
    held = {f"A{number}": Position(Decimal(1), Decimal(100)) for number in range(22)}

    counted = positions_few(case(standing=standing(positions=held), limits=limits(max_open_positions=5)))

    assert (counted.passed, counted.observed, counted.threshold) == (False, "22", "5")


def test_45_a_gate_that_has_nothing_to_look_at_refuses() -> None:
    """Freshness was made to pass without data, to get trades; it was taken back an hour later."""
    assert not standing_current(case(standing=standing(taken_at=NOW - seconds(6)))).passed
