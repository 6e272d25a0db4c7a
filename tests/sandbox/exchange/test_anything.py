"""Every path, whatever is sent to it: an answer in Alpaca's shape, and the exchange goes on."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.exchange import Running, running
from sandbox.exchange.admin import ACTIONS
from sandbox.exchange.config import Settings
from sandbox.exchange.routes import ROUTES, Route
from tests.sandbox.exchange.exchange_desk import KEY, SECRET, Http, account, bracket, config, limit, market

CALL = "AAPL261218C00100000"
NAMES = (
    *("symbols", "symbol", "start", "end", "limit", "page_token", "sort", "timeframe", "feed", "status", "nested"),
    *("after", "until", "direction", "side", "asset_class", "after_order_id", "before_order_id", "percentage", "qty"),
    *("underlying_symbols", "expiration_date", "expiration_date_gte", "strike_price_gte", "type", "root_symbol"),
    *("ppind", "show_deliverables", "style", "updated_since", "markets", "time", "timezone", "period", "name", "tape"),
    *("intraday_reporting", "pnl_reset", "cashflow_types", "activity_types", "category", "date", "page_size"),
    *("client_order_id", "cancel_orders", "attributes", "exchange"),
)
WORDS = st.one_of(
    st.sampled_from(
        ["AAPL", CALL, "2026-11-20", "2026-11-20T15:00:00Z", "1Min", "1D", "1000Month", "-1", "0", "1e999"]
    ),
    st.sampled_from(["NaN", "99999999999999999999", "0001-01-01", "9999-12-31T23:59:59Z", "true", "trade", "AAPL,SPY"]),
    st.text(max_size=12),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [*limit(), *bracket(), "legs", "notional", "trail", "symbols", "name", "all_or_none", "no_shorting", "kind", "now"]
)
BODIES = st.one_of(st.none(), JSON, st.dictionaries(FIELDS, JSON, max_size=4), st.just(limit()), st.just(bracket()))


@pytest.fixture(scope="module")
def lively() -> Iterator[Running]:
    """An exchange where something of everything is there."""
    calm = Settings(rate_limit=0)
    with running(config(accounts=(account(cash=10_000_000),), settings=calm)) as started:
        http = Http(started.url)
        http.placed(**market())
        http.placed(**limit(symbol=CALL, qty="1", limit_price="20.00"))
        http.placed(**bracket(limit_price="50", stop_loss={"stop_price": "40"}))
        yield started


@settings(max_examples=400, deadline=None)
@given(
    route=st.sampled_from(ROUTES),
    values=st.lists(WORDS, min_size=2, max_size=2),
    query=st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=4),
    body=BODIES,
)
def test_every_operation_answers_anything_in_shape(
    lively: Running, route: Route, values: list[str], query: dict[str, str], body: object
) -> None:
    answer = requests.request(
        route.method,
        lively.url + filled(route.path, values),
        params=query,
        data=json.dumps(body),
        headers={"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET},
        timeout=10,
    )

    assert answer.status_code in {200, 201, 204, 207, 400, 403, 404, 405, 422}
    if answer.status_code >= 400:
        assert set(answer.json()) >= {"message"}


def filled(path: str, values: list[str]) -> str:
    given_values = iter(values)
    return "/".join(quote(next(given_values), safe="") if part.startswith("{") else part for part in path.split("/"))


@settings(max_examples=200, deadline=None)
@given(action=st.sampled_from(sorted(ACTIONS)), body=BODIES)
def test_the_admin_paths_name_what_they_do_not_understand(
    lively: Running, action: tuple[str, str], body: object
) -> None:
    method, name = action
    answer = requests.request(method, f"{lively.url}/_sandbox/{name}", data=json.dumps(body), timeout=10)

    assert answer.status_code in {200, 400}
    assert isinstance(answer.json(), dict)
