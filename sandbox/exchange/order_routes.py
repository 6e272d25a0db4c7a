"""The trading API's paths for orders."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import islice

from sandbox.exchange import intake, replacement, wire
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse
from sandbox.exchange.orders import Order
from sandbox.exchange.trading_routes import cancel_everything

_DEFAULT_LIMIT, _MOST = 50, 500
_BOUNDS = frozenset({"after", "until", "after_order_id", "before_order_id"})
Test = Callable[[Order], bool]


def post_order(call: Call) -> Reply:
    """POST /v2/orders."""
    request = intake.order_request(call.body)
    head, *legs = call.exchange.submit(call.account, request)
    return ok(wire.order(head, [wire.order(leg) for leg in legs] or None))


def get_order(call: Call) -> Reply:
    """GET /v2/orders/{order_id}."""
    return _shown(call, call.exchange.order(call.account, call.params["order_id"]))


def get_order_by_client_id(call: Call) -> Reply:
    """GET /v2/orders:by_client_order_id, found by the client's own id."""
    given = call.query.get("client_order_id")
    if not given:
        raise refuse("field_required", field="client_order_id")
    return _shown(call, call.exchange.order_by_client_id(call.account, given))


def _shown(call: Call, order: Order) -> Reply:
    # One order is always answered with its legs, as the real API does.
    call.flag("nested")
    return ok(wire.answered(call.exchange, order))


def delete_order(call: Call) -> Reply:
    """DELETE /v2/orders/{order_id}: 204 means asked for, not done."""
    call.exchange.cancel(call.exchange.order(call.account, call.params["order_id"]))
    return Reply(204)


def patch_order(call: Call) -> Reply:
    """PATCH /v2/orders/{order_id}: a new order with a new id."""
    order = call.exchange.order(call.account, call.params["order_id"])
    new = call.exchange.replace(call.account, order, replacement.read(call.body))
    return ok(wire.answered(call.exchange, new))


def delete_orders(call: Call) -> Reply:
    """DELETE /v2/orders: 207, one answer per open order."""
    return ok(cancel_everything(call), 207)


def get_orders(call: Call) -> Reply:
    """GET /v2/orders with every filter Alpaca documents."""
    nested = call.flag("nested")
    limit = call.whole("limit", _DEFAULT_LIMIT, _MOST)
    tests = tuple(_tests(call, nested=nested))
    found = (o for o in _candidates(call) if all(test(o) for test in tests))
    show = _grouped(call) if nested else wire.order
    return ok([show(order) for order in islice(found, limit)])


def _grouped(call: Call) -> Callable[[Order], wire.Json]:
    return lambda order: wire.group(call.exchange, order)


def _tests(call: Call, *, nested: bool) -> Iterator[Test]:
    """Give every condition the query sets."""
    status = call.choice("status", "open", ("open", "closed", "all"))
    if nested:
        yield wire.rolled_up
    if status == "closed":
        yield lambda order: order.final
    elif status == "open":
        yield _open_group(call) if nested else _open_alone
    symbols = frozenset(call.listed("symbols"))
    if symbols:
        yield lambda order: order.symbol in symbols or _underlying(order.symbol) in symbols
    side = call.query.get("side")
    if side:
        yield lambda order: order.side == side
    classes = frozenset(call.listed("asset_class")) - {"all"}
    if classes:
        yield lambda order: order.asset_class in classes


def _underlying(symbol: str) -> str:
    return symbol[:-15] if len(symbol) > 15 else symbol  # noqa: PLR2004 - OCC: root + 15 characters


def _open_alone(order: Order) -> bool:
    return not order.final and not wire.is_hidden(order)


def _open_group(call: Call) -> Test:
    orders = call.exchange.book.orders
    return lambda order: not order.final or any(not orders[leg].final for leg in order.legs)


def _candidates(call: Call) -> Iterator[Order]:
    """Walk the account's orders within the asked time, newest first unless asked otherwise."""
    ascending = call.choice("direction", "desc", ("asc", "desc")) == "asc"
    mine = call.exchange.book.account(call.account.number)
    orders = call.exchange.book.orders
    flat_open = call.query.get("status", "open") in ("open", "") and not call.flag("nested")
    if flat_open and not _BOUNDS & call.query.keys():
        return (orders[o] for o in (mine.open if ascending else reversed(mine.open)))
    first, last = _bounds(call, mine.ids)
    span = range(first, last) if ascending else range(last - 1, first - 1, -1)
    return (orders[mine.ids[index]] for index in span)


def _bounds(call: Call, ids: list[str]) -> tuple[int, int]:
    """Turn after/until and after/before_order_id (all exclusive) into positions."""
    orders = call.exchange.book.orders

    def seq(order_id: str) -> int:
        return orders[order_id].seq

    after, until = _edge(call, "after"), _edge(call, "until")
    first = 0 if after is None else bisect_right(ids, after, key=seq)
    last = len(ids) if until is None else bisect_left(ids, until, key=seq)
    return first, last


def _edge(call: Call, name: str) -> int | None:
    """Read one end of the asked stretch: an instant, or the order that marks it."""
    by_order = call.query.get("after_order_id" if name == "after" else "before_order_id")
    if by_order:
        return call.exchange.order(call.account, by_order).seq
    return call.instant(name, 0) if call.query.get(name) else None
