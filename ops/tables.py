"""Tables for people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contract.events import PositionHeld
from ops.core.held import Holdings, Report, shown

_NUMBERS = ("symbol", "quantity", "average", "unrealized", "realized", "age")
_WORDS = ("protection", "next exit")
_RIGHT = frozenset({"quantity", "average", "unrealized", "realized", "age"})
ROOMY = 140
"""Columns from which a position has one line."""


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
        yield _Positions(report.held)


def _total(each: Holdings, report: Report, now: datetime) -> str:
    total = report.total
    said = f"said {shown((now - report.at).total_seconds())} ago by {each.service} ({report.build[:12]})"
    money = f"unrealized {total.unrealized}, realized today {total.realized_today} USD"
    counts = f"{total.positions} positions, {total.unprotected} without a stop, {total.exiting} being closed"
    return f"{each.account}: {counts}; {money}; {said}"


@dataclass(frozen=True, slots=True)
class _Positions:
    """One line each where there is room for it; else the numbers, and what protects and ends it below them."""

    held: tuple[PositionHeld, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As Rich asks for it."""
        yield from (_one_line_each if options.max_width >= ROOMY else _three_lines_each)(self.held)


def _one_line_each(held: Iterable[PositionHeld]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in (*_NUMBERS, *_WORDS):
        words = name in _WORDS
        table.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=not words, overflow="fold")
    for each in held:
        table.add_row(
            *(Text(cell, style=_style(each)) for cell in (*_numbers(each), _protection(each), each.next_exit))
        )
    yield table


def _three_lines_each(held: Iterable[PositionHeld]) -> Iterator[RenderableType]:
    rows = [(each, _numbers(each)) for each in held]
    widths = [max(map(len, column)) for column in zip(_NUMBERS, *(cells for _, cells in rows), strict=True)]
    yield Text(_aligned(_NUMBERS, widths), style="bold")
    for each, cells in rows:
        yield Text(_aligned(cells, widths), style=_style(each))
        for words in (_protection(each), f"next: {each.next_exit}"):
            yield Padding(Text(words, style=_style(each)), (0, 0, 0, 2), expand=False)


def _aligned(cells: Iterable[str], widths: Iterable[int]) -> str:
    columns = zip(_NUMBERS, cells, widths, strict=True)
    return "  ".join(cell.rjust(width) if name in _RIGHT else cell.ljust(width) for name, cell, width in columns)


def _style(each: PositionHeld) -> str:
    return "red" if each.unprotected_seconds is not None else ""


def _numbers(each: PositionHeld) -> tuple[str, ...]:
    average = "unknown" if each.average_price is None else f"{each.average_price:f}"
    return (
        each.symbol,
        f"{each.qty:f}",
        average,
        f"{each.unrealized:f}",
        f"{each.realized:f}",
        shown(each.age_seconds),
    )


def _protection(each: PositionHeld) -> str:
    if each.unprotected_seconds is None:
        return each.protection or "supervised"
    bare = f"NO STOP for {shown(each.unprotected_seconds)}"
    return f"{bare}; {each.protection}" if each.protection else bare
