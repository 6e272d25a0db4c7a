"""What position managers said they hold, read from their lines: a report is whole, or it is none."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from contract.events import Event, Heartbeat, Line, PositionHeld, PositionsHeld, Standby, parse

SILENT_BEATS = 3
"""A report older than this many heartbeats says nothing about now."""

OPTION = re.compile(r"[0-9]{6}[CP][0-9]{8}$")
"""What the symbol of a contract ends with: expiry, kind, strike."""
SOON_SECONDS = 600
"""A position in options that ends within this is not left without its manager for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One account at one moment, as its position manager read it from the broker. `at` is when it was said, UTC."""

    at: datetime
    build: str
    total: PositionsHeld
    held: tuple[PositionHeld, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """An account and its newest report; without one, `missing` says what is known of why."""

    account: str
    service: str
    report: Report | None
    missing: str | None

    @property
    def known(self) -> bool:
        """Whether what is held now is told."""
        return self.missing is None


def holdings(
    account: str, service: str, lines: Iterable[tuple[str, str]], now: datetime, *, heartbeat_seconds: float
) -> Holdings:
    """An account's newest whole report in its service's lines, each with the task that wrote it, oldest first."""
    report, last = _newest(account, lines)
    missing = _missing(report, last, now, heartbeat_seconds * SILENT_BEATS)
    return Holdings(account=account, service=service, report=report, missing=missing)


def _newest(account: str, lines: Iterable[tuple[str, str]]) -> tuple[Report | None, Event | None]:
    """The newest report, and the last word of any kind about the account."""
    begun: dict[str, list[PositionHeld]] = {}
    report: Report | None = None
    last: Event | None = None
    for at, task, line in _as_said(lines):
        event = line.event
        if event is None or getattr(event, "account", None) != account:
            continue
        last = event
        if isinstance(event, PositionHeld):
            begun.setdefault(task, []).append(event)
        if isinstance(event, PositionsHeld):
            build = line.speaker.build if line.speaker else ""
            report = Report(at=at, build=build, total=event, held=tuple(begun.pop(task, ())))
    return report, last


def _as_said(lines: Iterable[tuple[str, str]]) -> list[tuple[datetime, str, Line]]:
    """By the time within each line: CloudWatch keeps milliseconds, and a report is said within one."""
    read = ((task, parse(text)) for task, text in lines)
    return sorted(((line.at, task, line) for task, line in read if line.at is not None), key=itemgetter(0))


def _missing(report: Report | None, last: Event | None, now: datetime, silent: float) -> str | None:
    if report is not None:
        age = (now - report.at).total_seconds()
        return None if age <= silent else f"the last report is {age:.0f} s old"
    if last is None:
        return "it said nothing about the account lately"
    if isinstance(last, Standby) or (isinstance(last, Heartbeat) and last.standing_by):
        return "it stands by for another that holds the account's lease"
    return f"it lives, and has not read the broker yet: its last word is {last.name}"


def contracts(found: Iterable[Holdings]) -> tuple[PositionHeld, ...]:
    """The positions in options that are known of."""
    reports = (each.report for each in found if each.known and each.report is not None)
    return tuple(held for report in reports for held in report.held if OPTION.search(held.symbol))


def leaves_soon(held: PositionHeld) -> bool:
    """Whether it is being closed, or its clock runs out within minutes."""
    return held.exit_seconds is not None and held.exit_seconds <= SOON_SECONDS


def document(each: Holdings) -> Mapping[str, object]:
    """The account for programs. Amounts are text, so that none is rounded."""
    report = each.report
    told = {"account": each.account, "service": each.service, "missing": each.missing}
    if report is None:
        return told | {"at": None, "build": None, "total": None, "positions": []}
    return told | {
        "at": report.at,
        "build": report.build,
        "total": report.total,
        "positions": list(report.held),
    }


def shown(seconds: Decimal | float) -> str:
    """A span as a person reads it."""
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, last = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (last, "s"))
    first = next((index for index, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2])
