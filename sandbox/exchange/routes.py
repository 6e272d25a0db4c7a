"""Every path that is served, as a table; what is not in it answers 404."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.exchange import account_routes as account
from sandbox.exchange import code_tables, locates, portfolio_history, watchlists
from sandbox.exchange import corporate_routes as corporate
from sandbox.exchange import data_routes as data
from sandbox.exchange import history_routes as history
from sandbox.exchange import market_routes as market
from sandbox.exchange import option_routes as options
from sandbox.exchange import order_routes as orders
from sandbox.exchange import trading_routes as trading
from sandbox.exchange.calls import Call, Handler, Reply
from sandbox.exchange.errors import refuse
from sandbox.exchange.unserved import UNSERVED


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: verb, path template, and what answers it."""

    method: str
    path: str
    handler: Handler

    @property
    def name(self) -> str:
        """Its name in faults and logs: "POST /v2/orders"."""
        return f"{self.method} {self.path}"


_POSITION = "/v2/positions/{symbol_or_asset_id}"
_WATCHLIST, _BY_NAME = "/v2/watchlists/{watchlist_id}", "/v2/watchlists:by_name"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v2/account", trading.account),
    Route("GET", "/v2/account/configurations", account.configurations),
    Route("PATCH", "/v2/account/configurations", account.change_configurations),
    Route("GET", "/v2/account/activities", account.activities),
    Route("GET", "/v2/account/activities/{activity_type}", account.activities),
    Route("GET", "/v2/account/portfolio/history", portfolio_history.history),
    Route("GET", "/v2/watchlists", watchlists.listed),
    Route("POST", "/v2/watchlists", watchlists.create),
    Route("GET", _WATCHLIST, watchlists.get(watchlists.by_id)),
    Route("PUT", _WATCHLIST, watchlists.put(watchlists.by_id)),
    Route("POST", _WATCHLIST, watchlists.add(watchlists.by_id)),
    Route("DELETE", _WATCHLIST, watchlists.delete(watchlists.by_id)),
    Route("DELETE", "/v2/watchlists/{watchlist_id}/{symbol}", watchlists.remove),
    Route("GET", _BY_NAME, watchlists.get(watchlists.by_name)),
    Route("PUT", _BY_NAME, watchlists.put(watchlists.by_name)),
    Route("POST", _BY_NAME, watchlists.add(watchlists.by_name)),
    Route("DELETE", _BY_NAME, watchlists.delete(watchlists.by_name)),
    Route("GET", "/v1/locates", locates.listed),
    Route("POST", "/v1/locates", locates.create),
    Route("GET", "/v1/locates/quotes", locates.quotes),
    Route("GET", "/v1/locates/{locate_id}", locates.get),
    Route("GET", "/v3/clock", market.clock),
    Route("GET", "/v3/calendar/{market}", market.calendar),
    Route("GET", "/v2/clock", trading.clock),
    Route("GET", "/v2/calendar", trading.calendar),
    Route("GET", "/v2/assets", trading.assets),
    Route("GET", "/v2/assets/{symbol_or_asset_id}", trading.asset),
    Route("POST", "/v2/orders", orders.post_order),
    Route("GET", "/v2/orders", orders.get_orders),
    Route("DELETE", "/v2/orders", orders.delete_orders),
    Route("GET", "/v2/orders:by_client_order_id", orders.get_order_by_client_id),
    Route("GET", "/v2/orders/{order_id}", orders.get_order),
    Route("PATCH", "/v2/orders/{order_id}", orders.patch_order),
    Route("DELETE", "/v2/orders/{order_id}", orders.delete_order),
    Route("GET", "/v2/positions", trading.positions),
    Route("DELETE", "/v2/positions", trading.close_all_positions),
    Route("GET", _POSITION, trading.position),
    Route("DELETE", _POSITION, trading.close_position),
    Route("POST", "/v2/positions/{symbol_or_contract_id}/exercise", options.exercise),
    Route("POST", "/v2/positions/{symbol_or_contract_id}/do-not-exercise", options.do_not_exercise),
    Route("GET", "/v2/options/contracts", options.contracts),
    Route("GET", "/v2/options/contracts/{symbol_or_id}", options.contract),
    Route("GET", "/v1beta1/options/snapshots", options.snapshots),
    Route("GET", "/v1beta1/options/snapshots/{underlying_symbol}", options.chain),
    Route("GET", "/v1beta1/options/quotes/latest", options.latest_quotes),
    Route("GET", "/v1beta1/options/trades/latest", options.latest_trades),
    Route("GET", "/v2/stocks/{symbol}/quotes/latest", data.one("quote", data.quote)),
    Route("GET", "/v2/stocks/quotes/latest", data.many("quotes", data.quote)),
    Route("GET", "/v2/stocks/{symbol}/trades/latest", data.one("trade", data.trade)),
    Route("GET", "/v2/stocks/trades/latest", data.many("trades", data.trade)),
    Route("GET", "/v2/stocks/{symbol}/bars/latest", data.one("bar", data.latest_bar)),
    Route("GET", "/v2/stocks/bars/latest", data.many("bars", data.latest_bar)),
    Route("GET", "/v2/stocks/{symbol}/bars", data.one_bars),
    Route("GET", "/v2/stocks/bars", data.bars),
    Route("GET", "/v2/stocks/{symbol}/snapshot", data.one_snapshot),
    Route("GET", "/v2/stocks/snapshots", data.snapshots),
    Route("GET", "/v2/stocks/quotes", history.stock_quotes),
    Route("GET", "/v2/stocks/trades", history.stock_trades),
    Route("GET", "/v2/stocks/auctions", history.stock_auctions),
    Route("GET", "/v2/stocks/{symbol}/quotes", history.one_stock_quotes),
    Route("GET", "/v2/stocks/{symbol}/trades", history.one_stock_trades),
    Route("GET", "/v2/stocks/{symbol}/auctions", history.one_stock_auctions),
    Route("GET", "/v2/stocks/meta/exchanges", code_tables.stock_exchanges),
    Route("GET", "/v2/stocks/meta/conditions/{ticktype}", code_tables.stock_conditions),
    Route("GET", "/v2/corporate_actions/announcements", corporate.announcements),
    Route("GET", "/v2/corporate_actions/announcements/{id}", corporate.announcement),
    Route("GET", "/v1/corporate-actions", corporate.actions),
    Route("GET", "/v1beta1/options/bars", history.option_bars),
    Route("GET", "/v1beta1/options/trades", history.option_trades),
    Route("GET", "/v1beta1/options/meta/exchanges", code_tables.option_exchanges),
    Route("GET", "/v1beta1/options/meta/conditions/{ticktype}", code_tables.option_conditions),
)


