"""The market data API's paths for stocks. Prices are JSON numbers here, as in the real one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

from sandbox.exchange import pages, sessions, wire
from sandbox.exchange.assets import Asset
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse
from sandbox.exchange.market import Bar
from sandbox.exchange.text import SECOND

_MINUTE, _DAY = 60 * SECOND, 86_400 * SECOND
_UNITS = {"Min": _MINUTE, "T": _MINUTE, "Hour": 3_600 * SECOND, "H": 3_600 * SECOND}
_DAYS = {"Day": 1, "D": 1, "Week": 7, "W": 7, "Month": 30, "M": 30}
_PAGE, _MOST = 1_000, 10_000
_RECENT = 15 * _MINUTE
_FEEDS = frozenset({"iex", "sip", "delayed_sip", "otc", "boats", "overnight"})
Show = Callable[[Call, Asset], object]


def check_feed(call: Call, until: int) -> None:
    """Refuse what a free plan may not see: the full tape of the last quarter of an hour."""
    feed = call.query.get("feed") or "iex"
    if feed not in _FEEDS:
        raise refuse("query_invalid", field="feed")
    now = call.exchange.clock.now()
    if call.exchange.settings.free_plan and feed == "sip" and until > now - _RECENT:
        raise refuse("sip_forbidden")


def named(call: Call) -> Asset:
    """Find the symbol the path names (404 / 40410000)."""
    found = call.exchange.listing.find(call.params["symbol"])
    if found is None:
        raise refuse("symbol_not_found", symbol=call.params["symbol"])
    return found


def asked(call: Call) -> list[Asset]:
    """Find the asked symbols; the real API leaves out those it does not know."""
    symbols = call.listed("symbols")
    if not symbols:
        raise refuse("field_required", field="symbols")
    found = (call.exchange.listing.find(symbol) for symbol in symbols)
    return [asset for asset in found if asset is not None]


def one(name: str, show: Show) -> Callable[[Call], Reply]:
    """Answer for one symbol: {symbol, name: …}."""

    def answer(call: Call) -> Reply:
        check_feed(call, call.exchange.clock.now())
        asset = named(call)
        return ok({"symbol": asset.symbol, name: show(call, asset)})

    return answer


def many(name: str, show: Show) -> Callable[[Call], Reply]:
    """Answer for several symbols: {name: {symbol: …}}."""

    def answer(call: Call) -> Reply:
        check_feed(call, call.exchange.clock.now())
        return ok({name: {asset.symbol: show(call, asset) for asset in asked(call)}})

    return answer


def quote(call: Call, asset: Asset) -> object:
    """Show the latest quote."""
    return wire.quote(call.exchange.quote(asset.symbol))


def trade(call: Call, asset: Asset) -> object:
    """Show the latest trade."""
    return wire.trade(call.exchange.quote(asset.symbol))


def latest_bar(call: Call, asset: Asset) -> object:
    """Show the latest finished minute."""
    start = call.exchange.clock.now() // _MINUTE * _MINUTE - _MINUTE
    return wire.bar(call.exchange.instruments.bar(asset.symbol, start, _MINUTE))


def snapshot(call: Call, asset: Asset) -> dict[str, object]:
    """Show trade, quote, minute, day and the day before."""
    now = call.exchange.clock.now()
    days = list(_days_before(now, 2))
    return {
        "latestTrade": trade(call, asset),
        "latestQuote": quote(call, asset),
        "minuteBar": latest_bar(call, asset),
        "dailyBar": wire.bar(_day_bar(call, asset.symbol, days[0])),
        "prevDailyBar": wire.bar(_day_bar(call, asset.symbol, days[1])),
    }


def _days_before(now: int, count: int) -> Iterator[int]:
    """Give the openings of the newest sessions that have begun, newest first."""
    today = sessions.eastern_day(now)
    begun = sessions.sessions_between(today - timedelta(days=14), today)
    return islice((s.opens for s in reversed(begun) if s.opens <= now), count)


def _day_bar(call: Call, symbol: str, opens: int) -> Bar:
    day = sessions.eastern_day(opens)
    session = sessions.session_on(day)
    end = min(call.exchange.clock.now(), session.closes if session else opens + _DAY)
    bar = call.exchange.instruments.bar(symbol, opens, max(SECOND, end - opens))
    return Bar(sessions.midnight(day), bar.open, bar.high, bar.low, bar.close, bar.volume)


def one_snapshot(call: Call) -> Reply:
    """GET /v2/stocks/{symbol}/snapshot."""
    check_feed(call, call.exchange.clock.now())
    asset = named(call)
    return ok({"symbol": asset.symbol, **snapshot(call, asset)})


def snapshots(call: Call) -> Reply:
    """GET /v2/stocks/snapshots: symbols at the top level."""
    check_feed(call, call.exchange.clock.now())
    return ok({asset.symbol: snapshot(call, asset) for asset in asked(call)})


def one_bars(call: Call) -> Reply:
    """GET /v2/stocks/{symbol}/bars."""
    symbol = named(call).symbol
    _check_end(call)
    shown, token = page_of_bars(call, [symbol])
    return ok({"symbol": symbol, "bars": shown.get(symbol), "next_page_token": token})


def bars(call: Call) -> Reply:
    """GET /v2/stocks/bars, paged over symbols and time."""
    symbols = [asset.symbol for asset in asked(call)]
    _check_end(call)
    shown, token = page_of_bars(call, symbols)
    return ok({"bars": shown, "next_page_token": token})


def _check_end(call: Call) -> None:
    now = call.exchange.clock.now()
    check_feed(call, min(call.instant("end", now), now))


def page_of_bars(call: Call, symbols: list[str]) -> tuple[dict[str, list[object]], str | None]:
    """Give one page of the asked bars by symbol, and the token of the next page."""
    limit = call.whole("limit", _PAGE, _MOST)
    skip = pages.read_token(call.query.get("page_token"))
    wanted = ((symbol, bar) for symbol in sorted(symbols) for bar in _bars(call, symbol))
    page = list(islice(wanted, skip, skip + limit + 1))
    shown: dict[str, list[object]] = {}
    for symbol, bar in page[:limit]:
        shown.setdefault(symbol, []).append(wire.bar(bar))
    return shown, pages.token(skip + limit) if len(page) > limit else None


def _bars(call: Call, symbol: str) -> Iterator[Bar]:
    """Walk the asked bars in time, or backwards with sort=desc."""
    count, unit = _timeframe(call.query.get("timeframe", "1Day"))
    now = call.exchange.clock.now()
    start = call.instant("start", sessions.midnight(sessions.eastern_day(now)))
    end = min(call.instant("end", now), now)
    opens = _openings(start, end, count, unit)
    if call.choice("sort", "asc", ("asc", "desc")) == "desc":
        opens = reversed(list(opens))
    for at, length in opens:
        if not call.exchange.instruments.is_offered(symbol, at):
            continue
        if unit in _DAYS:
            yield _day_bar(call, symbol, at)
        else:
            yield call.exchange.instruments.bar(symbol, at, length)


def _timeframe(given: str) -> tuple[int, str]:
    digits = given.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = given[len(digits) :]
    if unit not in {**_UNITS, **_DAYS} or not (digits.isascii() and digits.isdecimal()) or not 1 <= int(digits) <= 59:  # noqa: PLR2004
        raise refuse("query_invalid", field="timeframe")
    return int(digits), unit


def _openings(start: int, end: int, count: int, unit: str) -> Iterator[tuple[int, int]]:
    """Give the beginnings of all bars between two moments, in regular sessions."""
    days = sessions.sessions_between(sessions.eastern_day(start), sessions.eastern_day(end))
    if unit in _DAYS:
        yield from (
            (s.opens, s.closes - s.opens)
            for s in days[:: count * _DAYS[unit] if unit not in ("Day", "D") else count]
            if s.opens <= end and s.closes >= start
        )
        return
    length = count * _UNITS[unit]
    for session in days:
        first = max(session.opens // length * length, -(-start // length) * length)
        yield from ((at, length) for at in range(first, min(session.closes, end), length))
