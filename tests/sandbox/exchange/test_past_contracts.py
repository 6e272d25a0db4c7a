"""Contracts that have ended: listed when they are asked for, with the bars of the days on which they were offered."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from sandbox.exchange import Running
from sandbox.exchange.market import Market
from sandbox.exchange.text import SECOND
from tests.sandbox.exchange.exchange_desk import MONDAY_TEN, Http

PAST = "/v2/options/contracts?underlying_symbols=AAPL&status=inactive&limit=10000"
BARS = "/v1beta1/options/bars?timeframe=1Day&limit=10000&start=2024-01-01T00:00:00Z&symbols="
DAYS = ("2026-11-06", "2026-11-13", "2026-11-20")


def listed(http: Http, path: str) -> list[dict[str, Any]]:
    found = http.one(path)["option_contracts"]
    assert isinstance(found, list)
    return found


def test_what_has_ended_is_only_listed_as_inactive(http: Http) -> None:
    dates = f"&expiration_date_gte={DAYS[0]}&expiration_date_lte=2026-12-04"
    past = listed(http, PAST + dates)
    active = listed(http, PAST.replace("inactive", "active") + dates)

    assert sorted({each["expiration_date"] for each in past}) == list(DAYS)
    assert min(each["expiration_date"] for each in active) == "2026-11-27"
    assert {(each["status"], each["tradable"]) for each in past} == {("inactive", False)}
    assert all(each["close_price_date"] == each["expiration_date"] for each in past)


def test_a_daily_class_has_every_session_among_its_past(http: Http) -> None:
    path = PAST.replace("AAPL", "SPY") + "&expiration_date_gte=2026-11-16&expiration_date_lte=2026-11-20"

    days = {each["expiration_date"] for each in listed(http, path)}

    assert days == {"2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"}


def test_what_expires_today_is_active_until_the_close_and_inactive_after_it(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-27T12:59:00-05:00")  # a half day
    today = PAST + "&expiration_date=2026-11-27"
    before = listed(http, today)
    exchange.set_clock("2026-11-27T13:01:00-05:00")

    assert before == []
    assert listed(http, today)
    assert listed(http, today.replace("inactive", "active")) == []


def test_a_strike_at_the_money_of_its_last_day_is_worth_next_to_nothing_at_its_end(http: Http) -> None:
    (stock,) = http.one("/v2/stocks/AAPL/bars?timeframe=1Day&start=2026-11-20T05:00:00Z&end=2026-11-20T22:00:00Z")[
        "bars"
    ]
    past = listed(http, f"{PAST}&expiration_date=2026-11-20&type=call")
    nearest = min(past, key=lambda each: abs(float(each["strike_price"]) - stock["c"]))

    bars = http.one(BARS + nearest["symbol"])["bars"][nearest["symbol"]]

    assert bars[-1]["t"].startswith("2026-11-20")
    assert bars[-1]["c"] <= abs(float(nearest["strike_price"]) - stock["c"]) + 0.05
    assert bars[0]["c"] > bars[-1]["c"], "it had weeks left when it was first offered"


@pytest.mark.parametrize(
    ("expires", "first"),
    [("261113", "2026-09-21"), ("261120", "2025-10-13")],  # a weekly expiration, and a monthly one
)
def test_a_contract_has_bars_of_the_days_on_which_it_was_offered(http: Http, expires: str, first: str) -> None:
    symbol = f"AAPL{expires}C00100000"

    days = [bar["t"][:10] for bar in http.one(BARS + symbol)["bars"][symbol]]

    assert (days[0], days[-1]) == (first, f"20{expires[:2]}-{expires[2:4]}-{expires[4:]}")


def test_nothing_is_told_of_the_time_before_option_data_begin(http: Http) -> None:
    first = listed(http, PAST.replace("limit=10000", "limit=1") + "&expiration_date_lte=2026-11-20")[0]

    assert first["expiration_date"] == "2024-02-02"
    assert listed(http, f"{PAST}&expiration_date_lte=2024-01-31") == []
    assert http.get("/v2/options/contracts/AAPL240126C00100000")[0] == 404


def test_the_level_of_volatility_rises_and_falls_over_a_year_and_stands_still_without_volatility() -> None:
    days = [MONDAY_TEN - back * 86_400 * SECOND for back in range(365)]
    moving, still = (Market(7, Decimal(volatility), {}) for volatility in (1, 0))

    year = [moving.fear_ppm("AAPL", at) for at in days]

    assert max(year) - min(year) > 200_000, "a fifth of the usual volatility, at least"
    assert max(abs(each) for each in year) <= 400_000
    assert max(abs(today - before) for today, before in itertools.pairwise(year)) < 60_000
    assert {still.fear_ppm("AAPL", at) for at in days} == {0}
