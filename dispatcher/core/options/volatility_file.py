"""Past days of volatility from a file: read strictly, every problem at once, with its line."""

import csv
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation

from contract.strict import DocumentError, Problem
from dispatcher.core.recommendation import SYMBOL

HEADER = ["underlying", "day", "iv"]
HIGHEST = Decimal(10)
"""A volatility above 1,000 % is one in per cent."""

Row = tuple[str, date, Decimal]


def read(lines: Iterable[str], *, name: str, before: date) -> tuple[Row, ...]:
    """The rows of a CSV file with the columns underlying, day and iv; `iv` as a fraction, days before `before`.

    Raises:
        DocumentError: another header, or rows that cannot be read; lists every one.
    """
    table = list(csv.reader(lines))
    if not table or table[0] != HEADER:
        raise DocumentError(name, (Problem("line 1", f"the header must be {','.join(HEADER)}"),))
    read_rows = [_row(fields, f"line {number}", before) for number, fields in enumerate(table[1:], start=2)]
    problems = [each for each in read_rows if isinstance(each, Problem)]
    if problems:
        raise DocumentError(name, tuple(problems))
    return tuple(each for each in read_rows if not isinstance(each, Problem))


def _row(fields: list[str], line: str, before: date) -> Row | Problem:
    if len(fields) != len(HEADER):
        return Problem(line, f"has {len(fields)} fields, not {len(HEADER)}")
    underlying, written_day, written_iv = fields
    try:
        day, iv = date.fromisoformat(written_day), Decimal(written_iv)
    except (ValueError, InvalidOperation):
        return Problem(line, f"{written_day!r} is not a day, or {written_iv!r} not a number")
    if not SYMBOL.fullmatch(underlying):
        return Problem(line, f"{underlying!r} is not a stock symbol")
    if not iv.is_finite() or not 0 < iv < HIGHEST:
        return Problem(line, f"iv {written_iv} is not a fraction between 0 and {HIGHEST} (0.25 is 25 %)")
    return (underlying, day, iv) if day < before else Problem(line, f"{day} is not before {before}")
