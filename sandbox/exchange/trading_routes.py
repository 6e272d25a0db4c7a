"""The trading API's paths for accounts, assets, clock and positions."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from sandbox.exchange import contracts, sessions, wire
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import Refused, refuse
from sandbox.exchange.intake import number
from sandbox.exchange.portfolio import Position
from sandbox.exchange.sessions import EASTERN, Session
from sandbox.exchange.text import moment

_HUNDRED = Decimal(100)
_SETTLES_WITHIN = timedelta(days=7)  # the day after, whatever holidays and weekends lie between
_NANO_SHARE = Decimal("0.000000001")


def account(call: Call) -> Reply:
    """GET /v2/account."""
    return ok(wire.account(call.exchange, call.account))


def clock(call: Call) -> Reply:
    """GET /v2/clock: Eastern time, as the real one answers."""
    now = call.exchange.clock.now()
    return ok(
        {
            "timestamp": _eastern(now),
            "is_open": sessions.is_open(now),
            "next_open": _eastern(sessions.next_open(now)),
            "next_close": _eastern(sessions.next_close(now)),
        }
    )


def _eastern(at: int) -> str:
    return moment(at).astimezone(EASTERN).isoformat()


def calendar(call: Call) -> Reply:
    """GET /v2/calendar from `start` to `end`, both included: days of trading, or of settlement."""
    first = max(call.day("start", sessions.FIRST), sessions.FIRST)
    last = min(call.day("end", sessions.LAST), sessions.LAST)
    if call.choice("date_type", "TRADING", ("TRADING", "SETTLEMENT")) == "TRADING":
        return ok([_calendar_day(s) for s in sessions.sessions_between(first, last)])
    traded = sessions.sessions_between(max(first - _SETTLES_WITHIN, sessions.FIRST), last)
    return ok([_calendar_day(s) for s in traded if first <= sessions.settlement(s) <= last])


def _calendar_day(session: Session) -> dict[str, str]:
    return {
        "date": session.day.isoformat(),
        "open": moment(session.opens).astimezone(EASTERN).strftime("%H:%M"),
        "close": moment(session.closes).astimezone(EASTERN).strftime("%H:%M"),
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": sessions.settlement(session).isoformat(),
    }


def assets(call: Call) -> Reply:
    """GET /v2/assets, filtered by status, asset_class and exchange."""
    if call.query.get("asset_class", "us_equity") != "us_equity":
        return ok([])
    listed = call.exchange.listing.all()
    for name in ("status", "exchange"):
        wanted = call.query.get(name)
        listed = tuple(a for a in listed if not wanted or getattr(a, name) == wanted)
    attributes = frozenset(call.listed("attributes"))
    listed = tuple(a for a in listed if not attributes or attributes & set(a.attributes))
    return ok([wire.asset(a, call.exchange.settings) for a in listed])


def asset(call: Call) -> Reply:
    """GET /v2/assets/{symbol_or_asset_id}."""
    found = call.exchange.listing.find(call.params["symbol_or_asset_id"])
    if found is None:
        raise refuse("asset_unknown", symbol=call.params["symbol_or_asset_id"])
    return ok(wire.asset(found, call.exchange.settings))


def positions(call: Call) -> Reply:
    """GET /v2/positions."""
    held = call.account.positions.values()
    return ok([wire.position(call.exchange, call.account, p) for p in held])


def _position(call: Call) -> Position:
    wanted = call.params["symbol_or_asset_id"]
    held = call.account.positions
    found = held.get(wanted) or next((p for p in held.values() if p.asset_id == wanted), None)
    if found is None and contracts.is_contract(wanted):
        raise refuse("contract_position_not_found", symbol=wanted)
    if found is None:
        raise refuse("position_not_found")
    return found


def position(call: Call) -> Reply:
    """GET /v2/positions/{symbol_or_asset_id}."""
    return ok(wire.position(call.exchange, call.account, _position(call)))


def close_position(call: Call) -> Reply:
    """DELETE /v2/positions/{symbol_or_asset_id}, whole or by qty or percentage."""
    held = _position(call)
    order = call.exchange.close(call.account, held.symbol, _part(call, held))
    return ok(wire.order(order))


def _part(call: Call, held: Position) -> Decimal | None:
    qty, share = number(call.query, "qty"), number(call.query, "percentage")
    if qty is not None and share is not None:
        raise refuse("field_invalid", field="percentage")
    if share is not None:
        if not 0 < share <= _HUNDRED:
            raise refuse("field_invalid", field="percentage")
        return (abs(held.qty) * share / _HUNDRED).quantize(_NANO_SHARE)
    if qty is not None and qty <= 0:
        raise refuse("qty_not_positive")
    return qty


def close_all_positions(call: Call) -> Reply:
    """DELETE /v2/positions: 207, one answer per position."""
    if call.flag("cancel_orders"):
        cancel_everything(call)
    # Shorts first: a long option may cover a short one, and is free once that is closed.
    held = sorted(call.account.positions, key=lambda symbol: call.account.qty(symbol) > 0)
    return ok([_closed(call, symbol) for symbol in held], 207)


def _closed(call: Call, symbol: str) -> dict[str, object]:
    try:
        order = call.exchange.close(call.account, symbol, None)
    except Refused as refused:
        return {"symbol": symbol, "status": refused.refusal.http, "body": refused.refusal.body()}
    return {"symbol": symbol, "status": 200, "body": wire.order(order)}


def cancel_everything(call: Call) -> list[dict[str, object]]:
    """Cancel all open orders; a leg that went with its group is answered with it."""
    answers: list[dict[str, object]] = []
    for order in call.exchange.open_orders(call.account):
        current = call.exchange.book.orders[order.id]
        answers.append({"id": order.id, "status": _attempt(lambda o=current: call.exchange.cancel(o))})  # type: ignore[misc]
    return answers


def _attempt(act: Callable[[], None]) -> int:
    try:
        act()
    except Refused as refused:
        # What its own group took along is canceled all the same.
        return 200 if '"canceled"' in str(refused) else refused.refusal.http
    return 200
