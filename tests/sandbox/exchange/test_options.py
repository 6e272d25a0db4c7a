"""Options: contracts, chains, orders of one leg, levels, exercise and the end."""

from decimal import Decimal
from typing import Any

import pytest
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.requests import OptionChainRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.models import OptionContractsResponse
from alpaca.trading.requests import GetOptionContractsRequest

from sandbox.exchange import Running, running
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, account, config, held, limit

CALL, LOWER_CALL, HIGHER_CALL = "AAPL261218C00100000", "AAPL261218C00095000", "AAPL261218C00105000"
PUT, TODAY = "AAPL261218P00090000", "SPY261123C00660000"
FIXED = {
    CALL: {"bid": "2.50", "ask": "2.60"},
    HIGHER_CALL: {"bid": "1.00", "ask": "1.10"},
    PUT: {"bid": "0.50", "ask": "0.55"},
}


def option(**changes: object) -> dict[str, object]:
    return limit(**{"symbol": CALL, "qty": "2", "limit_price": "2.60", **changes})


def rule(message: str) -> tuple[int, dict[str, object]]:
    return 422, {"code": 42210000, "message": message}


def funds(message: str, **extra: object) -> tuple[int, dict[str, object]]:
    return 403, {"code": 40310000, "message": message, **extra}


@pytest.fixture(autouse=True)
def quoted(exchange: Running) -> None:
    exchange.quotes(FIXED)


REFUSED = {
    "a bracket": (
        option(order_class="bracket", take_profit={"limit_price": "5"}, stop_loss={"stop_price": "1"}),
        rule("complex orders not supported for options trading"),
    ),
    "half a contract": (option(qty="1.5"), rule("qty must be integer for options trading")),
    "good till canceled": (
        option(time_in_force="gtc"),
        rule("order_time_in_force provided not supported for options trading"),
    ),
    "immediate or cancel": (
        option(time_in_force="ioc"),
        rule("order_time_in_force provided not supported for options trading"),
    ),
    "a stop": (
        option(type="stop", limit_price=None, stop_price="3.00"),
        rule("order_type provided not supported for options trading"),
    ),
    "a stop-limit": (
        option(type="stop_limit", stop_price="3.00"),
        rule("order_type provided not supported for options trading"),
    ),
    "three decimals": (option(limit_price="2.605"), rule("limit price must be limited to 2 decimal places")),
    "off the grid from three dollars": (
        option(limit_price="3.01"),
        rule(f"limit price must be a multiple of 0.05 for contract {CALL}"),
    ),
    "a wrong intent": (
        option(position_intent="buy_to_close"),
        rule("position intent mismatch, inferred: buy_to_open, specified: buy_to_close"),
    ),
    "no such strike": (
        option(symbol="AAPL261218C00100100"),
        rule('contract "AAPL261218C00100100" is not found'),
    ),
    "an expired contract": (
        option(symbol="AAPL261120C00100000"),
        rule('contract "AAPL261120C00100000" is expired'),
    ),
    "more than the cash": (
        option(qty="500"),
        funds(
            "insufficient options buying power (required: 130000, available: 100000)",
            options_buying_power="100000",
            cost_basis="130000",
        ),
    ),
    "an uncovered call": (
        option(side="sell", qty="1"),
        funds(
            "insufficient underlying qty available for covered call (required: 100, available: 0)",
            available_qty="0",
            required_qty="100",
            underlying_asset_id="e43a5bf6-97ea-53cd-ab42-49b9edbf8be2",
        ),
    ),
    "a put that the cash cannot secure": (
        option(symbol=PUT, side="sell", qty="12", limit_price="0.50"),
        funds(
            "insufficient options buying power for cash-secured put (required: 108000, available: 100000)",
            options_buying_power="100000",
            required_options_buying_power="108000",
        ),
    ),
}


