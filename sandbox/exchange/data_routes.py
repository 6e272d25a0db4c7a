"""The market data API's paths for stocks. Prices are JSON numbers here, as in the real one."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from sandbox.exchange import pages, sessions, wire
from sandbox.exchange.assets import Asset
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse
from sandbox.exchange.market import Bar
from sandbox.exchange.sessions import EASTERN
from sandbox.exchange.text import SECOND, nanoseconds, read_instant

_MINUTE, _DAY = 60 * SECOND, 86_400 * SECOND
_UNITS = {"Min": _MINUTE, "T": _MINUTE, "Hour": 3_600 * SECOND, "H": 3_600 * SECOND}
_DAYS = {"Day": 1, "D": 1, "Week": 7, "W": 7, "Month": 30, "M": 30}
_PAGE, _MOST = 1_000, 10_000
_RECENT = 15 * _MINUTE
_FEEDS = frozenset({"iex", "sip", "delayed_sip", "otc", "boats", "overnight"})
Show = Callable[[Call, Asset], object]


def _check_feed(call: Call, until: int) -> None:
    """Refuse what a free plan may not see: the full tape of the last quarter of an hour."""
    feed = call.query.get("feed") or "iex"
    if feed not in _FEEDS:
        raise refuse("query_invalid", field="feed")
    now = call.exchange.clock.now()
    if call.exchange.settings.free_plan and feed == "sip" and until > now - _RECENT:
        raise refuse("sip_forbidden")


def _asset(call: Call) -> Asset:
    found = call.exchange.listing.find(call.params["symbol"])
    if found is None:
        raise refuse("symbol_not_found", symbol=call.params["symbol"])
    return found


def _assets(call: Call) -> list[Asset]:
    """Find the asked symbols; the real API leaves out those it does not know."""
    symbols = call.listed("symbols")
    if not symbols:
        raise refuse("field_required", field="symbols")
    found = (call.exchange.listing.find(symbol) for symbol in symbols)
    return [asset for asset in found if asset is not None]


def one(name: str, show: Show) -> Callable[[Call], Reply]:
    """Answer for one symbol: {symbol, name: …}."""

    def answer(call: Call) -> Reply:
        _check_feed(call, call.exchange.clock.now())
        asset = _asset(call)
        return ok({"symbol": asset.symbol, name: show(call, asset)})

    return answer


def many(name: str, show: Show) -> Callable[[Call], Reply]:
    """Answer for several symbols: {name: {symbol: …}}."""

    def answer(call: Call) -> Reply:
        _check_feed(call, call.exchange.clock.now())
        return ok({name: {asset.symbol: show(call, asset) for asset in _assets(call)}})

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
    return wire.bar(call.exchange.market.bar(asset.symbol, asset.anchor, start, _MINUTE))


def snapshot(call: Call, asset: Asset) -> dict[str, object]:
    """Show trade, quote, minute, day and the day before."""
    now = call.exchange.clock.now()
    days = list(_days_before(now, 2))
    return {
        "latestTrade": trade(call, asset),
        "latestQuote": quote(call, asset),
        "minuteBar": latest_bar(call, asset),
        "dailyBar": wire.bar(_day_bar(call, asset, days[0])),
        "prevDailyBar": wire.bar(_day_bar(call, asset, days[1])),
    }


def _days_before(now: int, count: int) -> Iterator[int]:
    """Give the openings of the newest sessions that have begun, newest first."""
    today = sessions.eastern_day(now)
    begun = sessions.sessions_between(today - timedelta(days=14), today)
    return islice((s.opens for s in reversed(begun) if s.opens <= now), count)


def _day_bar(call: Call, asset: Asset, opens: int) -> Bar:
    session = sessions.session_on(sessions.eastern_day(opens))
    end = min(call.exchange.clock.now(), session.closes if session else opens + _DAY)
    bar = call.exchange.market.bar(asset.symbol, asset.anchor, opens, max(SECOND, end - opens))
    midnight = datetime.combine(sessions.eastern_day(opens), datetime.min.time(), EASTERN)
    return Bar(nanoseconds(midnight), bar.open, bar.high, bar.low, bar.close, bar.volume)


def one_snapshot(call: Call) -> Reply:
    """GET /v2/stocks/{symbol}/snapshot."""
    _check_feed(call, call.exchange.clock.now())
    asset = _asset(call)
    return ok({"symbol": asset.symbol, **snapshot(call, asset)})


def snapshots(call: Call) -> Reply:
    """GET /v2/stocks/snapshots: symbols at the top level."""
    _check_feed(call, call.exchange.clock.now())
    return ok({asset.symbol: snapshot(call, asset) for asset in _assets(call)})


def one_bars(call: Call) -> Reply:
    """GET /v2/stocks/{symbol}/bars."""
    asset = _asset(call)
    shown, token = _page(call, [asset])
    return ok({"symbol": asset.symbol, "bars": shown.get(asset.symbol), "next_page_token": token})


def bars(call: Call) -> Reply:
    """GET /v2/stocks/bars, paged over symbols and time."""
    shown, token = _page(call, _assets(call))
    return ok({"bars": shown, "next_page_token": token})


def _page(call: Call, assets: list[Asset]) -> tuple[dict[str, list[object]], str | None]:
    now = call.exchange.clock.now()
    _check_feed(call, min(_instant(call, "end", now), now))
    limit = call.whole("limit", _PAGE, _MOST)
    skip = pages.read_token(call.query.get("page_token"))
    wanted = ((a, bar) for a in sorted(assets, key=lambda a: a.symbol) for bar in _bars(call, a))
    page = list(islice(wanted, skip, skip + limit + 1))
    shown: dict[str, list[object]] = {}
    for asset, bar in page[:limit]:
        shown.setdefault(asset.symbol, []).append(wire.bar(bar))
    return shown, pages.token(skip + limit) if len(page) > limit else None


def _bars(call: Call, asset: Asset) -> Iterator[Bar]:
    """Walk the asked bars in time, or backwards with sort=desc."""
    count, unit = _timeframe(call.query.get("timeframe", "1Day"))
    now = call.exchange.clock.now()
    today = nanoseconds(datetime.combine(sessions.eastern_day(now), datetime.min.time(), EASTERN))
    start = _instant(call, "start", today)
    end = min(_instant(call, "end", now), now)
    opens = _openings(start, end, count, unit)
    if call.query.get("sort") == "desc":
        opens = reversed(list(opens))
    for at, length in opens:
        if unit in _DAYS:
            yield _day_bar(call, asset, at)
        else:
            yield call.exchange.market.bar(asset.symbol, asset.anchor, at, length)


def _timeframe(given: str) -> tuple[int, str]:
    digits = given.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = given[len(digits) :]
    if unit not in {**_UNITS, **_DAYS} or not digits.isdecimal() or not 1 <= int(digits) <= 59:  # noqa: PLR2004
        raise refuse("query_invalid", field="timeframe")
    return int(digits), unit


def _instant(call: Call, name: str, default: int) -> int:
    given = call.query.get(name)
    if not given:
        return default
    try:
        return read_instant(given)
    except (ValueError, OverflowError):
        raise refuse("query_invalid", field=name) from None


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
