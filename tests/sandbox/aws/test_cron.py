"""When schedules fire."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.aws.cron import ExpressionError, parsed

_START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


def _after(text: str, zone: str = "UTC", moment: datetime = _START) -> str | None:
    found = parsed(text, zone).after(moment, _START)
    return None if found is None else found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "zone", "wanted"),
    [
        ("rate(5 minutes)", "UTC", "2026-11-20 12:05:00"),
        ("rate(1 hour)", "UTC", "2026-11-20 13:00:00"),
        ("rate(2 days)", "UTC", "2026-11-22 12:00:00"),
        ("at(2026-11-20T13:30:00)", "UTC", "2026-11-20 13:30:00"),
        ("at(2026-11-20T09:30:00)", "America/New_York", "2026-11-20 14:30:00"),
        ("at(2026-11-20T11:00:00)", "UTC", None),
        ("cron(30 9 ? * MON-FRI *)", "America/New_York", "2026-11-20 14:30:00"),
        ("cron(0 9 ? * MON-FRI *)", "UTC", "2026-11-23 09:00:00"),
        ("cron(0/15 * * * ? *)", "UTC", "2026-11-20 12:15:00"),
        ("cron(0 0 L * ? *)", "UTC", "2026-11-30 00:00:00"),
        ("cron(0 0 1W 8 ? *)", "UTC", "2027-08-02 00:00:00"),
        ("cron(0 0 ? * 6L *)", "UTC", "2026-11-27 00:00:00"),
        ("cron(0 0 ? * MON#1 *)", "UTC", "2026-12-07 00:00:00"),
        ("cron(0 0 ? * L *)", "UTC", "2026-11-21 00:00:00"),
        ("cron(0 0 29 FEB ? *)", "UTC", "2028-02-29 00:00:00"),
        ("cron(0 12 * * ? 2026)", "UTC", "2026-11-21 12:00:00"),
        ("cron(0 12 * * ? 2025)", "UTC", None),
        ("cron(5,10 13 20 11 ? *)", "UTC", "2026-11-20 13:05:00"),
    ],
)
def test_the_next_time(expression: str, zone: str, wanted: str | None) -> None:
    assert _after(expression, zone) == wanted


def test_a_rate_keeps_its_rhythm_from_its_start() -> None:
    assert _after("rate(5 minutes)", moment=_START + timedelta(minutes=7)) == "2026-11-20 12:10:00"


def test_a_local_time_that_spring_skips_is_skipped() -> None:
    before = datetime(2027, 3, 14, 0, 0, tzinfo=UTC)

    assert _after("cron(30 2 * * ? *)", "America/New_York", before) == "2027-03-15 06:30:00"


def test_a_local_time_that_autumn_repeats_fires_once() -> None:
    first = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
    expression = parsed("cron(30 1 * * ? *)", "America/New_York")

    once = expression.after(first, _START)
    assert once is not None
    assert once.isoformat() == "2026-11-01T05:30:00+00:00"
    again = expression.after(once, _START)
    assert again is not None
    assert again.isoformat() == "2026-11-02T06:30:00+00:00"


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("every 5 minutes", "UTC"),
        ("rate(0 minutes)", "UTC"),
        ("rate(5 weeks)", "UTC"),
        ("at(tomorrow)", "UTC"),
        ("at(2026-13-01T00:00:00)", "UTC"),
        ("cron(0 9 * * *)", "UTC"),
        ("cron(0 9 * * * *)", "UTC"),
        ("cron(0 9 ? * ? *)", "UTC"),
        ("cron(60 9 * * ? *)", "UTC"),
        ("cron(0 9 * FOO ? *)", "UTC"),
        ("rate(1 hour)", "Mars/Olympus"),
    ],
)
def test_what_cannot_be_read_is_an_error(expression: str, zone: str) -> None:
    with pytest.raises(ExpressionError):
        parsed(expression, zone)
