"""The audit: what it tells of broker and books, and that it is nobody's hand and needs nobody's lease."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract.limits import Exits
from dispatcher.commands import audit
from dispatcher.core.positions.audit import compare
from dispatcher.core.positions.book import Book, Exit, ExitReason, Stage
from dispatcher.core.positions.cover import Holding, Working
from tests.dispatcher.positions.test_cover import NOON, bracket, order, scene
from tests.dispatcher.positions.test_service import bought, started
from tests.dispatcher.world import World

CALL = "AAPL261218C00200000"
BOOK, HOLDING = scene().book, scene().holding
LEAVING = replace(BOOK, stage=Stage.EXITING, exit=Exit(ExitReason.REQUESTED, "by someone", "enough", NOON))
TABLES = ("position_accounts", "positions", "position_movements", "position_orders", "dispatch_accounts")


def told(holding: Holding | None, book: Book | None, *orders: Working, seconds: float = 0) -> list[tuple[str, str]]:
    holdings = {} if holding is None else {holding.symbol: holding}
    books = {} if book is None else {book.symbol: book}
    found = compare(holdings, books, orders, Exits(), NOON + timedelta(seconds=seconds))
    assert all(each.fix for each in found), "each tells the next step"
    return [(each.check, each.evidence) for each in found]


@pytest.mark.parametrize("orders", [(order(),), bracket("filled", filled=10)], ids=["a stop", "the entry's legs"])
def test_what_agrees_and_is_protected_is_not_told(orders: tuple[Working, ...]) -> None:
    assert told(HOLDING, BOOK, *orders) == []
    assert told(None, None) == []


def test_what_only_one_of_them_has_is_told_with_both_quantities() -> None:
    assert told(HOLDING, None, order()) == [("quantity", "the broker holds 10, the database says 0")]
    assert told(None, BOOK) == [("quantity", "the broker holds 0, the database says 10")]


def test_shares_without_a_live_stop_are_told_and_so_are_stops_for_more_than_is_held() -> None:
    half = order(quantity=Decimal(4))
    assert told(HOLDING, BOOK, half) == [("protection", "6 of 10 shares have no live stop")]
    assert told(HOLDING, BOOK, *bracket("partially_filled", filled=10))[0][0] == "protection"
    assert told(HOLDING, BOOK, order(), half) == [("protection", "live stops stand for 4 shares more than are held")]


def test_a_contract_needs_no_stop_and_what_is_leaving_may_be_without_one() -> None:
    contract = replace(HOLDING, symbol=CALL)
    assert told(contract, replace(BOOK, symbol=CALL)) == []
    assert told(HOLDING, LEAVING, seconds=59) == []


def test_an_exit_that_takes_too_long_is_told_with_its_age() -> None:
    assert told(HOLDING, LEAVING, seconds=75) == [("exit", "to be closed (requested) for 75 s")]


def audited(world: World, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of `audit --json`."""
    code = audit.main(["--json"], world.environ())
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.world
def test_the_audit_tells_what_the_books_do_not_have(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    accounts = [{"account": "large", "positions": 0, "discrepancies": []}]
    nothing = {"ok": True, "said": "broker and books agree", "accounts": accounts}
    assert audited(world, capsys) == (0, nothing)

    bought(world.exchange, 10)
    code, said = audited(world, capsys)

    assert (code, said["said"]) == (1, "broker and books differ")
    assert [each["check"] for each in said["accounts"][0]["discrepancies"]] == ["quantity", "protection"]


@pytest.mark.world
def test_an_audit_beside_the_manager_agrees_with_it_writes_nothing_and_leaves_it_its_lease(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with started(world) as service:
        service.event("stream_changed", connected=True)
        bought(world.exchange, 10)
        service.event("position_protected", symbol="AAPL")
        code, said = audited(world, capsys)
        assert (code, said["accounts"][0]["positions"]) == (0, 1)
        service.event("positions_held", positions=1)
    before, sent = everything(world), world.posts()
    bought(world.exchange, 5)

    code, said = audited(world, capsys)

    assert code == 1
    assert everything(world) == before, "what differs is told, and left to the manager"
    assert len(world.posts()) == len(sent) + 1, "the person's own"


def everything(world: World) -> dict[str, list[str]]:
    """Every row that the manager keeps, as text."""
    with world.connect() as connection:
        return {
            table: [row for (row,) in connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()]
            for table in TABLES
        }
