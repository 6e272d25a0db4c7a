"""Tables for people."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contract.events import PositionHeld
from ops.core.held import Holdings, Report, shown

_COLUMNS = ("symbol", "quantity", "average", "unrealized", "realized", "age", "protection", "next exit")
_RIGHT = frozenset({"quantity", "average", "unrealized", "realized", "age"})


def positions_table(found: Iterable[Holdings], now: datetime) -> RenderableType:
    """Every account with what it holds. Amounts in USD."""
    return Group(*(part for each in found for part in _account(each, now)))


def _account(each: Holdings, now: datetime) -> Iterator[RenderableType]:
    report = each.report
    if each.missing is not None:
        yield Text(f"{each.account}: NOT KNOWN, {each.missing} ({each.service})", style="bold red")
        yield Text(f"Next: ops logs {each.service} --since 10m; ops status")
    if report is None:
        return
    yield Text(_total(each, report, now))
    if report.held:
        yield _table(report.held)


def _total(each: Holdings, report: Report, now: datetime) -> str:
    total = report.total
    said = f"said {shown((now - report.at).total_seconds())} ago by {each.service} ({report.build[:12]})"
    money = f"unrealized {total.unrealized}, realized today {total.realized_today} USD"
    counts = f"{total.positions} positions, {total.unprotected} without a stop, {total.exiting} being closed"
    return f"{each.account}: {counts}; {money}; {said}"


def _table(held: Iterable[PositionHeld]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold")
    for each in held:
        style = "red" if each.unprotected_seconds is not None else ""
        table.add_row(*(Text(cell, style=style) for cell in _cells(each)))
    return table


def _cells(each: PositionHeld) -> tuple[str, ...]:
    average = "unknown" if each.average_price is None else f"{each.average_price:f}"
    return (
        each.symbol,
        f"{each.qty:f}",
        average,
        f"{each.unrealized:f}",
        f"{each.realized:f}",
        shown(each.age_seconds),
        _protection(each),
        each.next_exit,
    )


def _protection(each: PositionHeld) -> str:
    if each.unprotected_seconds is None:
        return each.protection or "supervised"
    bare = f"NO STOP for {shown(each.unprotected_seconds)}"
    return f"{bare}; {each.protection}" if each.protection else bare
