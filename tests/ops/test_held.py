"""What position managers say they hold, as `ops positions` reads and shows it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from contract.control import Answer, AnswerState, Ask, Request
from contract.events import Event, Heartbeat, PositionHeld, PositionsHeld, Speaker, Standby, render
from ops.cli.root import ops
from ops.core.held import Holdings, contracts, document, holdings, leaves_soon, shown
from ops.errors import Exit
from ops.shell.asking import Asked, ending, follow
from ops.shell.holding import held_by
from ops.shell.streams import service_tasks, stream
from ops.tables import positions_table
from tests.fakes.cluster import ManualClock
from tests.fakes.logbook import FakeLogbook
from tests.fakes.releases import BEGAN, Environment

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
SERVICE = "positions-large"


def line(event: Event, *, age: float = 10) -> str:
    return render(event, Speaker(SERVICE, "4f1c2d9a0b3e"), NOON - timedelta(seconds=age))


def held(symbol: str = "AAPL", **changes: Any) -> PositionHeld:
    good: dict[str, Any] = {
        "account": "large",
        "symbol": symbol,
        "qty": Decimal(10),
        "average_price": Decimal("200.02"),
        "unrealized": Decimal("12.30"),
        "realized": Decimal(0),
        "age_seconds": Decimal(3725),
        "protection": "stop 10 at 195.00, target 10 at 210.00",
        "unprotected_seconds": None,
        "next_exit": "its stop or its target at the broker: entry d1-7",
    }
    return PositionHeld(**good | changes)


def total(positions: int, account: str = "large") -> PositionsHeld:
    return PositionsHeld(
        account=account,
        positions=positions,
        unprotected=0,
        exiting=0,
        unrealized=Decimal("12.30"),
        realized_today=Decimal("-4.00"),
    )


def beat(*, standing_by: bool = False) -> Heartbeat:
    return Heartbeat(
        account="large",
        seconds=Decimal(30),
        standing_by=standing_by,
        considered=0,
        refused=0,
        accepted=0,
        rejected=0,
        unknown=0,
        unresolved=0,
        newest_input_seconds=None,
    )


def read(*lines: tuple[str, str], heartbeat_seconds: float = 30) -> Holdings:
    return holdings("large", SERVICE, lines, NOON, heartbeat_seconds=heartbeat_seconds)


def test_the_newest_whole_report_counts_and_one_that_was_broken_off_does_not() -> None:
    found = read(
        ("a", line(held("OLD"), age=70)),
        ("a", line(total(1), age=70)),
        ("a", line(held("AAPL"), age=40)),
        ("a", line(held("MSFT"), age=40)),
        ("a", line(total(2), age=40)),
        ("a", line(held("NEW"), age=10)),
    )

    assert found.known
    assert found.report is not None
    assert [each.symbol for each in found.report.held] == ["AAPL", "MSFT"]
    assert found.report.at == NOON - timedelta(seconds=40)


def test_lines_of_one_millisecond_are_taken_in_the_order_in_which_they_were_said() -> None:
    found = read(("a", line(total(1), age=9.9999)), ("a", line(held("AAPL"), age=10)))

    assert found.report is not None
    assert [each.symbol for each in found.report.held] == ["AAPL"]


def test_reports_of_two_tasks_and_two_accounts_are_not_mixed() -> None:
    found = read(
        ("a", line(held("AAPL"))),
        ("b", line(held("OTHER"))),
        ("b", line(held("TINY", account="tiny"))),
        ("b", line(total(1, account="tiny"))),
        ("a", line(total(1))),
    )

    assert found.report is not None
    assert [each.symbol for each in found.report.held] == ["AAPL"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((), "it said nothing about the account lately"),
        ((line(held(), age=200), line(total(1), age=200)), "the last report is 200 s old"),
        ((line(Standby(account="large", holder="x:1", epoch=3)),), "it stands by for another that holds"),
        ((line(beat(standing_by=True)),), "it stands by for another that holds"),
        ((line(beat()),), "it lives, and has not read the broker yet: its last word is heartbeat"),
        (("Traceback (most recent call last):",), "it said nothing about the account lately"),
    ],
)
def test_where_nothing_is_known_of_now_it_is_said_and_why(said: tuple[str, ...], why: str) -> None:
    found = read(*(("a", each) for each in said))

    assert not found.known
    assert found.missing is not None
    assert found.missing.startswith(why)


def test_a_report_stands_whatever_a_task_that_stands_by_says_after_it() -> None:
    assert read(("a", line(held())), ("a", line(total(1))), ("b", line(beat(standing_by=True)))).known


def screen(*found: Holdings, width: int = 200) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(positions_table(found, NOON))
    told = console.file
    assert isinstance(told, StringIO)
    return told.getvalue()


def test_the_table_shows_profit_protection_age_and_what_ends_it_next() -> None:
    bare = held("MSFT", protection=None, unprotected_seconds=Decimal("7.4"), average_price=None)
    option = held("AAPL261218C00200000", protection=None, next_exit="end_of_day at 2026-11-23 15:45; stop at 1.20")
    told = screen(read(*(("a", line(each)) for each in (held(), bare, option, total(3)))))

    assert "large: 3 positions, 0 without a stop, 0 being closed; unrealized 12.30, realized today -4.00 USD" in told
    assert "said 10s ago by positions-large (4f1c2d9a0b3e)" in told
    for words in ("1h 2m", "stop 10 at 195.00, target 10 at 210.00", "NO STOP for 7s", "supervised", "entry d1-7"):
        assert words in told
    assert "end_of_day at 2026-11-23 15:45; stop at 1.20" in told


def test_in_a_narrow_terminal_no_symbol_is_broken_and_the_words_stand_below_the_numbers() -> None:
    option = held("AAPL261218C00200000", protection=None, next_exit="end_of_day at 2026-11-23 15:45; stop at 1.20")
    told = screen(read(*(("a", line(each)) for each in (held(), option, total(2)))), width=80).splitlines()

    at = next(index for index, row in enumerate(told) if row.startswith("AAPL261218C00200000  "))
    assert told[at].split()[1:4] == ["10", "200.02", "12.30"]
    assert told[at + 1 : at + 3] == ["  supervised", "  next: end_of_day at 2026-11-23 15:45; stop at 1.20"]
    assert all(len(row) <= 80 for row in told)


def test_an_account_that_is_not_known_is_told_with_the_next_step() -> None:
    assert "large: NOT KNOWN, it said nothing about the account lately (positions-large)" in screen(read())
    assert "Next: ops logs positions-large --since 10m" in screen(read())


def test_for_programs_amounts_stay_text_and_what_is_missing_is_null() -> None:
    told = document(read(("a", line(held())), ("a", line(total(1)))))
    nothing = document(read())

    assert (told["missing"], nothing["missing"]) == (None, "it said nothing about the account lately")
    assert (nothing["at"], nothing["total"], nothing["positions"]) == (None, None, [])


@pytest.mark.parametrize(("seconds", "words"), [(0, "0s"), (59, "59s"), (60, "1m 0s"), (90_061, "1d 1h")])
def test_a_span_is_told_in_its_two_greatest_units(seconds: int, words: str) -> None:
    assert shown(seconds) == words


# ---------------------------------------------------------------------------------------------- through the services


def test_the_report_of_the_services_own_tasks_is_read_and_no_other(tmp_path: Path) -> None:
    stage = Environment(tmp_path, (SERVICE,))
    book = FakeLogbook(stage.clock)
    before = held_by(stage.world(), book, "large", SERVICE, heartbeat_seconds=30)
    stage.deploy(stage.image("a"))
    (task,) = service_tasks(stage.world(), SERVICE)
    seconds, speaker = stage.clock.monotonic(), Speaker(SERVICE, "4f1c2d9a0b3e")
    for owner, symbol in ((task.id, "AAPL"), ("another", "MSFT")):
        for event in (held(symbol), total(1)):
            at = stage.clock.now()
            book.write(stream(stage.world(), SERVICE, owner), seconds, render(event, speaker, at))

    found = held_by(stage.world(), book, "large", SERVICE, heartbeat_seconds=30)

    assert before.missing is not None
    assert before.missing.startswith(f"nothing of {SERVICE} runs")
    assert found.known
    assert found.report is not None
    assert [each.symbol for each in found.report.held] == ["AAPL"]


# --------------------------------------------------------------------------------------------- asking for something


class Table:
    """See ops.shell.asking.Requests: answers as a position manager gives them, one more at each look."""

    def __init__(self, *answers: AnswerState | None) -> None:
        self.answers = list(answers)

    def request(self, account: str, identity: str) -> Request | None:
        del account, identity
        state = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = None if state is None else Answer(state, NOON, "as it is")
        return Request("1", Ask.CLOSE, "me", NOON, "why", "AAPL", answer)


@pytest.mark.parametrize(
    ("answers", "ends", "told"),
    [
        ((None, AnswerState.TAKEN, AnswerState.DONE), Exit.DONE, ["taken: as it is", "done: as it is"]),
        ((AnswerState.REFUSED,), Exit.NOT_DONE, ["refused: as it is"]),
        ((AnswerState.TAKEN,), Exit.INCONCLUSIVE, ["taken: as it is"]),
        ((None,), Exit.INCONCLUSIVE, []),
    ],
)
def test_a_request_is_followed_to_its_last_answer_or_the_time_is_over(
    answers: tuple[AnswerState | None, ...], ends: Exit, told: list[str]
) -> None:
    asked = [Asked("large", Request("1", Ask.CLOSE, "me", NOON, "why", "AAPL"))]
    heard: list[str] = []

    ended = follow(Table(*answers), ManualClock(BEGAN), asked, seconds=30, tell=lambda _, words: heard.append(words))

    assert (ending(ended)[0], heard) == (ends, told)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("positions", "--account", "lamp"), "no account is called 'lamp'"),
        (("--json", "positions", "--watch"), "one JSON object cannot go on"),
    ],
)
def test_what_cannot_be_asked_is_told(words: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(ops, ["--endpoint-url", "http://127.0.0.1:9", *words])

    assert result.exit_code == Exit.USAGE
    assert message in result.output


def test_a_contract_within_ten_minutes_of_its_exit_or_under_way_leaves_soon_and_shares_are_no_contract() -> None:
    call, put = "AAPL261218C00200000", "MSFT261218P00500000"
    said = [held(), held(call, exit_seconds=Decimal(600)), held(put, exit_seconds=Decimal(601)), total(3)]
    found = [holdings("large", SERVICE, [("t", line(each)) for each in said], NOON, heartbeat_seconds=30)]

    assert [(each.symbol, leaves_soon(each)) for each in contracts(found)] == [(call, True), (put, False)]
    assert leaves_soon(held(call, exit_seconds=Decimal(-5)))
    assert not leaves_soon(held(call, exit_seconds=None))
    assert contracts([Holdings(account="large", service=SERVICE, report=None, missing="silent")]) == ()
