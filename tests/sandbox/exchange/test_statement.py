"""What is asked of a listing is what comes: a statement by its filters and pages, assets, parts of a position."""

import pytest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import Http, held, market

CALL = "AAPL261218C00100000"
MONDAY, TUESDAY = "2026-11-23", "2026-11-24"


@pytest.fixture
def lines(exchange: Running, http: Http) -> list[str]:
    """Three fills a minute apart, and an exercise that is posted on the next day; the ids of the fills' orders."""
    exchange.quotes({CALL: {"bid": "2.50", "ask": "2.60"}})
    orders = []
    for order in (market(), market(symbol="NFLX", qty="1"), market(symbol=CALL, qty="1")):
        orders.append(http.placed(**order)["id"])
        exchange.advance(60)
    http.send("POST", f"/v2/positions/{CALL}/exercise")
    exchange.set_clock(f"{TUESDAY}T10:00:00-05:00")
    return orders


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["OPTRD", "OPEXC", CALL, "NFLX", "AAPL"]),
        ("?direction=asc", ["AAPL", "NFLX", CALL, "OPEXC", "OPTRD"]),
        ("?activity_types=FILL", [CALL, "NFLX", "AAPL"]),
        ("?activity_types=OPEXC,OPTRD", ["OPTRD", "OPEXC"]),
        ("?category=trade_activity", [CALL, "NFLX", "AAPL"]),
        ("?category=non_trade_activity", ["OPTRD", "OPEXC"]),
        (f"?date={MONDAY}&page_size=2", ["OPTRD", "OPEXC"]),
        (f"?date={TUESDAY}", []),
        (f"?after={MONDAY}T15:00:30Z&until={MONDAY}T15:01:30Z", ["NFLX"]),
        ("/FILL?direction=asc&page_size=1", ["AAPL"]),
    ],
)
def test_a_statement_is_told_as_asked(http: Http, lines: list[str], query: str, expected: list[str]) -> None:
    told = http.listed(f"/v2/account/activities{query}")

    assert [a["symbol"] if a["activity_type"] == "FILL" else a["activity_type"] for a in told] == expected
    assert len(lines) == 3


def test_a_statements_pages_meet_without_gap_or_overlap(http: Http, lines: list[str]) -> None:
    pages = [http.listed("/v2/account/activities?page_size=2")]
    while pages[-1]:
        pages.append(http.listed(f"/v2/account/activities?page_size=2&page_token={pages[-1][-1]['id']}"))
    ids = [line["id"] for page in pages for line in page]

    assert ids == [line["id"] for line in http.listed("/v2/account/activities")]
    assert len(set(ids)) == len(lines) + 2


@pytest.mark.parametrize("query", ["category=some", "direction=up", "page_token=x", "page_size=0", "date=then"])
def test_a_query_of_a_statement_that_means_nothing_is_named(http: Http, query: str) -> None:
    name = query.partition("=")[0]

    assert http.get(f"/v2/account/activities?{query}") == (422, {"code": 40010001, "message": f"invalid {name}"})


def test_assets_are_listed_by_status_exchange_and_class(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"status": "inactive"}, "NEWCO": {"exchange": "AMEX"}})

    def symbols(query: str) -> set[str]:
        return {asset["symbol"] for asset in http.listed(f"/v2/assets?{query}")}

    assert symbols("status=inactive") == {"AAPL"}
    assert symbols("exchange=AMEX") == {"NEWCO"}
    assert "AAPL" not in symbols("status=active&asset_class=us_equity")
    assert symbols("asset_class=crypto") == set()


@pytest.mark.parametrize(
    ("query", "left"), [("qty=3", "7"), ("percentage=25", "7.5"), ("qty=2.5", "7.5"), ("percentage=100", None)]
)
def test_a_part_of_a_position_is_closed_by_number_or_share(http: Http, query: str, left: str | None) -> None:
    held(http)
    status, order = http.send("DELETE", f"/v2/positions/AAPL?{query}")
    status_after, position = http.get("/v2/positions/AAPL")

    assert (status, order["side"]) == (200, "sell")
    assert (position["qty"] if status_after == 200 else None) == left


@pytest.mark.parametrize("query", ["qty=0", "qty=11", "qty=1&percentage=1", "percentage=101", "percentage=0"])
def test_a_part_that_a_position_does_not_have_is_refused_and_nothing_is_sold(http: Http, query: str) -> None:
    held(http)

    assert http.send("DELETE", f"/v2/positions/AAPL?{query}")[0] in (403, 422)
    assert http.one("/v2/positions/AAPL")["qty"] == "10"