@pytest.mark.parametrize(("order", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_option_order_that_breaks_a_rule_is_refused(
    http: Http, order: dict[str, object], expected: tuple[int, object]
) -> None:
    assert http.order(**order) == expected
    assert http.listed("/v2/orders?status=all") == []


@pytest.mark.parametrize(
    ("level", "order", "message"),
    [
        (0, option(), "account not eligible for level2 options trading"),
        (1, option(), "account not eligible to trade long option contracts"),
        (0, option(side="sell"), "account not eligible to trade uncovered option contracts"),
    ],
)
def test_an_account_trades_options_up_to_its_level(level: int, order: dict[str, object], message: str) -> None:
    with running(config(accounts=(account(options_level=level),))) as exchange:
        answer = Http(exchange.url).order(**order)

    assert answer == funds(message)


def test_an_account_can_limit_its_own_level(http: Http) -> None:
    changed = http.send("PATCH", "/v2/account/configurations", {"max_options_trading_level": 1})

    assert changed[1]["max_options_trading_level"] == 1
    assert http.order(**option()) == funds("account not eligible to trade long option contracts")


def test_a_contract_is_bought_a_hundred_shares_at_a_time(http: Http) -> None:
    http.placed(**option())
    position = http.one(f"/v2/positions/{CALL}")

    assert (position["qty"], position["cost_basis"], position["asset_class"]) == ("2", "520", "us_option")
    assert http.one("/v2/account")["cash"] == "99480"


def test_a_covered_call_keeps_its_shares_back(http: Http) -> None:
    held(http, qty="100")
    http.placed(**option(side="sell", qty="1", limit_price="2.50"))

    refused = http.order(**limit(side="sell", qty="1", limit_price="120"))

    assert refused[0] == 403
    assert http.one("/v2/positions/AAPL")["qty_available"] == "0"
    assert http.one(f"/v2/positions/{CALL}")["qty"] == "-1"


def test_a_secured_put_keeps_its_cash_back_until_it_is_bought_back(http: Http) -> None:
    http.placed(**option(symbol=PUT, side="sell", qty="10", limit_price="0.50"))
    during = http.one("/v2/account")["options_buying_power"]
    http.placed(**option(symbol=PUT, qty="10", limit_price="0.55"))

    assert (during, http.one("/v2/account")["options_buying_power"]) == ("10500", "99950")


def test_a_market_order_for_an_option_waits_for_no_opening(exchange: Running, http: Http) -> None:
    exchange.set_clock("2026-11-23T17:00:00-05:00")

    assert http.order(**option(type="market", limit_price=None)) == rule(
        "options market orders are only allowed during market hours"
    )


def test_nothing_is_opened_in_the_last_half_hour_of_a_contract(exchange: Running, http: Http) -> None:
    exchange.quotes({TODAY: {"bid": "1.00", "ask": "1.01"}, "SPY": {"bid": "660", "ask": "660.02"}})
    http.placed(**option(symbol=TODAY, qty="1", limit_price="1.01"))
    exchange.set_clock("2026-11-23T15:30:00-05:00")

    assert http.order(**option(symbol=TODAY, qty="1", limit_price="1.01")) == rule(
        f'contract "{TODAY}" expires soon, unable to open new positions'
    )
    assert http.order(**option(symbol=TODAY, qty="1", limit_price="1.00", side="sell"))[0] == 200


def test_an_account_holds_only_so_many_contracts_that_expire_today(exchange: Running, http: Http) -> None:
    exchange.settings(options_expiring_today_limit=3)
    exchange.quotes({TODAY: {"bid": "1.00", "ask": "1.01"}, "SPY": {"bid": "660", "ask": "660.02"}})
    http.placed(**option(symbol=TODAY, limit_price="1.01"))

    assert http.order(**option(symbol=TODAY, limit_price="1.01")) == funds(
        "exceeded account limit for contracts expiring today (requested: 2, held+open: 2, limit: 3)"
    )


def test_contracts_on_a_halted_stock_are_not_tradable(exchange: Running, http: Http) -> None:
    exchange.assets({"AAPL": {"tradable": False}})

    assert http.order(**option()) == rule(f'contract "{CALL}" is not tradable')


def test_what_the_documents_disagree_about_is_a_switch(exchange: Running, http: Http) -> None:
    exchange.settings(options_gtc=True, options_stops=True, options_increments=False)

    answers = [
        http.order(**option(time_in_force="gtc", limit_price="2.00"))[0],
        http.order(**option(type="stop_limit", stop_price="3.00", limit_price="3.11"))[0],
    ]

    assert answers == [200, 200]


def test_an_option_order_is_replaced_on_its_own_tick_and_within_its_cash(http: Http) -> None:
    order = http.placed(**option(limit_price="2.00"))
    path = f"/v2/orders/{order['id']}"
    answers = [http.send("PATCH", path, change) for change in ({"limit_price": "3.01"}, {"qty": 600})]
    status, new = http.send("PATCH", path, {"limit_price": "2.60"})

    assert answers == [
        rule(f"limit price must be a multiple of 0.05 for contract {CALL}"),
        funds(
            "insufficient options buying power (required: 119600, available: 99600)",
            options_buying_power="99600",
            cost_basis="119600",
        ),
    ]
    assert (status, new["replaces"]) == (200, order["id"])
    assert http.one(f"/v2/positions/{CALL}")["qty"] == "2"


def test_an_exercised_call_becomes_shares_at_the_strike(exchange: Running, http: Http) -> None:
    http.placed(**option())
    answer = http.send("POST", f"/v2/positions/{CALL}/exercise")
    shares = http.one("/v2/positions/AAPL")

    assert answer == (200, None)
    assert (shares["qty"], shares["avg_entry_price"]) == ("200", "100")
    assert http.one("/v2/account")["cash"] == "79480"
    assert [a["activity_type"] for a in http.listed("/v2/account/activities")] == ["FILL"]

    exchange.advance(86_400)

    assert [a["activity_type"] for a in http.listed("/v2/account/activities")] == ["OPTRD", "OPEXC", "FILL"]


def test_exercise_needs_a_long_position(http: Http) -> None:
    held(http, qty="100")
    http.placed(**option(side="sell", qty="1", limit_price="2.50"))

    assert http.send("POST", f"/v2/positions/{PUT}/exercise") == funds(
        "no available position for the specified contract"
    )
    assert http.send("POST", f"/v2/positions/{CALL}/exercise") == (
        403,
        {"code": 40310001, "message": "cannot exercise short position"},
    )
    assert http.send("POST", f"/v2/positions/{CALL}/do-not-exercise") == (
        403,
        {"code": 40310001, "message": "cannot submit DNE for short position"},
    )
    assert http.send("POST", "/v2/positions/AAPL/exercise") == rule("invalid symbol")


@pytest.mark.parametrize(
    ("last", "told", "expected"),
    [("104", (), [("AAPL", "200")]), ("104", ("do-not-exercise",), []), ("99", (), [])],
    ids=["in the money", "told not to exercise", "out of the money"],
)
def test_a_long_call_ends_exercised_or_worthless(
    exchange: Running,
    http: Http,
    last: str,
    told: tuple[str, ...],
    expected: list[tuple[str, str]],
) -> None:
    http.placed(**option())
    for instruction in told:
        http.send("POST", f"/v2/positions/{CALL}/{instruction}")
    exchange.quotes({"AAPL": {"bid": last, "ask": last, "last": last}})
    exchange.set_clock("2026-12-18T16:00:01-05:00")

    assert [(p["symbol"], p["qty"]) for p in http.listed("/v2/positions")] == expected


def test_a_short_call_in_the_money_is_assigned(exchange: Running, http: Http) -> None:
    held(http, qty="100")
    http.placed(**option(side="sell", qty="1", limit_price="2.50"))
    exchange.quotes({"AAPL": {"bid": "104", "ask": "104", "last": "104"}})
    exchange.set_clock("2026-12-20T10:00:00-05:00")
    statement = [(a["activity_type"], a["symbol"], a["qty"]) for a in http.listed("/v2/account/activities")]

    assert http.listed("/v2/positions") == []
    assert statement[:2] == [("OPTRD", "AAPL", "-100"), ("OPASN", CALL, "1")]


def test_a_contract_that_could_not_be_exercised_is_sold_on_its_last_afternoon(exchange: Running, http: Http) -> None:
    exchange.quotes({TODAY: {"bid": "3.00", "ask": "3.01"}, "SPY": {"bid": "663", "ask": "663", "last": "663"}})
    http.placed(**option(symbol=TODAY, qty="2", limit_price="3.01"))
    exchange.set_clock("2026-11-23T15:29:59-05:00")
    before = [p["symbol"] for p in http.listed("/v2/positions")]
    exchange.set_clock("2026-11-23T15:30:00-05:00")

    assert (before, http.listed("/v2/positions")) == ([TODAY], [])
    assert http.statuses() == [("limit", "filled"), ("market", "filled")]


def test_a_contract_that_is_not_held_is_not_found_by_name(http: Http) -> None:
    assert http.get(f"/v2/positions/{CALL}") == (404, {"code": 40410000, "message": f"position not found: {CALL}"})


def test_alpaca_py_lists_every_page_of_contracts(client: TradingClient) -> None:
    asked = GetOptionContractsRequest(underlying_symbols=["AAPL"], expiration_date="2026-12-18", limit=20)
    symbols: list[str] = []
    token: str | None = ""
    while token is not None:
        page = client.get_option_contracts(asked.model_copy(update={"page_token": token or None}))
        assert isinstance(page, OptionContractsResponse)
        symbols += [c.symbol for c in page.option_contracts or []]
        token = page.next_page_token

    assert len(symbols) == len(set(symbols)) > 40
    assert CALL in symbols


def test_without_dates_only_contracts_until_the_weekend_are_listed(http: Http) -> None:
    page = http.one("/v2/options/contracts?underlying_symbols=AAPL,SPY&limit=1000")
    days = {c["expiration_date"] for c in page["option_contracts"]}

    assert days == {"2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"}


def test_the_penny_program_is_a_filter_and_a_field(exchange: Running, http: Http) -> None:
    exchange.assets({"NFLX": {"penny_options": False}})
    query = "/v2/options/contracts?underlying_symbols=AAPL,NFLX&expiration_date=2026-12-18&limit=1&ppind="
    shown = [http.one(query + value)["option_contracts"][0] for value in ("true", "false")]

    assert [(c["underlying_symbol"], c["ppind"]) for c in shown] == [("AAPL", True), ("NFLX", False)]


def test_the_chain_shows_volatility_and_greeks_that_fit_the_price(exchange: Running) -> None:
    data = OptionHistoricalDataClient(KEY, SECRET, url_override=exchange.url)
    exchange.quotes(dict.fromkeys(FIXED))
    asked = OptionChainRequest(underlying_symbol="AAPL", expiration_date="2026-12-18")
    chain: dict[str, Any] = data.get_option_chain(asked)
    calls = {s: c for s, c in chain.items() if s[10] == "C" and LOWER_CALL <= s <= HIGHER_CALL}
    deltas = [calls[s].greeks.delta for s in sorted(calls)]

    assert deltas == sorted(deltas, reverse=True)
    assert 0.4 < calls[CALL].greeks.delta < 0.65
    assert 0.1 < calls[CALL].implied_volatility < 0.6


def test_a_chain_is_paged_without_gap_or_overlap(http: Http) -> None:
    path = "/v1beta1/options/snapshots/AAPL?type=call&strike_price_gte=95&strike_price_lte=110&limit=7"
    pages = [http.one(path)]
    while pages[-1]["next_page_token"]:
        pages.append(http.one(f"{path}&page_token={pages[-1]['next_page_token']}"))
    whole = http.one(path.replace("limit=7", "limit=1000"))["snapshots"]

    assert [symbol for page in pages for symbol in page["snapshots"]] == list(whole)
    assert len(pages) > 3
    assert {len(page["snapshots"]) for page in pages[:-1]} == {7}


def test_alpaca_py_reads_the_whole_chain_over_all_its_pages(exchange: Running, http: Http) -> None:
    data = OptionHistoricalDataClient(KEY, SECRET, url_override=exchange.url)
    chain = data.get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
    listed = http.one("/v2/options/contracts?underlying_symbols=SPY&limit=10000&expiration_date_lte=2028-12-31")

    assert set(chain) == {contract["symbol"] for contract in listed["option_contracts"]}
    assert len(chain) > 1_000


def test_a_price_below_intrinsic_has_no_volatility(exchange: Running, http: Http) -> None:
    exchange.quotes({LOWER_CALL: {"bid": "3", "ask": "3.1"}})
    shown = http.one(f"/v1beta1/options/snapshots?symbols={LOWER_CALL}")["snapshots"][LOWER_CALL]

    assert sorted(shown) == ["dailyBar", "latestQuote", "latestTrade"]


def test_the_free_plan_has_no_opra(exchange: Running, http: Http) -> None:
    exchange.settings(free_plan=True)

    assert http.get("/v1beta1/options/snapshots/AAPL?feed=opra") == (403, {"message": "OPRA agreement is not signed"})
    assert http.get("/v1beta1/options/snapshots/AAPL?feed=indicative&limit=1")[0] == 200


def test_an_unknown_contract_is_not_found(http: Http) -> None:
    assert http.get("/v2/options/contracts/TSLA231110C00021100") == (
        404,
        {"code": 40410000, "message": "option contract TSLA231110C00021100 not found"},
    )


def test_every_amount_stays_exact(http: Http) -> None:
    http.placed(**option(qty="1"))
    http.placed(**option(qty="1", side="sell", limit_price="2.50"))

    assert Decimal(http.one("/v2/account")["equity"]) == Decimal(99990)
