"""Every call that unmodified alpaca-py can make of a broker for stocks and options is answered and understood."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import (
    CorporateActionsRequest,
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
    OptionTradesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import CorporateActionType, OrderSide, TimeInForce
from alpaca.trading.models import AccountConfiguration
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetCorporateAnnouncementsRequest,
    GetOptionContractsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    UpdateWatchlistRequest,
)

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, account, config

CALL = "AAPL261218C00100000"
UNKNOWN = "61e69015-8549-4bfd-b9c3-01e75843f47d"
START, END = datetime(2026, 11, 20, 14, 30, tzinfo=UTC), datetime(2026, 11, 20, 14, 31, tzinfo=UTC)
BUY = {"symbol": "AAPL", "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
RESTING = LimitOrderRequest(**{**BUY, "symbol": "NFLX"}, qty=1, limit_price=50)
# Plain HTTP, which the named calls are made of.
VERBS = {"get", "post", "put", "patch", "delete", "response_wrapper"}

Trading = Callable[[TradingClient], Any]
Asked = Callable[[Any], Any]


def on_a_watchlist(use: Callable[[TradingClient, Any], Any]) -> Trading:
    return lambda client: use(client, client.create_watchlist(CreateWatchlistRequest(name="mine", symbols=["SPY"])).id)  # type: ignore[union-attr]


def on_an_order(use: Callable[[TradingClient, Any], Any]) -> Trading:
    return lambda client: use(client, client.submit_order(RESTING).id)  # type: ignore[union-attr]


def announcements(client: TradingClient) -> Any:
    asked = GetCorporateAnnouncementsRequest(
        ca_types=[CorporateActionType.DIVIDEND], since=date(2026, 10, 1), until=date(2026, 11, 1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return client.get_corporate_announcements(asked)


def set_what_is_set(client: TradingClient) -> Any:
    found = client.get_account_configurations()
    assert isinstance(found, AccountConfiguration)
    return client.set_account_configurations(found)


def an_announcement(client: TradingClient) -> Any:
    with pytest.raises(APIError) as refused:
        client.get_corporate_announcement_by_id(UNKNOWN)
    return (refused.value.status_code, refused.value.code)


TRADING: dict[str, Trading] = {
    "add_asset_to_watchlist_by_id": on_a_watchlist(lambda c, id_: c.add_asset_to_watchlist_by_id(id_, "AAPL")),
    "cancel_order_by_id": on_an_order(lambda c, id_: c.cancel_order_by_id(id_)),
    "cancel_orders": on_an_order(lambda c, _: c.cancel_orders()),
    "close_all_positions": lambda c: c.close_all_positions(cancel_orders=True),
    "close_position": lambda c: c.close_position("AAPL", ClosePositionRequest(percentage="50")),
    "create_watchlist": on_a_watchlist(lambda _, id_: id_),
    "delete_watchlist_by_id": on_a_watchlist(lambda c, id_: c.delete_watchlist_by_id(id_)),
    "exercise_options_position": lambda c: c.exercise_options_position(CALL),
    "get_account": lambda c: c.get_account(),
    "get_account_configurations": lambda c: c.get_account_configurations(),
    "get_all_assets": lambda c: c.get_all_assets(GetAssetsRequest(attributes="has_options")),
    "get_all_positions": lambda c: c.get_all_positions(),
    "get_asset": lambda c: c.get_asset("AAPL"),
    "get_calendar": lambda c: c.get_calendar(GetCalendarRequest(start=date(2026, 11, 23), end=date(2026, 11, 30))),
    "get_clock": lambda c: c.get_clock(),
    "get_corporate_announcement_by_id": an_announcement,
    "get_corporate_announcements": announcements,
    "get_open_position": lambda c: c.get_open_position("AAPL"),
    "get_option_contract": lambda c: c.get_option_contract(CALL),
    "get_option_contracts": lambda c: c.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["AAPL"])),
    "get_order_by_client_id": lambda c: c.get_order_by_client_id("known"),
    "get_order_by_id": on_an_order(lambda c, id_: c.get_order_by_id(id_, GetOrderByIdRequest(nested=True))),
    "get_orders": lambda c: c.get_orders(GetOrdersRequest(symbols=["NFLX"], nested=True)),
    "get_portfolio_history": lambda c: c.get_portfolio_history(GetPortfolioHistoryRequest(period="1D")),
    "get_watchlist_by_id": on_a_watchlist(lambda c, id_: c.get_watchlist_by_id(id_)),
    "get_watchlists": lambda c: c.get_watchlists(),
    "remove_asset_from_watchlist_by_id": on_a_watchlist(lambda c, id_: c.remove_asset_from_watchlist_by_id(id_, "SPY")),
    "replace_order_by_id": on_an_order(lambda c, id_: c.replace_order_by_id(id_, ReplaceOrderRequest(qty=2))),
    "set_account_configurations": set_what_is_set,
    "submit_order": on_an_order(lambda _, id_: id_),
    "update_watchlist_by_id": on_a_watchlist(
        lambda c, id_: c.update_watchlist_by_id(id_, UpdateWatchlistRequest(name="renamed"))
    ),
}
STOCKS: dict[str, Asked] = {
    "get_stock_bars": lambda c: c.get_stock_bars(
        StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Minute, start=START, end=END)
    ),
    "get_stock_latest_bar": lambda c: c.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="SPY")),
    "get_stock_latest_quote": lambda c: c.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SPY")),
    "get_stock_latest_trade": lambda c: c.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="SPY")),
    "get_stock_quotes": lambda c: c.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="SPY", start=START, end=END)),
    "get_stock_snapshot": lambda c: c.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["SPY", "AAPL"])),
    "get_stock_trades": lambda c: c.get_stock_trades(StockTradesRequest(symbol_or_symbols="SPY", start=START, end=END)),
}
OPTIONS: dict[str, Asked] = {
    "get_option_bars": lambda c: c.get_option_bars(
        OptionBarsRequest(symbol_or_symbols=CALL, timeframe=TimeFrame.Hour, start=START)
    ),
    "get_option_chain": lambda c: c.get_option_chain(OptionChainRequest(underlying_symbol="AAPL")),
    "get_option_exchange_codes": lambda c: c.get_option_exchange_codes(),
    "get_option_latest_quote": lambda c: c.get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=CALL)),
    "get_option_latest_trade": lambda c: c.get_option_latest_trade(OptionLatestTradeRequest(symbol_or_symbols=CALL)),
    "get_option_snapshot": lambda c: c.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols=CALL)),
    "get_option_trades": lambda c: c.get_option_trades(
        OptionTradesRequest(symbol_or_symbols=CALL, start=START, end=END)
    ),
}
# What has nothing to say: a cancel and a deleted list are a 204, an exercise an empty 200; there are no announcements.
SILENT = {"cancel_order_by_id", "delete_watchlist_by_id", "exercise_options_position", "get_corporate_announcements"}


@pytest.fixture
def lively() -> Iterator[Running]:
    """An exchange whose account holds shares and a contract, and has a resting order and a list."""
    with running(config(accounts=(account(cash=10_000_000),))) as started:
        started.settings(rate_limit=0)
        started.quotes({CALL: {"bid": "2.50", "ask": "2.60"}})
        client = TradingClient(KEY, SECRET, url_override=started.url)
        client.submit_order(MarketOrderRequest(**BUY, qty=10, client_order_id="known"))
        client.submit_order(LimitOrderRequest(**{**BUY, "symbol": CALL}, qty=1, limit_price=2.60))
        client.submit_order(RESTING.model_copy(update={"client_order_id": "resting"}))
        client.create_watchlist(CreateWatchlistRequest(name="first", symbols=["AAPL"]))
        yield started


@pytest.mark.parametrize("name", TRADING)
def test_a_trading_call_is_answered_and_understood(lively: Running, name: str) -> None:
    answer = TRADING[name](TradingClient(KEY, SECRET, url_override=lively.url))

    assert bool(answer) is (name not in SILENT)


@pytest.mark.parametrize(
    ("client", "calls"),
    [(StockHistoricalDataClient, STOCKS), (OptionHistoricalDataClient, OPTIONS)],
    ids=["stocks", "options"],
)
def test_a_call_for_market_data_is_answered_and_understood(
    lively: Running, client: type[Any], calls: dict[str, Asked]
) -> None:
    data = client(KEY, SECRET, url_override=lively.url)
    unanswered = [name for name, call in calls.items() if not _found(call(data))]

    assert unanswered == []


def _found(answer: Any) -> Any:
    """Give what an answer holds, whether it is a set of series or a plain mapping."""
    return getattr(answer, "data", answer)


def test_made_up_stocks_have_no_corporate_actions(lively: Running) -> None:
    data = CorporateActionsClient(KEY, SECRET, url_override=lively.url)
    shown = data.get_corporate_actions(CorporateActionsRequest(symbols=["AAPL"], start=date(2026, 10, 1)))

    assert _found(shown) == {}


@pytest.mark.parametrize(
    ("client", "calls"),
    [(TradingClient, TRADING), (StockHistoricalDataClient, STOCKS), (OptionHistoricalDataClient, OPTIONS)],
    ids=["trading", "stocks", "options"],
)
def test_no_call_of_the_library_is_left_out(client: type[Any], calls: dict[str, object]) -> None:
    public = {name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}

    assert set(calls) == public - VERBS
