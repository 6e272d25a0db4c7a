"""A whole trading day in seconds, by the exchange's clock, with every exit and its reason."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from contract.events import ExitDecided, PositionClosed, PositionDifference, PositionOpened
from dispatcher.core.order import NEW_YORK
from tests.dispatcher.positions.stand import Stand

pytestmark = pytest.mark.world

CALLS = ("AAPL261218C00200000", "AAPL261218C00210000", "MSFT261218C00500000")
EXPIRES_TODAY = "MSFT261127C00500000"


def day(stand: Stand, date: str, closes: str, courses: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    """Open to close in steps; each symbol's price goes its course, evenly spread. The report: when, what, why."""
    at = datetime.fromisoformat(f"{date}T09:35:00").replace(tzinfo=NEW_YORK)
    end = datetime.fromisoformat(f"{date}T{closes}:00").replace(tzinfo=NEW_YORK)
    steps = 40
    report: list[tuple[str, str, str]] = []
    for step in range(steps):
        stand.until((at + (end - at) * step / steps).isoformat())
        for symbol, course in courses.items():
            price = Decimal(course[min(step * len(course) // steps, len(course) - 1)])
            stand.price(symbol, str(price - Decimal("0.02")), str(price + Decimal("0.02")))
        stand.turn(2)
        told = stand.events(PositionClosed)[len(report) :]
        report += [(f"{stand.now().astimezone(NEW_YORK):%H:%M}", each.symbol, each.reason) for each in told]
    stand.until((end + timedelta(minutes=1)).isoformat())
    stand.turn(2)
    return report


def opened(stand: Stand, date: str, contracts: tuple[str, ...]) -> None:
    """In the morning: two entries of the dispatcher's, and contracts at 2.00."""
    stand.until(f"{date}T09:31:00-05:00")
    for symbol in contracts:
        stand.price(symbol, "1.98", "2.02")
    stand.price("AAPL", "199.98", "200.02")
    stand.price("MSFT", "499.98", "500.02")
    stand.turn()
    stand.enter("AAPL", 10)
    stand.enter("MSFT", 4, limit="500.10", take_profit="520", stop_loss="490")
    for symbol in contracts:
        assert "id" in stand.buy(symbol, 1)
    stand.turn()
    assert len(stand.events(PositionOpened)) == 2 + len(contracts)


def test_a_whole_day_ends_with_every_exit_told_and_its_reason(stand: Stand) -> None:
    opened(stand, "2026-11-24", CALLS)
    courses = {
        "AAPL": ["200", "197", "194", "194"],
        "MSFT": ["500", "510", "521", "515"],
        CALLS[0]: ["2.00", "1.50", "1.10"],
        CALLS[1]: ["2.00", "3.00", "2.50"],
        CALLS[2]: ["2.00", "2.10", "1.90"],
    }
    report = day(stand, "2026-11-24", "16:00", courses)

    assert {(symbol, reason) for _, symbol, reason in report} == {
        ("AAPL", "stop_loss"),
        ("MSFT", "take_profit"),
        (CALLS[0], "stop"),
        (CALLS[1], "trailing_stop"),
        (CALLS[2], "end_of_day"),
    }
    assert next(at for at, symbol, _ in report if symbol == CALLS[2]) >= "15:45"
    assert stand.held() == {}
    assert stand.events(PositionDifference) == []
    assert all(each.complete for each in stand.events(PositionClosed))


def test_a_half_day_ends_before_one(stand: Stand) -> None:
    opened(stand, "2026-11-27", (CALLS[0], EXPIRES_TODAY))
    quiet = {"AAPL": ["200"], "MSFT": ["500"], CALLS[0]: ["2.00"], EXPIRES_TODAY: ["2.00"]}
    report = day(stand, "2026-11-27", "13:00", quiet)

    exits = {symbol: (at, reason) for at, symbol, reason in report}
    assert exits.keys() == {CALLS[0], EXPIRES_TODAY}
    assert exits[EXPIRES_TODAY][1] == "expiry_cutoff"
    assert "12:00" <= exits[EXPIRES_TODAY][0] < "12:15"
    assert exits[CALLS[0]][1] == "end_of_day"
    assert "12:45" <= exits[CALLS[0]][0] < "13:00"
    assert Counter(each.reason for each in stand.events(ExitDecided)) == {"expiry_cutoff": 1, "end_of_day": 1}
    assert stand.held() == {"AAPL": 10, "MSFT": 4}
    assert {symbol: stand.stops(symbol) for symbol in ("AAPL", "MSFT")} == {"AAPL": 10, "MSFT": 4}
