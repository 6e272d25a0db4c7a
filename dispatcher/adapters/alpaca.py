"""The broker through alpaca-py: the one file that imports it.

What the SDK leaves to its user (docs/broker-rules.md, "alpaca-py") is done here: a timeout on every call, no
re-sending behind our back, answers read raw and tolerantly, errors never asked for what they may not have.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote as escaped

from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient
from alpaca.data.historical.option import OptionHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from urllib3.exceptions import ConnectTimeoutError, HTTPError

from dispatcher.adapters import option_wire, wire
from dispatcher.adapters.fields import UnreadableAnswerError
from dispatcher.adapters.option_history import AlpacaHistory
from dispatcher.adapters.session import (
    RETRY_SECONDS,
    TOO_MANY,
    BrokerSession,
    Budget,
    BudgetSpentError,
    Classify,
    of_dispatcher,
    reset_seconds,
)
from dispatcher.core.held import Position, Resting
from dispatcher.core.options.chain import Listed
from dispatcher.core.options.order import OptionOrder
from dispatcher.core.order import Sendable
from dispatcher.core.outcome import (
    Absent,
    Accepted,
    BrokerOrder,
    Found,
    NotSent,
    Outcome,
    Throttled,
    Unknown,
)
from dispatcher.core.positions.cover import Holding, Working
from dispatcher.core.positions.lots import FILL, Movement
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Account, Asset, Quote, Session
from dispatcher.option_ports import Window
from dispatcher.ports import BrokerRefusedError, BrokerThrottledError, BrokerUnavailableError

T = TypeVar("T")

TIMEOUTS = (5.0, 20.0)
"""Seconds to connect, and between two parts of an answer."""
PAGE = 500
"""Orders a list answers with at most."""
LINES = 100
"""Lines of the statement a page answers with at most."""
SNAPSHOTS = 1_000
"""Snapshots a page answers with at most."""

NOT_FOUND = 404
UNPROCESSABLE = 422
NO_SUCH_THING = {400, NOT_FOUND, UNPROCESSABLE}
SERVER_ERROR = 500


class AlpacaBroker:
    """One account at Alpaca (or at a server that answers like it). Threads may share it.

    Between two calls the SDK keeps nothing but a pool of connections.
    """

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        trading_url: str,
        data_url: str,
        timeouts: tuple[float, float] = TIMEOUTS,
        budget: Budget | None = None,
        classify: Classify = of_dispatcher,
    ) -> None:
        def session() -> BrokerSession:
            return BrokerSession(timeouts, budget, classify)

        self._trading = _tamed(TradingClient(key, secret, raw_data=True, url_override=trading_url), session())
        self._data = _tamed(StockHistoricalDataClient(key, secret, raw_data=True, url_override=data_url), session())
        self._options = _tamed(OptionHistoricalDataClient(key, secret, raw_data=True, url_override=data_url), session())

    def account(self) -> Account:
        """See ports.Broker."""
        return _read("account", lambda: wire.account(self._trading.get("/account")))

    def clock(self) -> datetime:
        """See ports.Broker."""
        return _read("clock", lambda: wire.clock(self._trading.get("/clock")))

    def session(self, day: date) -> Session | None:
        """See ports.Broker."""
        return self._calendar(day, day, lambda told: wire.session(told, day))

    def sessions(self, first: date, last: date) -> tuple[Session, ...]:
        """See option_ports.OptionHistory."""
        return self._calendar(first, last, wire.sessions)

    def _calendar(self, first: date, last: date, parse: Callable[[Any], T]) -> T:
        asked = {"start": first.isoformat(), "end": last.isoformat()}
        return _read("calendar", lambda: parse(self._trading.get("/calendar", asked)))

    def positions(self) -> dict[str, Position]:
        """See ports.Broker."""
        return _read("positions", lambda: wire.positions(self._trading.get("/positions")))

    def resting(self) -> tuple[Resting, ...]:
        """See ports.Broker."""
        heads = self._listed("open orders", {"status": "open"})
        return _read("open orders", lambda: tuple(each for head in heads for each in wire.resting(head)))

    def asset(self, symbol: str) -> Asset | None:
        """See ports.Broker."""
        return _known("asset", lambda: wire.asset(self._trading.get(f"/assets/{escaped(symbol)}")))

    def assets(self) -> dict[str, Asset]:
        """See ports.Broker."""
        asked = {"status": "active", "asset_class": "us_equity"}
        return _read("assets", lambda: wire.assets(self._trading.get("/assets", asked)))

    def submit(self, order: Sendable) -> Outcome:
        """See ports.Broker. The payload goes out as it was hashed: numbers as text, never as floats."""
        return self._placed(lambda: self._trading.post("/orders", order.payload()))

    def _placed(self, ask: Callable[[], Any]) -> Outcome:
        """Ask for what is answered with the order that it makes."""
        return self._answered(lambda: Accepted(wire.order(ask())))

    @staticmethod
    def _answered(ask: Callable[[], T]) -> T | Outcome:
        """Send what makes an order, once; the answer as a value."""
        try:
            return ask()
        except APIError as error:
            return _refused(error)
        except UnreadableAnswerError as error:
            return Unknown(f"unreadable answer: {error}")
        except BudgetSpentError as error:
            return Throttled(error.seconds)
        except HTTPError as error:
            return _failed(error)

    def find(self, client_order_id: str) -> Found:
        """See ports.Broker."""
        asked = {"client_order_id": client_order_id}
        try:
            return wire.order(self._trading.get("/orders:by_client_order_id", asked))
        except APIError as error:
            return Absent() if error.status_code == NOT_FOUND else Unknown(_words(error))
        except (UnreadableAnswerError, BudgetSpentError, HTTPError) as error:
            return Unknown(_words(error))

    def orders_since(self, moment: datetime, among: Collection[str] | None = None) -> dict[str, BrokerOrder]:
        """See ports.Broker."""
        told = self._listed("orders", {"status": "all", "after": moment.isoformat(), "nested": "false"})
        wanted = told if among is None else wire.followed(told, among)
        return _read("orders", lambda: {order.id: order for order in map(wire.order, wanted)})

    def replace(self, broker_order_id: str, order: OptionOrder) -> Outcome:
        """See option_ports.OptionBroker. The quantity is left alone: the broker keeps what is not filled yet."""
        changed = {"limit_price": str(order.limit), "client_order_id": order.client_order_id}
        path = f"/orders/{escaped(broker_order_id)}"
        return self._placed(lambda: self._trading.patch(path, changed))

    def chain(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        """See option_ports.OptionBroker. Volume and quote are on the data host, the rest is on the trading host."""
        asked = option_wire.contracts(underlying, window)
        pages = _pages(self._trading, "/options/contracts", asked, "option_contracts", option_wire.terms)
        return self._snapshots(underlying, window, {symbol: each for page in pages for symbol, each in page.items()})

    def snapshots(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        """See option_ports.OptionBroker."""
        return self._snapshots(underlying, window, {})

    def _snapshots(self, underlying: str, window: Window, terms: Mapping[str, option_wire.Terms]) -> tuple[Listed, ...]:
        snapshots = option_wire.query(window) | {"limit": str(SNAPSHOTS)}
        path = f"/options/snapshots/{escaped(underlying)}"
        joined = partial(option_wire.listed, known=terms, today=window.today)
        pages = _pages(self._options, path, snapshots, "snapshots", joined)
        return tuple(each for page in pages for each in page)

    def history(self) -> AlpacaHistory:
        """What it remembers of days that are past."""
        hosts = (partial(_pages, client) for client in (self._trading, self._data, self._options))
        return AlpacaHistory(self.sessions, *hosts)

    def quotes(self, symbols: tuple[str, ...]) -> dict[str, Quote]:
        """See ports.Broker. Where one that the broker does not know spoils the answer, each is asked for by itself."""
        try:
            found = self._quotes(self._data, "/stocks/quotes/latest", list(symbols))
        except BrokerRefusedError as error:
            if error.status not in NO_SUCH_THING:
                raise
            alone = [self.quotes((each,)) for each in symbols] if len(symbols) > 1 else []
            return {symbol: quote for quotes in alone for symbol, quote in quotes.items()}
        return {symbol: Quote(each.bid, each.ask) for symbol, each in found.items()}

    def cancel(self, broker_order_id: str) -> None:
        """See ports.Broker. An order that has ended meanwhile cannot be cancelled; that is no surprise."""
        _known("cancel", lambda: self._trading.delete(f"/orders/{escaped(broker_order_id)}"))

    def holdings(self) -> dict[str, Holding]:
        """See position_ports.PositionBroker."""
        return _read("positions", lambda: wire.holdings(self._trading.get("/positions")))

    def holding(self, symbol: str) -> Holding | None:
        """See position_ports.PositionBroker."""
        return _known("position", lambda: wire.holding(self._trading.get(f"/positions/{escaped(symbol)}")))

    def working(self, symbol: str | None = None) -> tuple[Working, ...]:
        """See position_ports.PositionBroker. Held legs are only told under their head."""
        found = self._nested({"status": "open"} | ({} if symbol is None else {"symbols": symbol}))
        return tuple(each for each in found if not each.ended)

    def sent(self, symbol: str | None, after: datetime) -> tuple[Working, ...]:
        """See position_ports.PositionBroker."""
        asked = {"status": "all", "after": after.isoformat()}
        return self._nested(asked | ({} if symbol is None else {"symbols": symbol}))

    def _nested(self, asked: dict[str, str]) -> tuple[Working, ...]:
        """Orders and their legs, one beside the other."""
        heads = self._listed("orders", asked)
        return _read("orders", lambda: tuple(each for head in heads for each in wire.working(head)))

    def _listed(self, what: str, asked: dict[str, str]) -> list[Mapping[str, Any]]:
        """Every page of orders, their legs under them unless asked otherwise: the broker cuts a list without a word."""
        asked = {"nested": "true", "direction": "asc", "limit": str(PAGE)} | asked
        found: dict[str, Mapping[str, Any]] = {}
        while True:
            page = _read(what, lambda: wire.listed(self._trading.get("/orders", asked)))  # noqa: B023  at once
            found |= {each["id"]: each for each in page if each["id"] not in found}
            if len(page) < PAGE or page[-1].get("submitted_at") in {None, asked.get("after")}:
                return list(found.values())
            asked = asked | {"after": str(page[-1]["submitted_at"])}

    def trades(self, after: datetime, *, beyond: str | None = None) -> tuple[Movement, ...]:
        """See position_ports.PositionBroker."""
        asked = {"activity_types": FILL, "after": after.isoformat()}
        return self._statement("fills", asked | ({} if beyond is None else {"page_token": beyond}))

    def events(self, after: datetime) -> tuple[Movement, ...]:
        """See position_ports.PositionBroker."""
        return self._statement("activities", {"category": "non_trade_activity", "after": after.isoformat()})

    def sights(self, symbols: tuple[str, ...]) -> dict[str, Sight]:
        """See position_ports.PositionBroker."""
        shares, contracts = wire.apart(symbols)
        return self._quotes(self._data, "/stocks/quotes/latest", shares) | self._quotes(
            self._options, "/options/quotes/latest", contracts
        )

    def order(self, broker_order_id: str) -> Working | None:
        """See position_ports.PositionBroker."""
        path = f"/orders/{escaped(broker_order_id)}"
        found = _known("order", lambda: wire.working(self._trading.get(path)))
        return found[0] if found else None

    def close(self, symbol: str) -> Outcome:
        """See position_ports.PositionBroker."""
        return self._placed(lambda: self._trading.delete(f"/positions/{escaped(symbol)}"))

    def cancel_all(self) -> None:
        """See position_ports.PositionBroker."""
        _read("cancel all", lambda: self._trading.delete("/orders"))

    def close_all(self) -> Mapping[str, Outcome] | Outcome:
        """See position_ports.PositionBroker."""
        return self._answered(lambda: wire.closings(self._trading.delete("/positions")))

    def _statement(self, what: str, asked: dict[str, str]) -> tuple[Movement, ...]:
        """Every page of the account's statement, oldest first."""
        asked = {"direction": "asc", "page_size": str(LINES)} | asked
        found: list[Movement] = []
        while True:
            page = _read(what, lambda: wire.listed(self._trading.get("/account/activities", asked)))  # noqa: B023  at once
            found += _read(what, lambda: wire.movements(page))  # noqa: B023  at once
            if len(page) < LINES:
                return tuple(found)
            asked = asked | {"page_token": str(page[-1]["id"])}

    @staticmethod
    def _quotes(client: RESTClient, path: str, symbols: list[str]) -> dict[str, Sight]:
        found: dict[str, Sight] = {}
        for names in wire.named(symbols):
            found |= _read("quotes", lambda: wire.sights(client.get(path, {"symbols": names})))  # noqa: B023  at once
        return found


