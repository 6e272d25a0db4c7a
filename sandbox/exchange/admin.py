"""The paths the real API has not: look at everything, move time, quotes, assets, faults.

No key is needed: the server listens on loopback only.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sandbox.exchange import config, data_stream, intake, trade_stream, wire
from sandbox.exchange.account import Account
from sandbox.exchange.calls import Reply, ok, refused
from sandbox.exchange.engine import Exchange
from sandbox.exchange.errors import Refused, refusal
from sandbox.exchange.faults import Fault, read_fault
from sandbox.exchange.intake import Body
from sandbox.exchange.orders import Order
from sandbox.exchange.routes import ROUTES, UNSERVED_ROUTES
from sandbox.exchange.text import SECOND, instant, plain, read_instant

if TYPE_CHECKING:
    from sandbox.exchange.server import Server

PREFIX = "/_sandbox/"
_STRUCK = frozenset({"*", trade_stream.ROUTE, data_stream.ROUTE, *(r.name for r in ROUTES + UNSERVED_ROUTES)})


def answer(server: "Server", method: str, path: str, raw: bytes) -> Reply:
    """Answer an admin request; a wrong value is a 400 that names it."""
    act = ACTIONS.get((method, path.removeprefix(PREFIX)))
    if act is None:
        return refused(refusal("endpoint_not_found"))
    try:
        return ok(act(server, intake.body(raw) if raw else {}))
    except Refused as no:
        return refused(no.refusal)
    except (ValueError, ArithmeticError, TypeError) as problem:
        return ok({"message": str(problem)}, 400)


def state(server: "Server", _: Body) -> dict[str, object]:
    """Give everything there is to know, for tests."""
    exchange, journal = server.exchange, server.journal
    return {
        "now": instant(exchange.clock.now()),
        "seed": exchange.seed,
        "accounts": [_account(exchange, a) for a in exchange.accounts.values()],
        "orders": [_order(o) for o in exchange.book.orders.values()],
        "order_requests": journal.shown(),
        "counters": {
            **journal.counters,
            "orders": len(exchange.book.orders),
            "listening": server.trades.listening,
        },
        "faults": [asdict(f) for f in exchange.faults.all()],
        "faults_served": list(exchange.faults.served),
        "settings": _settings(exchange),
        "quotes": {
            symbol: {"bid": plain(bid), "ask": plain(ask), "last": plain(last)}
            for symbol, (bid, ask, last) in exchange.market.fixed().items()
        },
    }


def _account(exchange: Exchange, account: Account) -> dict[str, object]:
    held = [wire.position(exchange, account, p) for p in account.positions.values()]
    return {**wire.account(exchange, account), "positions": held}


def _order(order: Order) -> dict[str, object]:
    return {**wire.order(order), "account": order.account, "role": order.role, "parent": order.parent}


def _settings(exchange: Exchange) -> dict[str, object]:
    return asdict(exchange.settings)


def set_quotes(server: "Server", body: Body) -> dict[str, object]:
    """Fix quotes by symbol ({bid, ask, last?}) or let symbols walk again (null)."""
    for symbol, prices in body.items():
        server.exchange.fix_quote(symbol, prices)
    return {"quotes": sorted(server.exchange.market.fixed())}


def set_clock(server: "Server", body: Body) -> dict[str, object]:
    """Move time forward: to `now` (ISO) or by `advance_seconds`."""
    exchange = server.exchange
    if "now" in body:
        exchange.advance_to(read_instant(str(body["now"])))
    seconds = intake.number(body, "advance_seconds")
    if seconds is not None:
        exchange.advance_to(exchange.clock.now() + int(seconds * SECOND))
    return {"now": instant(exchange.clock.now())}


def add_faults(server: "Server", body: Body) -> dict[str, object]:
    """Put faults in force: one, or {"faults": [...]}."""
    given = body.get("faults", [body])
    if not isinstance(given, list):
        raise TypeError("faults must be a list")
    faults = [read_fault(_object(item)) for item in given]
    for fault in faults:
        check_route(fault)
    for fault in faults:
        server.exchange.faults.add(fault)
    return show_faults(server, body)


def check_route(fault: Fault) -> None:
    """Refuse a fault that could never strike. Raises ValueError, naming its route."""
    if fault.route not in _STRUCK:
        raise ValueError(f"no route {fault.route!r} to strike; docs/exchange.md lists them")


def _object(item: object) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise TypeError("a fault is an object with at least a kind")
    return item


def show_faults(server: "Server", _: Body) -> dict[str, object]:
    """List the faults in force."""
    return {"faults": [asdict(f) for f in server.exchange.faults.all()]}


def clear_faults(server: "Server", body: Body) -> dict[str, object]:
    """Take all faults back."""
    server.exchange.faults.clear()
    return show_faults(server, body)


def change_assets(server: "Server", body: Body) -> dict[str, object]:
    """Change what may be done with assets, or list new ones."""
    listing, settings = server.exchange.listing, server.exchange.settings
    return {symbol: wire.asset(listing.change(symbol, _object(facts)), settings) for symbol, facts in body.items()}


def change_settings(server: "Server", body: Body) -> dict[str, object]:
    """Turn switches while the exchange runs."""
    server.exchange.change_settings(config.settings(server.exchange.settings, body))
    return _settings(server.exchange)


def reset(server: "Server", _: Body) -> dict[str, object]:
    """Begin again from the configuration the exchange was started with."""
    server.reset()
    return {"now": instant(server.exchange.clock.now())}


def split(server: "Server", body: Body) -> dict[str, object]:
    """Split shares by symbol: so many of each."""
    for symbol, ratio in {symbol: _ratio(symbol, given) for symbol, given in body.items()}.items():
        server.exchange.split(symbol, ratio)
    return {"split": sorted(body)}


def _ratio(symbol: str, given: object) -> Decimal:
    try:
        ratio = Decimal(str(given))
    except InvalidOperation:
        ratio = Decimal("NaN")
    if not ratio.is_finite():
        raise ValueError(f"{symbol}: how many shares of each?")
    return ratio


def tick(server: "Server", _: Body) -> dict[str, object]:
    """Let the market reach the orders once, without moving time."""
    server.exchange.tick()
    return {"now": instant(server.exchange.clock.now())}


Action = Callable[["Server", Body], dict[str, object]]
ACTIONS: Mapping[tuple[str, str], Action] = {
    ("GET", "state"): state,
    ("POST", "quotes"): set_quotes,
    ("POST", "clock"): set_clock,
    ("POST", "faults"): add_faults,
    ("GET", "faults"): show_faults,
    ("DELETE", "faults"): clear_faults,
    ("POST", "assets"): change_assets,
    ("POST", "settings"): change_settings,
    ("POST", "reset"): reset,
    ("POST", "split"): split,
    ("POST", "tick"): tick,
}
