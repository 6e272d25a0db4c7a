"""Locates: shares of hard-to-borrow stocks found for the day, for a fee, so that they can be sold short.

What can be found and what it costs is drawn from seed, symbol and day.
"""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from sandbox.exchange import intake, pages, sessions, wire
from sandbox.exchange.account import Locate
from sandbox.exchange.assets import Asset
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import Refused, refuse
from sandbox.exchange.orders import ZERO
from sandbox.exchange.text import instant, plain, plain_or_none

_LOT = 100
_MOST_SYMBOLS = 100
_PAGE, _MOST = 1_000, 10_000
_KEY_LIMIT = 128
_STATUSES = ("active", "expired", "rejected")


# -- what can be found -------------------------------------------------------------------------


def _offer(call: Call, symbol: str) -> tuple[int, Decimal]:
    """Give the shares that can still be found today, and the fee for each in USD."""
    day = sessions.eastern_day(call.exchange.clock.now())
    drawn = hashlib.blake2b(f"{call.exchange.seed}:{symbol}:{day}:locate".encode(), digest_size=2).digest()
    taken = sum(
        locate.located_qty
        for account in call.exchange.accounts.values()
        for locate in account.locates.values()
        if locate.symbol == symbol and sessions.eastern_day(locate.created_at) == day
    )
    return max(0, _LOT * (10 + drawn[0] % 40) - taken), Decimal(1 + drawn[1] % 10) / 100


def quotes(call: Call) -> Reply:
    """GET /v1/locates/quotes?symbols=…: what could be located, and why not where it could not."""
    symbols = tuple(dict.fromkeys(call.listed("symbols")))
    if not symbols or len(symbols) > _MOST_SYMBOLS:
        raise refuse("locate_symbols")
    shown, errors = [], []
    for symbol in symbols:
        try:
            asset = _borrowable(call, symbol)
        except Refused as no:
            errors.append({"symbol": symbol, "code": no.refusal.code, "message": no.refusal.message})
            continue
        available, price = _offer(call, asset.symbol)
        at = instant(call.exchange.clock.now())
        shown.append({"symbol": asset.symbol, "available_qty": available, "price": plain(price), "quoted_at": at})
    return ok({"quotes": shown, "errors": errors})


def _borrowable(call: Call, symbol: str) -> Asset:
    """Find a stock that needs a locate (422 with a word for a code when it is none)."""
    asset = call.exchange.listing.find(symbol)
    if asset is None:
        raise refuse("locate_symbol")
    if asset.easy_to_borrow:
        raise refuse("locate_easy")
    if not asset.shortable:
        raise refuse("locate_unavailable")
    return asset


# -- asking for one ----------------------------------------------------------------------------


def create(call: Call) -> Reply:
    """POST /v1/locates: 201, found or rejected. The same Idempotency-Key gives the same locate again."""
    key = call.headers.get("Idempotency-Key", "")[:_KEY_LIMIT]
    known = next((x for x in call.account.locates.values() if key and x.key == key), None)
    if known is not None:
        if known.asked != _asked(call):
            raise refuse("locate_key")
        return ok(_shown(call, known), 201)
    locate = _located(call, key)
    fee = locate.located_qty * locate.price
    if fee > call.account.buying_power(call.exchange.prices):
        raise refuse("locate_power")
    call.account.locates[locate.id] = locate
    if fee:
        call.account.cash -= fee
        statement = call.exchange.statements[call.account.number]
        statement.event("FEE", locate.symbol, ZERO, locate.created_at, amount=-fee)
    return ok(_shown(call, locate), 201)


def _asked(call: Call) -> tuple[str, int, str | None, bool]:
    """Read symbol, shares, highest fee and whether it is all or none."""
    try:
        body = call.body
        symbol, qty = intake.text(body, "symbol"), body.get("qty")
        whole = intake.flag(body, "all_or_none")
    except Refused:
        raise refuse("locate_body") from None
    if type(qty) is not int or qty <= 0 or qty % _LOT:
        raise refuse("locate_lot")
    try:
        limit = intake.price(body, "limit_price")
    except Refused:
        raise refuse("locate_limit") from None
    return symbol or "", qty, plain_or_none(limit), whole


def _located(call: Call, key: str) -> Locate:
    asked = symbol, qty, limit, whole = _asked(call)
    asset = _borrowable(call, symbol)
    available, price = _offer(call, asset.symbol)
    at = call.exchange.clock.stamp()
    reason = None
    if limit is not None and price > Decimal(limit):
        reason = "limit_price_exceeded"
    elif available == 0 or (whole and available < qty):
        reason = "inventory_unavailable"
    found = 0 if reason else min(qty, available)
    expires = sessions.extended_session(at).late
    return Locate(call.exchange.new_id(), asset.symbol, key, asked, at, expires, found, price, reason)


# -- looking at them ---------------------------------------------------------------------------


def get(call: Call) -> Reply:
    """GET /v1/locates/{locate_id}."""
    found = call.account.locates.get(call.params["locate_id"])
    if found is None:
        raise refuse("locate_not_found")
    return ok(_shown(call, found))


def listed(call: Call) -> Reply:
    """GET /v1/locates, newest first, paged."""
    limit = call.whole("limit", _PAGE, _MOST)
    skip = pages.read_token(call.query.get("page_token"))
    page = list(islice(_wanted(call), skip, skip + limit + 1))
    token = pages.token(skip + limit) if len(page) > limit else None
    return ok({"locates": [_shown(call, locate) for locate in page[:limit]], "next_page_token": token})


def _wanted(call: Call) -> Iterator[Locate]:
    status = call.choice("status", "", ("", *_STATUSES))
    symbol = call.query.get("symbol")
    first, last = call.day("start", sessions.FIRST), call.day("end", sessions.LAST)
    now = call.exchange.clock.now()
    for locate in reversed(call.account.locates.values()):
        fits = status in ("", locate.status(now)) and symbol in (None, "", locate.symbol)
        if fits and first <= sessions.eastern_day(locate.created_at) < last:
            yield locate


def _shown(call: Call, locate: Locate) -> wire.Json:
    symbol, qty, limit, whole = locate.asked
    shown: wire.Json = {
        "id": locate.id,
        "symbol": symbol,
        "status": locate.status(call.exchange.clock.now()),
        "requested_qty": qty,
        "all_or_none": whole,
        "limit_price": limit,
        "created_at": instant(locate.created_at),
    }
    if locate.rejection:
        return {**shown, "rejection_reason": locate.rejection}
    return {
        **shown,
        "expires_at": instant(locate.expires_at),
        "located_qty": locate.located_qty,
        "located_price": plain(locate.price),
        "total_fee": plain(locate.located_qty * locate.price),
    }
