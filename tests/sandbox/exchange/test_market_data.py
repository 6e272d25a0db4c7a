"""Market data: the seeded walk, bars and pages, snapshots, and what a free plan may not see."""

from datetime import UTC, datetime

import pytest
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockSnapshotRequest
from alpaca.data.timeframe import TimeFrame

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, config

SIP_REFUSED = (403, {"message": "subscription does not permit querying recent SIP data"})


@pytest.fixture
def data(exchange: Running) -> StockHistoricalDataClient:
    return StockHistoricalDataClient(KEY, SECRET, url_override=exchange.url)


def test_alpaca_py_reads_quotes_snapshots_and_bars(data: StockHistoricalDataClient) -> None:
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))["AAPL"]
    snapshot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "SPY"]))
    start = datetime(2026, 11, 2, tzinfo=UTC)
    bars = data.get_stock_bars(StockBarsRequest(symbol_or_symbols=["SPY"], timeframe=TimeFrame.Day, start=start))

    assert (quote.bid_price, quote.ask_price) == (99.98, 100.02)
    assert sorted(snapshot) == ["AAPL", "SPY"]
    assert len(bars["SPY"]) == 16
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars["SPY"])


def test_bars_are_paged_without_gap_or_overlap(http: Http) -> None:
    path = "/v2/stocks/bars?symbols=SPY,AAPL&timeframe=1Hour&start=2026-11-19&end=2026-11-21&limit=5"
    pages = [http.one(path)]
    while pages[-1]["next_page_token"]:
        pages.append(http.one(f"{path}&page_token={pages[-1]['next_page_token']}"))
    paged = [(s, bar["t"]) for page in pages for s, bars in page["bars"].items() for bar in bars]
    whole = http.one(path.replace("limit=5", "limit=1000"))["bars"]

    assert paged == [(symbol, bar["t"]) for symbol in ("AAPL", "SPY") for bar in whole[symbol]]
    assert len(paged) == 28


def test_a_walk_is_the_same_for_the_same_seed_and_another_for_another(http: Http) -> None:
    with running(config(seed=7)) as same, running(config(seed=8)) as other:
        quotes = [h.one("/v2/stocks/SPY/quotes/latest")["quote"] for h in (http, Http(same.url), Http(other.url))]

    assert quotes[0] == quotes[1] != quotes[2]


def test_a_walk_moves_with_time_and_stands_still_without_volatility(exchange: Running, http: Http) -> None:
    def bid() -> float:
        return float(http.one("/v2/stocks/SPY/quotes/latest")["quote"]["bp"])

    first = bid()
    exchange.advance(600)
    moved = bid()
    exchange.settings(volatility="0")
    still = bid()
    exchange.advance(600)

    assert first != moved
    assert still == bid()


@pytest.mark.parametrize("path", ["quotes/latest?symbols=SPY", "snapshots?symbols=SPY", "bars?symbols=SPY"])
def test_the_free_plan_does_not_see_the_newest_of_the_full_tape(exchange: Running, http: Http, path: str) -> None:
    exchange.settings(free_plan=True)

    assert http.get(f"/v2/stocks/{path}&feed=sip") == SIP_REFUSED
    assert http.get(f"/v2/stocks/{path}&feed=iex")[0] == 200


def test_the_free_plan_sees_the_full_tape_of_yesterday(exchange: Running, http: Http) -> None:
    exchange.settings(free_plan=True)

    assert http.get("/v2/stocks/bars?symbols=SPY&feed=sip&start=2026-11-19&end=2026-11-20")[0] == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [("timeframe=7Years", "timeframe"), ("page_token=x", "page_token"), ("feed=moon", "feed"), ("start=then", "start")],
)
def test_a_query_that_means_nothing_is_refused(http: Http, query: str, field: str) -> None:
    assert http.get(f"/v2/stocks/bars?symbols=SPY&{query}") == (
        422,
        {"code": 40010001, "message": f"invalid {field}"},
    )


def test_an_unknown_symbol_is_left_out_of_many(http: Http) -> None:
    assert list(http.one("/v2/stocks/quotes/latest?symbols=SPY,NOSUCH")["quotes"]) == ["SPY"]
