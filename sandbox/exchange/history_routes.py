"""The market data API's history besides bars: quotes, trades and auctions, drawn from the same prices."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice

from sandbox.exchange import data_routes, option_routes, pages, sessions, wire
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.sessions import Session
from sandbox.exchange.text import SECOND, instant

_PAGE, _MOST = 1_000, 10_000
_MINUTE = 60 * SECOND
_OPENING, _CLOSING = "O", "6"  # conditions of the opening and the closing print
Show = Callable[[Call, str, int], wire.Json]
When = Callable[[Call, str], "Moments"]


class Moments:
    """Many moments at even distance within several stretches, without a list of them."""

    def __init__(self, stretches: Iterable[range]) -> None:
        """Join stretches, earliest first."""
        self._stretches = [stretch for stretch in stretches if stretch]
        self._before = [0, *accumulate(len(stretch) for stretch in self._stretches)]

    def __len__(self) -> int:
        """Count them."""
        return self._before[-1]

    def at(self, index: int) -> int:
        """Give the moment at a position."""
        stretch = bisect_right(self._before, index) - 1
        return self._stretches[stretch][index - self._before[stretch]]


# -- when something happened -------------------------------------------------------------------


def _span(call: Call) -> tuple[int, int]:
    """Read `start` and `end`; from this morning (Eastern) until now when not given."""
    now = call.exchange.clock.now()
    start = call.instant("start", sessions.midnight(sessions.eastern_day(now)))
    return start, min(call.instant("end", now), now)


def _sessions(call: Call) -> Sequence[Session]:
    start, end = _span(call)
    found = sessions.sessions_between(sessions.eastern_day(start), sessions.eastern_day(end))
    return [session for session in found if session.opens <= end and session.closes >= start]


def _every(step: int) -> When:
    """Something happens every `step` nanoseconds of a session, or whenever a recording says so."""

    def moments(call: Call, symbol: str) -> Moments:
        start, end = _span(call)
        if call.exchange.market.is_recorded(symbol):
            return _single(quote.at for quote in call.exchange.market.recorded(symbol, start - 1, end))
        stretches = [
            range(-(-max(session.opens, start) // step) * step, min(session.closes, end + 1), step)
            for session in _sessions(call)
            if call.exchange.instruments.is_offered(symbol, session.opens)
        ]
        return Moments(stretches)

    return moments


def _daily(call: Call, _: str) -> Moments:
    return _single(session.opens for session in _sessions(call))


def _single(moments: Iterable[int]) -> Moments:
    return Moments(range(at, at + 1) for at in moments)


# -- what is shown of it -----------------------------------------------------------------------


def _quote(call: Call, symbol: str, at: int) -> wire.Json:
    return wire.quote(call.exchange.instruments.quote(symbol, at))


def _trade(call: Call, symbol: str, at: int) -> wire.Json:
    return wire.trade(call.exchange.instruments.quote(symbol, at))


def _option_trade(call: Call, symbol: str, at: int) -> wire.Json:
    return option_routes.shown_trade(call.exchange.instruments.quote(symbol, at))


def _auction(call: Call, symbol: str, opens: int) -> wire.Json:
    closes = sessions.trading_session(opens).closes
    over = closes <= call.exchange.clock.now()
    return {
        "d": sessions.eastern_day(opens).isoformat(),
        "o": [_print(call, symbol, opens, _OPENING)],
        "c": [_print(call, symbol, closes, _CLOSING)] if over else [],
    }


def _print(call: Call, symbol: str, at: int, condition: str) -> wire.Json:
    price = call.exchange.instruments.quote(symbol, at).last
    return {"t": instant(at), "x": "Q", "p": price, "s": 10_000, "c": condition}


# -- pages -------------------------------------------------------------------------------------


def _page(call: Call, symbols: list[str], when: When, show: Show) -> tuple[dict[str, list[object]], str | None]:
    limit = call.whole("limit", _PAGE, _MOST)
    skip = pages.read_token(call.query.get("page_token"))
    backwards = call.choice("sort", "asc", ("asc", "desc")) == "desc"
    shown: dict[str, list[object]] = {}
    window = _window(call, sorted(symbols), when, skip, backwards=backwards)
    for symbol, at in islice(window, limit):
        shown.setdefault(symbol, []).append(show(call, symbol, at))
    return shown, None if next(window, None) is None else pages.token(skip + limit)


def _window(call: Call, symbols: list[str], when: When, skip: int, *, backwards: bool) -> Iterator[tuple[str, int]]:
    """Walk over symbols and moments, without looking at the first `skip` of them."""
    for symbol in symbols:
        moments = when(call, symbol)
        order = range(len(moments) - 1, -1, -1) if backwards else range(len(moments))
        yield from ((symbol, moments.at(index)) for index in order[skip:])
        skip = max(0, skip - len(order))


def _many(name: str, when: When, show: Show) -> Callable[[Call], Reply]:
    def answer(call: Call) -> Reply:
        data_routes.check_feed(call, _span(call)[1])
        symbols = [asset.symbol for asset in data_routes.asked(call)]
        shown, token = _page(call, symbols, when, show)
        return ok({name: shown, "next_page_token": token})

    return answer


def _one(name: str, when: When, show: Show) -> Callable[[Call], Reply]:
    def answer(call: Call) -> Reply:
        data_routes.check_feed(call, _span(call)[1])
        symbol = data_routes.named(call).symbol
        shown, token = _page(call, [symbol], when, show)
        return ok({"symbol": symbol, name: shown.get(symbol, []), "next_page_token": token})

    return answer


stock_quotes = _many("quotes", _every(SECOND), _quote)
stock_trades = _many("trades", _every(SECOND), _trade)
stock_auctions = _many("auctions", _daily, _auction)
one_stock_quotes = _one("quotes", _every(SECOND), _quote)
one_stock_trades = _one("trades", _every(SECOND), _trade)
one_stock_auctions = _one("auctions", _daily, _auction)


def option_trades(call: Call) -> Reply:
    """GET /v1beta1/options/trades: a contract changes hands once a minute."""
    symbols = [contract.symbol for contract in option_routes.asked(call)]
    shown, token = _page(call, symbols, _every(_MINUTE), _option_trade)
    return ok({"trades": shown, "next_page_token": token})


def option_bars(call: Call) -> Reply:
    """GET /v1beta1/options/bars, paged over contracts and time."""
    shown, token = data_routes.page_of_bars(call, [contract.symbol for contract in option_routes.asked(call)])
    return ok({"bars": shown, "next_page_token": token})
