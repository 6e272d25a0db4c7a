"""History: quotes, trades and auctions, options' bars, what an account was worth, clock and calendar by market."""

from datetime import UTC, datetime

import pytest
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import OptionBarsRequest, OptionTradesRequest, StockQuotesRequest, StockTradesRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.models import PortfolioHistory
from alpaca.trading.requests import GetPortfolioHistoryRequest

from sandbox.exchange import Running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, limit, market

CALL = "AAPL261218C00100000"
FRIDAY_OPEN = "2026-11-20T14:30:00Z"
START, END = datetime(2026, 11, 20, 14, 30, tzinfo=UTC), datetime(2026, 11, 20, 14, 31, tzinfo=UTC)


def test_alpaca_py_reads_past_quotes_and_trades(exchange: Running) -> None:
    data = StockHistoricalDataClient(KEY, SECRET, url_override=exchange.url)
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="SPY", start=START, end=END))["SPY"]
    trades = data.get_stock_trades(StockTradesRequest(symbol_or_symbols="SPY", start=START, end=END))["SPY"]

    assert (len(quotes), len(trades)) == (61, 61)
    assert all(q.bid_price <= t.price <= q.ask_price for q, t in zip(quotes, trades, strict=True))
    assert quotes[0].timestamp == START


def test_alpaca_py_reads_past_option_bars_and_trades(exchange: Running) -> None:
    data = OptionHistoricalDataClient(KEY, SECRET, url_override=exchange.url)
    bars = data.get_option_bars(OptionBarsRequest(symbol_or_symbols=CALL, timeframe=TimeFrame.Hour, start=START))
    trades = data.get_option_trades(OptionTradesRequest(symbol_or_symbols=CALL, start=START, end=END))

    assert len(bars[CALL]) == 7
    assert all(bar.low <= bar.open <= bar.high for bar in bars[CALL])
    assert len(trades[CALL]) == 2
    assert "C" in data.get_option_exchange_codes()


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_past_quotes_are_paged_without_gap_or_overlap(http: Http, sort: str) -> None:
    path = f"/v2/stocks/quotes?symbols=SPY,AAPL&start={FRIDAY_OPEN}&end=2026-11-20T14:30:09Z&limit=7&sort={sort}"
    pages = [http.one(path)]
    while pages[-1]["next_page_token"]:
        pages.append(http.one(f"{path}&page_token={pages[-1]['next_page_token']}"))
    seen = [(symbol, quote["t"]) for page in pages for symbol, quotes in page["quotes"].items() for quote in quotes]
    seconds = sorted((f"2026-11-20T14:30:0{n}Z" for n in range(10)), reverse=sort == "desc")

    assert seen == [(symbol, second) for symbol in ("AAPL", "SPY") for second in seconds]


def test_an_auction_of_today_has_not_closed_yet(http: Http) -> None:
    days = http.one("/v2/stocks/SPY/auctions?start=2026-11-20")["auctions"]

    assert [(day["d"], len(day["o"]), len(day["c"])) for day in days] == [("2026-11-20", 1, 1), ("2026-11-23", 1, 0)]
    assert days[0]["c"][0]["t"] == "2026-11-20T21:00:00Z"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v2/stocks/meta/conditions/bar?tape=A", "ticktype"),
        ("/v2/stocks/meta/conditions/trade", "tape"),
        ("/v2/stocks/quotes?symbols=SPY&sort=up", "sort"),
        ("/v3/clock?markets=MOON", "markets"),
        ("/v3/calendar/NYSE?timezone=CET", "timezone"),
        ("/v2/account/portfolio/history?period=2X", "period"),
        ("/v2/account/portfolio/history?period=3M&timeframe=5Min", "timeframe"),
    ],
)
def test_a_query_that_means_nothing_is_named(http: Http, path: str, field: str) -> None:
    assert http.get(path) == (422, {"code": 40010001, "message": f"invalid {field}"})


# -- what an account was worth -----------------------------------------------------------------


def test_alpaca_py_reads_what_an_account_was_worth(exchange: Running, http: Http, client: TradingClient) -> None:
    exchange.quotes({"AAPL": {"bid": "100", "ask": "100", "last": "100"}})
    http.placed(**market())
    exchange.advance(600)
    http.placed(**limit(symbol=CALL, qty="1", limit_price="20.00"))
    exchange.advance(600)
    shown = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1D", timeframe="5Min"))
    assert isinstance(shown, PortfolioHistory)
    paid = float(http.one(f"/v2/positions/{CALL}")["cost_basis"])
    cash = float(http.one("/v2/account")["cash"])

    assert cash == 100_000 - 1_000 - paid
    assert shown.base_value == 100_000
    assert shown.equity[0] == 100_000
    assert shown.equity[-1] == pytest.approx(float(http.one("/v2/account")["equity"]), abs=0.01)
    assert shown.profit_loss[-1] == pytest.approx(shown.equity[-1] - 100_000, abs=0.01)


def test_a_month_is_told_by_the_day(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-12-02T12:00:00-05:00")
    shown = http.one("/v2/account/portfolio/history")

    assert shown["timeframe"] == "1D"
    assert len(shown["timestamp"]) == len(shown["equity"]) == 7
    assert set(shown["profit_loss_pct"]) == {0}


# -- clock and calendar by market --------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "phase", "until"),
    [
        ("2026-11-23T10:00:00-05:00", "core", "2026-11-23T16:00:00-05:00"),
        ("2026-11-23T17:00:00-05:00", "post", "2026-11-23T20:00:00-05:00"),
        ("2026-11-23T21:00:00-05:00", "closed", "2026-11-24T04:00:00-05:00"),
        ("2026-11-24T05:00:00-05:00", "pre", "2026-11-24T09:30:00-05:00"),
        ("2026-11-26T12:00:00-05:00", "closed", "2026-11-27T04:00:00-05:00"),
        ("2026-11-27T12:00:00-05:00", "core", "2026-11-27T13:00:00-05:00"),
    ],
)
def test_a_market_says_its_phase_and_when_it_ends(
    exchange: Running, http: Http, moment: str, phase: str, until: str
) -> None:
    exchange.set_clock(moment)
    [clock] = http.one("/v3/clock?markets=NYSE")["clocks"]

    assert (clock["timestamp"], clock["phase"], clock["phase_until"]) == (moment, phase, until)


def test_the_calendar_is_asked_by_the_day_of_settlement_too(http: Http) -> None:
    path = "/v2/calendar?start=2026-11-27&end=2026-11-30"

    assert [day["date"] for day in http.listed(path)] == ["2026-11-27", "2026-11-30"]
    assert [day["date"] for day in http.listed(f"{path}&date_type=SETTLEMENT")] == ["2026-11-25", "2026-11-27"]


def test_the_calendar_by_market_knows_the_half_day(http: Http) -> None:
    days = http.one("/v3/calendar/XNYS?start=2026-11-25&end=2026-11-27&timezone=UTC")["calendar"]

    assert [(day["date"], day["core_end"]) for day in days] == [
        ("2026-11-25", "2026-11-25T21:00:00+00:00"),
        ("2026-11-27", "2026-11-27T18:00:00+00:00"),
    ]
