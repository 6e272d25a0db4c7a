"""The paths for option contracts, their market data, and exercise."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice

from sandbox.exchange import option_pricing, pages, sessions, wire
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.contracts import FIRST_DAY, Contract, Kind
from sandbox.exchange.errors import refuse
from sandbox.exchange.intake import number
from sandbox.exchange.market import Quote
from sandbox.exchange.text import instant, nanoseconds, plain

_PAGE, _MOST = 100, 10_000
_CHAIN_PAGE, _CHAIN_MOST = 100, 1_000
Test = Callable[[Contract], bool]


# -- contracts (trading API) -------------------------------------------------------------------


def contracts(call: Call) -> Reply:
    """GET /v2/options/contracts, paged; without dates only what expires before the weekend ends."""
    limit = call.whole("limit", _PAGE, _MOST)
    skip = pages.read_token(call.query.get("page_token"))
    wanted = call.listed("underlying_symbols") or tuple(a.symbol for a in call.exchange.listing.all())
    tests = [*_filters(call), *_contract_filters(call)]
    chain = _chain if _status(call) == "active" else _past_chain
    listed = (c for symbol in sorted(set(wanted)) for c in chain(call, symbol))
    found = (c for c in listed if all(test(c) for test in tests))
    page = list(islice(found, skip, skip + limit + 1))
    deliverables = call.flag("show_deliverables")
    return ok(
        {
            "option_contracts": [_contract(call, c, deliverables=deliverables) for c in page[:limit]],
            "next_page_token": pages.token(skip + limit) if len(page) > limit else None,
        }
    )


def _chain(call: Call, underlying: str) -> Iterator[Contract]:
    if call.exchange.listing.find(underlying) is None:
        return iter(())
    return call.exchange.instruments.chain(underlying)


def _past_chain(call: Call, underlying: str) -> Iterator[Contract]:
    """List what has expired, as far back as the asked dates reach."""
    if call.exchange.listing.find(underlying) is None:
        return iter(())
    exact, first, last = _dates(call)
    today = sessions.eastern_day(call.exchange.clock.now())
    until = min(exact or last or today, today)
    return call.exchange.instruments.past_chain(underlying, exact or first or FIRST_DAY, until)


def contract(call: Call) -> Reply:
    """GET /v2/options/contracts/{symbol_or_id}."""
    given = call.params["symbol_or_id"]
    found = call.exchange.instruments.option(given)
    if found is None:
        raise refuse("contract_unknown", symbol=given)
    return ok(_contract(call, found, deliverables=True))


def _contract(call: Call, found: Contract, *, deliverables: bool) -> wire.Json:
    exchange = call.exchange
    asset = exchange.asset(found.underlying)
    over = found.ends <= exchange.clock.now()
    last = found.expires if over else exchange.last_session_day()
    close = exchange.instruments.quote(found.symbol, found.ends).last if over else exchange.close_price(found.symbol)
    shown: wire.Json = {
        "id": found.id,
        "symbol": found.symbol,
        "name": found.name(),
        "status": "inactive" if over else "active",
        "tradable": found.tradable and not over,
        "expiration_date": found.expires.isoformat(),
        "root_symbol": found.underlying,
        "underlying_symbol": found.underlying,
        "underlying_asset_id": asset.id,
        "type": found.kind.value,
        "style": "american",
        "strike_price": plain(found.strike),
        "multiplier": str(found.multiplier),
        "size": str(found.multiplier),
        "open_interest": str(100 + int(found.id[:4], 16) % 5_000),
        "open_interest_date": last.isoformat(),
        "close_price": plain(close),
        "close_price_date": last.isoformat(),
        "ppind": found.penny,
    }
    if deliverables:
        shown["deliverables"] = [_deliverable(found, asset.id)]
    return shown


def _deliverable(found: Contract, asset_id: str) -> wire.Json:
    return {
        "type": "equity",
        "symbol": found.underlying,
        "asset_id": asset_id,
        "amount": str(found.multiplier),
        "allocation_percentage": "100",
        "settlement_type": "T+1",
        "settlement_method": "CCC",
        "delayed_settlement": False,
    }


def _status(call: Call) -> str:
    return call.choice("status", "active", ("active", "inactive"))


def _contract_filters(call: Call) -> Iterator[Test]:
    """Give the conditions only the contracts path has."""
    status = _status(call)
    now = call.exchange.clock.now()
    yield lambda c: (c.ends > now) == (status == "active")
    if not any(call.query.get(name) for name in ("expiration_date", "expiration_date_gte", "expiration_date_lte")):
        today = sessions.eastern_day(now)
        sunday = today + timedelta(days=6 - today.weekday())
        yield lambda c: c.expires <= sunday
    style = call.query.get("style")
    if style:
        yield lambda _: style == "american"
    if call.query.get("ppind"):
        penny = call.flag("ppind")
        yield lambda c: c.penny == penny


def _filters(call: Call) -> Iterator[Test]:
    """Give the conditions contracts and chain share: type, strikes, expirations, root."""
    kind = call.query.get("type")
    if kind:
        if kind not in list(Kind):
            raise refuse("query_invalid", field="type")
        yield lambda c: c.kind == kind
    root = call.query.get("root_symbol")
    if root:
        yield lambda c: c.underlying == root
    yield from _strike_filters(call)
    yield from _date_filters(call)


def _strike_filters(call: Call) -> Iterator[Test]:
    lowest = number(call.query, "strike_price_gte")
    highest = number(call.query, "strike_price_lte")
    if lowest is not None:
        yield lambda c: c.strike >= lowest
    if highest is not None:
        yield lambda c: c.strike <= highest


def _date_filters(call: Call) -> Iterator[Test]:
    exact, first, last = _dates(call)
    if exact is not None:
        yield lambda c: c.expires == exact
    if first is not None:
        yield lambda c: c.expires >= first
    if last is not None:
        yield lambda c: c.expires <= last


def _dates(call: Call) -> tuple[date | None, date | None, date | None]:
    """Read the asked expiration, or the first and the last."""
    return (
        _day(call, "expiration_date"),
        _day(call, "expiration_date_gte"),
        _day(call, "expiration_date_lte"),
    )


def _day(call: Call, name: str) -> date | None:
    given = call.query.get(name)
    if not given:
        return None
    try:
        return datetime.fromisoformat(given).date()
    except ValueError:
        raise refuse("query_invalid", field=name) from None


# -- exercise (trading API) --------------------------------------------------------------------


def exercise(call: Call) -> Reply:
    """POST /v2/positions/{symbol_or_contract_id}/exercise."""
    call.exchange.exercise(call.account, call.params["symbol_or_contract_id"])
    return Reply(200)


def do_not_exercise(call: Call) -> Reply:
    """POST /v2/positions/{symbol_or_contract_id}/do-not-exercise."""
    call.exchange.do_not_exercise(call.account, call.params["symbol_or_contract_id"])
    return Reply(200)


# -- market data -------------------------------------------------------------------------------


def chain(call: Call) -> Reply:
    """GET /v1beta1/options/snapshots/{underlying_symbol}: quotes, implied volatility, greeks."""
    _check_feed(call)
    underlying = call.params["underlying_symbol"]
    if call.exchange.listing.find(underlying) is None:
        raise refuse("symbol_not_found", symbol=underlying)
    tests = list(_filters(call))
    since = call.instant("updated_since", 0)
    found = (c for c in _chain(call, underlying) if all(test(c) for test in tests))
    return _snapshot_page(call, iter(()) if since > call.exchange.clock.now() else found)


def snapshots(call: Call) -> Reply:
    """GET /v1beta1/options/snapshots?symbols=…."""
    _check_feed(call)
    return _snapshot_page(call, iter(asked(call)))


def _snapshot_page(call: Call, found: Iterator[Contract]) -> Reply:
    limit = call.whole("limit", _CHAIN_PAGE, _CHAIN_MOST)
    skip = pages.read_token(call.query.get("page_token"))
    page = list(islice(found, skip, skip + limit + 1))
    return ok(
        {
            "snapshots": {c.symbol: _snapshot(call, c) for c in page[:limit]},
            "next_page_token": pages.token(skip + limit) if len(page) > limit else None,
        }
    )


def _check_feed(call: Call) -> None:
    feed = call.query.get("feed") or "indicative"
    if feed not in ("opra", "indicative"):
        raise refuse("query_invalid", field="feed")
    if feed == "opra" and call.exchange.settings.free_plan:
        raise refuse("opra_forbidden")


def asked(call: Call) -> list[Contract]:
    """Find the contracts the query names; those it does not know are left out."""
    symbols = call.listed("symbols")
    if not symbols:
        raise refuse("field_required", field="symbols")
    found = (call.exchange.instruments.option(symbol) for symbol in symbols)
    return [contract for contract in found if contract is not None]


def _snapshot(call: Call, found: Contract) -> wire.Json:
    """Show a contract; where its price holds no volatility, volatility and greeks are left out."""
    exchange = call.exchange
    now = exchange.clock.now()
    quote = exchange.quote(found.symbol)
    spot = exchange.instruments.spot(found.underlying, now)
    shown: wire.Json = {
        "latestQuote": _quote(quote),
        "latestTrade": shown_trade(quote),
        "dailyBar": _day_bar(call, found, quote),
    }
    sigma = option_pricing.implied(found, spot, quote.middle, now)
    if sigma is not None:
        shown["impliedVolatility"] = sigma
        shown["greeks"] = asdict(option_pricing.greeks(found, spot, sigma, now))
    return shown


def latest_quotes(call: Call) -> Reply:
    """GET /v1beta1/options/quotes/latest?symbols=…."""
    _check_feed(call)
    return ok({"quotes": {c.symbol: _quote(call.exchange.quote(c.symbol)) for c in asked(call)}})


def latest_trades(call: Call) -> Reply:
    """GET /v1beta1/options/trades/latest?symbols=…."""
    _check_feed(call)
    return ok({"trades": {c.symbol: shown_trade(call.exchange.quote(c.symbol)) for c in asked(call)}})


def _quote(quote: Quote) -> wire.Json:
    return {
        "t": instant(quote.at),
        "ax": "C",
        "ap": quote.ask,
        "as": 10,
        "bx": "C",
        "bp": quote.bid,
        "bs": 10,
        "c": "A",
    }


def _day_bar(call: Call, found: Contract, quote: Quote) -> wire.Json:
    """Show the day so far: prices stand still here, and a contract's volume is the same every day."""
    last = quote.last or Decimal("0.01")
    day = sessions.eastern_day(call.exchange.clock.now())
    volume = 20 + int(found.id[4:8], 16) % 2_000
    midnight = nanoseconds(datetime.combine(day, time(), sessions.EASTERN))
    bar: wire.Json = {"t": instant(midnight), "o": last, "h": last, "l": last, "c": last}
    return bar | {"v": volume, "n": 1 + volume // 5, "vw": last}


def shown_trade(quote: Quote) -> wire.Json:
    """Show a contract's trade as the data API does."""
    return {"t": instant(quote.at), "x": "C", "p": quote.last or Decimal("0.01"), "s": 1, "c": "I"}