Client = TypeVar("Client", bound=RESTClient)


def _tamed(client: Client, session: BrokerSession) -> Client:
    """The SDK without its hidden retries, on a session of ours. These names are private: pinned and tested."""
    client._retry = 0  # noqa: SLF001
    client._session = session  # noqa: SLF001
    return client


def _read(what: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except APIError as error:
        status = error.status_code or SERVER_ERROR
        if status == TOO_MANY:
            raise BrokerThrottledError(what, _words(error), _reset_seconds(error)) from error
        if status >= SERVER_ERROR:
            raise BrokerUnavailableError(what, _words(error), RETRY_SECONDS) from error
        raise BrokerRefusedError(what, _words(error), status) from error
    except BudgetSpentError as error:
        raise BrokerThrottledError(what, _words(error), error.seconds) from error
    except (UnreadableAnswerError, HTTPError) as error:
        raise BrokerUnavailableError(what, _words(error), RETRY_SECONDS) from error


def _pages(client: RESTClient, path: str, asked: dict[str, str], key: str, parse: Callable[[Any], T]) -> Iterator[T]:
    """Every page of an answer that has a token for the next one, read."""
    while True:
        found, token = _read(key, lambda: option_wire.page(client.get(path, asked), key, parse))  # noqa: B023  at once
        yield found
        if token is None:
            return
        asked = asked | {"page_token": token}


def _known(what: str, ask: Callable[[], T]) -> T | None:
    """A read about one thing: None where the broker says that there is no such thing."""
    try:
        return _read(what, ask)
    except BrokerRefusedError as error:
        if error.status in NO_SUCH_THING:
            return None
        raise


def _refused(error: APIError) -> Outcome:
    """An error answer to an order: only the broker's own no is a no."""
    status = error.status_code
    if status == TOO_MANY:
        return Throttled(_reset_seconds(error))
    return wire.refusal(status, str(error))


def _failed(error: HTTPError) -> NotSent | Unknown:
    """No answer. Nothing was sent only where no connection was made; every other silence says nothing."""
    return NotSent(_words(error)) if isinstance(error, ConnectTimeoutError) else Unknown(_words(error))


def _reset_seconds(error: APIError) -> float:
    """Until the rate limit resets."""
    response = error.response
    return RETRY_SECONDS if response is None else reset_seconds(response.headers)


def _words(error: Exception) -> str:
    """The error in one short line. Neither the SDK nor urllib3 puts a header, and so no key, into its words."""
    if isinstance(error, APIError):
        return f"HTTP {error.status_code}: {wire.plain(str(error))}"
    return f"{type(error).__name__}: {wire.plain(str(error))}"