def _refused(operation: str) -> Route:
    """Answer a documented operation that is not served with 501, naming it."""
    method, _, path = operation.partition(" ")

    def answer(_: Call) -> Reply:
        raise refuse("not_served", operation=operation)

    return Route(method, path, answer)


UNSERVED_ROUTES: tuple[Route, ...] = tuple(_refused(operation) for operation in UNSERVED)


class Router:
    """Finds the route of a path: exact ones first, then templates by their segments."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        """Index the table."""
        self._exact: dict[str, dict[str, Route]] = {}
        self._templates: dict[int, list[tuple[tuple[str, ...], dict[str, Route]]]] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        if "{" not in route.path:
            self._exact.setdefault(route.path, {})[route.method] = route
            return
        segments = tuple(route.path.split("/"))
        known = self._templates.setdefault(len(segments), [])
        for template, methods in known:
            if template == segments:
                methods[route.method] = route
                return
        known.append((segments, {route.method: route}))

    def find(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        """Give the routes of a path by method, and the values in it; none when unknown."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        given = path.split("/")
        for template, methods in self._templates.get(len(given), []):
            values = _fit(template, given)
            if values is not None:
                return methods, values
        return {}, {}


def _fit(template: tuple[str, ...], given: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for expected, actual in zip(template, given, strict=True):
        if expected.startswith("{"):
            values[expected[1:-1]] = unquote(actual)
        elif expected != actual:
            return None
    return values if all(values.values()) else None
