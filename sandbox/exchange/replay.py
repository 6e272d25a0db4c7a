"""Recorded quotes instead of a walk: a CSV file with the columns time, symbol, bid, ask and, if known, last."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from sandbox.exchange.market import Quote, middle_of
from sandbox.exchange.text import nanoseconds

_NEEDED = ("time", "symbol", "bid", "ask")
Recording = Mapping[str, Sequence[Quote]]


def read(path: Path) -> Recording:
    """Read quotes by symbol in order of time; prices in USD, times as ISO instants with their zone.

    Raises ValueError that names file, line and column where a value means nothing.
    """
    found: dict[str, list[Quote]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
        if missing:
            raise ValueError(f"{path.name}: no column {missing[0]}; the columns are time, symbol, bid, ask[, last]")
        for symbol, quote in _quotes(path.name, lines):
            found.setdefault(symbol, []).append(quote)
    if not found:
        raise ValueError(f"{path.name}: holds no quotes")
    return {symbol: tuple(sorted(quotes, key=attrgetter("at"))) for symbol, quotes in found.items()}


def _quotes(name: str, lines: "csv.DictReader[str]") -> Iterator[tuple[str, Quote]]:
    for line in lines:
        where = f"{name}, line {lines.line_num}"
        bid, ask = _price(line, "bid", where), _price(line, "ask", where)
        if not 0 < bid <= ask:
            raise ValueError(f"{where}: a quote needs 0 < bid <= ask")
        last = _price(line, "last", where) if line.get("last") else middle_of(bid, ask)
        if not line["symbol"]:
            raise ValueError(f"{where}: symbol is empty")
        yield line["symbol"], Quote(bid, ask, last, _instant(line, where))


def _price(line: Mapping[str, str], column: str, where: str) -> Decimal:
    try:
        price = Decimal(line[column] or "")
    except ArithmeticError:
        raise ValueError(f"{where}: {column} is no number: {line[column]!r}") from None
    if not price.is_finite():
        raise ValueError(f"{where}: {column} is no number: {line[column]!r}")
    return price


def _instant(line: Mapping[str, str], where: str) -> int:
    given = line["time"] or ""
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{where}: time is no instant with a zone: {given!r}")
    return nanoseconds(at)
