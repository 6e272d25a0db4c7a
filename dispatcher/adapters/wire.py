"""The broker's JSON, read tolerantly: an order exists when it has an id, whatever else is new, null or missing."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from dispatcher.adapters.fields import UnreadableAnswerError
from dispatcher.adapters.fields import amount as _amount
from dispatcher.adapters.fields import decimal as _decimal
from dispatcher.adapters.fields import moment as _moment
from dispatcher.adapters.fields import rows as _list
from dispatcher.adapters.fields import table as _table
from dispatcher.adapters.fields import text as _text
from dispatcher.core.held import Position, Resting
from dispatcher.core.options import combination
from dispatcher.core.options.combination import Part
from dispatcher.core.order import NEW_YORK, Side
from dispatcher.core.outcome import Accepted, BrokerOrder, Duplicate, Outcome, Rejected, Unknown
from dispatcher.core.positions.cover import ENDED, Holding, Working
from dispatcher.core.positions.instrument import contract, multiplier
from dispatcher.core.positions.lots import ENDS, FEES, FILL, Movement
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Account, Asset, Session
from dispatcher.position_ports import NAMES

OUT_OF_REACH = ENDED | {"held"}
"""What does not fill: what has ended, and a leg that waits for its entry or for the other leg."""
OK = 200
A_NO = {400, 401, 403, 404, 422}
"""The statuses of an order's answer that mean no. Every other error says nothing about the order."""
MARKUP = re.compile(r"<[^<>]*>")
DUPLICATE = (422, 40010001, re.compile("client_order_id must be unique"))
"""The one rejection that is not one: HTTP status and code are shared with shape errors, the words tell them apart."""


def order(document: Any) -> BrokerOrder:
    """An order; only `id`, `client_order_id` and `status` must be there."""
    table = _table(document)
    return BrokerOrder(
        id=_text(table, "id"),
        client_order_id=_text(table, "client_order_id"),
        status=_text(table, "status"),
        symbol=table.get("symbol") or None,
        side=table.get("side") or None,
        quantity=_decimal(table.get("qty")),
        limit_price=_decimal(table.get("limit_price")),
        filled_quantity=_decimal(table.get("filled_qty")) or Decimal(0),
        filled_average_price=_decimal(table.get("filled_avg_price")),
        submitted_at=_moment(table.get("submitted_at")),
        replaced_by=table.get("replaced_by") or None,
    )


def listed(document: Any) -> list[Mapping[str, Any]]:
    """A list of objects that have an id each, as they are."""
    tables = [_table(each) for each in _list(document)]
    for each in tables:
        _text(each, "id")
    return tables


def followed(told: Sequence[Mapping[str, Any]], ids: Collection[str]) -> list[Mapping[str, Any]]:
    """Of orders from the oldest to the newest those with the ids, and whatever replaced one of them."""
    wanted, found = {*ids}, []
    for each in told:
        if each["id"] in wanted:
            found.append(each)
            if replacement := each.get("replaced_by"):
                wanted.add(replacement)
    return found


def account(document: Any) -> Account:
    """The account. Amounts must be readable: limits are compared with them."""
    table = _table(document)
    blocked = any(table.get(flag) for flag in ("trading_blocked", "account_blocked", "trade_suspended_by_user"))
    active = table.get("status", "ACTIVE") == "ACTIVE"
    return Account(
        number=_text(table, "account_number"),
        equity=_amount(table, "equity"),
        last_equity=_amount(table, "last_equity"),
        buying_power=_amount(table, "buying_power"),
        blocked=blocked or not active,
        options_level=_level(table),
        options_buying_power=_decimal(table.get("options_buying_power")),
    )


def _level(table: Mapping[str, Any]) -> int | None:
    """The options level in force: what is approved, or less where the account limits itself."""
    level = _decimal(table.get("options_trading_level"))
    level = _decimal(table.get("options_approved_level")) if level is None else level
    return None if level is None else int(level)


def asset(document: Any) -> Asset:
    """A symbol. `borrow_status` decides, else `easy_to_borrow`, else it cannot be shorted.

    The rule: docs/broker-rules.md, "Short sales".
    """
    table = _table(document)
    easy = table["borrow_status"] == "easy_to_borrow" if table.get("borrow_status") else table.get("easy_to_borrow")
    tradable = bool(table.get("tradable")) and table.get("status", "active") == "active"
    return Asset(_text(table, "symbol"), tradable=tradable, shortable=bool(table.get("shortable")) and bool(easy))


def assets(document: Any) -> dict[str, Asset]:
    """A list of symbols."""
    return {each.symbol: each for each in map(asset, _list(document))}


def positions(document: Any) -> dict[str, Position]:
    """What is held, by symbol."""
    tables = [_table(each) for each in _list(document)]
    return {_text(each, "symbol"): Position(_amount(each, "qty"), _amount(each, "market_value")) for each in tables}


def resting(document: Any) -> list[Resting]:
    """An order with its legs under it, as what may still fill of it: a spread whole, any other each for itself."""
    table = _table(document)
    legs = [_table(each) for each in _list(table.get("legs") or [])]
    if not table.get("symbol"):
        return [Resting(tuple(_text(leg, "symbol") for leg in legs), *_spread(order(table), legs))]
    return [_alone(order(each)) for each in (table, *legs) if _text(each, "status") not in OUT_OF_REACH]


def _alone(order: BrokerOrder) -> Resting:
    if order.symbol is None:
        raise UnreadableAnswerError(f"the leg {order.id} has no symbol")
    cost = (order.limit_price or Decimal(0)) * _unfilled(order) * multiplier(order.symbol)
    return Resting((order.symbol,), order.side == "buy", cost)


def _spread(order: BrokerOrder, legs: list[Mapping[str, Any]]) -> tuple[bool, Decimal]:
    """Whether it is paid for, and what it takes. Without its legs nobody can say, so no such standing is believed."""
    if not legs:
        raise UnreadableAnswerError(f"the order {order.id} has neither a symbol nor legs")
    net = order.limit_price or Decimal(0)
    return net > 0, combination.cost([_part(leg) for leg in legs], net) * _unfilled(order)


def _part(leg: Mapping[str, Any]) -> Part:
    ratio = _decimal(leg.get("ratio_qty")) or Decimal(1)
    closes = str(leg.get("position_intent") or "").endswith("_to_close")
    return Part(contract(_text(leg, "symbol")), ratio if _side(leg) is Side.BUY else -ratio, opens=not closes)


def _unfilled(order: BrokerOrder) -> Decimal:
    return (order.quantity or Decimal(0)) - order.filled_quantity


def holdings(document: Any) -> dict[str, Holding]:
    """What is held, by symbol, with what the broker says of its cost and gain."""
    found = [holding(each) for each in _list(document)]
    return {each.symbol: each for each in found}


def holding(document: Any) -> Holding:
    """One position."""
    table = _table(document)
    quantity, available = _amount(table, "qty"), _decimal(table.get("qty_available"))
    return Holding(
        symbol=_text(table, "symbol"),
        quantity=quantity,
        available=quantity if available is None else available,
        average_price=_decimal(table.get("avg_entry_price")),
        market_value=_amount(table, "market_value"),
        unrealized=_decimal(table.get("unrealized_pl")) or Decimal(0),
    )


def working(document: Any, parent: Working | None = None) -> list[Working]:
    """An order and its legs, ended ones included; of a spread its legs, which have the symbols."""
    table = _table(document)
    legs = [_table(each) for each in _list(table.get("legs") or [])]
    own = _working(table, parent) if table.get("symbol") else None
    return [*([own] if own else []), *(each for leg in legs for each in working(leg, own))]


def _working(table: Mapping[str, Any], parent: Working | None) -> Working:
    return Working(
        id=_text(table, "id"),
        client_order_id=_text(table, "client_order_id"),
        symbol=_text(table, "symbol"),
        side=_side(table),
        kind=str(table.get("type") or table.get("order_type") or ""),
        order_class=str(table.get("order_class") or ""),
        status=_text(table, "status"),
        quantity=_decimal(table.get("qty")) or Decimal(0),
        filled=_decimal(table.get("filled_qty")) or Decimal(0),
        limit=_decimal(table.get("limit_price")),
        stop=_decimal(table.get("stop_price")),
        submitted_at=_moment(table.get("submitted_at")),
        parent=parent,
    )


def movements(document: Any) -> list[Movement]:
    """Lines of the account's statement that are about a symbol; a line about money alone moves no position."""
    tables = [_table(each) for each in _list(document)]
    return [_movement(each) for each in tables if each.get("symbol")]


def _movement(table: Mapping[str, Any]) -> Movement:
    kind = _text(table, "activity_type")
    quantity = _decimal(table.get("qty")) or Decimal(0)
    sold = kind == FILL and _side(table, short="sell_short") is Side.SELL
    price = Decimal(0) if kind in ENDS else _decimal(table.get("price"))
    return Movement(
        id=_text(table, "id"),
        kind=kind,
        symbol=_text(table, "symbol"),
        quantity=Decimal(0) if kind in FEES else -quantity if sold else quantity,
        price=price,
        amount=_decimal(table.get("net_amount")) or Decimal(0),
        at=_happened(table),
        order_id=table.get("order_id") or None,
    )


def _happened(table: Mapping[str, Any]) -> datetime:
    """When a line of the statement happened. What is no trade has a day; that is its beginning in New York."""
    moment = _moment(table.get("transaction_time"))
    if moment is not None:
        return moment
    day = _text(table, "date")
    try:
        return datetime.combine(date.fromisoformat(day), time(), NEW_YORK).astimezone(UTC)
    except ValueError as error:
        raise UnreadableAnswerError(f"{day!r} is not a day") from error


def apart(symbols: Sequence[str]) -> tuple[list[str], list[str]]:
    """Shares and contracts: the broker's data is on paths of their own."""
    shares = [each for each in symbols if contract(each) is None]
    return shares, [each for each in symbols if contract(each) is not None]


def named(symbols: Sequence[str]) -> Iterator[str]:
    """What a request names, for as many requests as the symbols take."""
    return (",".join(symbols[start : start + NAMES]) for start in range(0, len(symbols), NAMES))


def sights(document: Any) -> dict[str, Sight]:
    """The latest quotes by symbol; one that cannot be read is left out."""
    quotes = _table(_table(document).get("quotes") or {})
    found = {symbol: sight(_table(each)) for symbol, each in quotes.items()}
    return {symbol: each for symbol, each in found.items() if each is not None}


def sight(table: Mapping[str, Any]) -> Sight | None:
    """A latest quote; None when a side or its time cannot be read."""
    bid, ask, at = _decimal(table.get("bp")), _decimal(table.get("ap")), _moment(table.get("t"))
    return None if bid is None or ask is None or at is None else Sight(bid, ask, at)


def _side(table: Mapping[str, Any], *, short: str = "") -> Side:
    side = table.get("side")
    if side == "buy":
        return Side.BUY
    if side in {"sell", short}:
        return Side.SELL
    raise UnreadableAnswerError(f"{side!r} is not a side")


def session(document: Any, day: date) -> Session | None:
    """The session of the day out of a calendar answer. Times are New York's; half days are in the data."""
    for each in _list(document):
        table = _table(each)
        if table.get("date") == day.isoformat():
            return _session(day, table)
    return None


def sessions(document: Any) -> tuple[Session, ...]:
    """Every session of a calendar answer, as above."""
    return tuple(_session(_day(table), table) for table in map(_table, _list(document)))


def _day(table: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(_text(table, "date"))
    except ValueError as error:
        raise UnreadableAnswerError("calendar.date is not a day") from error


def _session(day: date, table: Mapping[str, Any]) -> Session:
    return Session(day, _on(day, _text(table, "open")), _on(day, _text(table, "close")))


def clock(document: Any) -> datetime:
    """The broker's clock, UTC."""
    moment = _moment(_table(document).get("timestamp"))
    if moment is None:
        raise UnreadableAnswerError("clock.timestamp is not a time")
    return moment


def rejection(http_status: int, body: str) -> Rejected:
    """A refusal, whole. The body may be anything; the SDK's own `.code` raises on what is not JSON."""
    try:
        parsed = json.loads(body, parse_constant=str)
    except (ValueError, RecursionError):
        parsed = None
    table = storable(parsed) if isinstance(parsed, dict) else {"message": storable(body[:500])}
    code = table.pop("code", None)
    return Rejected(http_status, code if type(code) is int else None, str(table.pop("message", "")), table)


def refusal(http_status: int | None, body: str) -> Outcome:
    """What an error means as an answer to an order: only the broker's own no is a no."""
    if http_status not in A_NO:
        return Unknown(f"HTTP {http_status}: {plain(body)}")
    rejected = rejection(http_status, body)
    status, code, words = DUPLICATE
    if (http_status, rejected.code) == (status, code) and words.search(rejected.message):
        return Duplicate()
    return rejected


def closings(document: Any) -> dict[str, Outcome]:
    """What the broker said of each position when all were to be closed, by symbol."""
    return {_text(entry, "symbol"): _closing(entry) for entry in map(_table, _list(document))}


def _closing(entry: Mapping[str, Any]) -> Outcome:
    status, body = entry.get("status"), entry.get("body")
    if status != OK:
        return refusal(status if type(status) is int else None, json.dumps(body))
    try:
        return Accepted(order(body))
    except UnreadableAnswerError as error:
        return Unknown(f"unreadable answer: {error}")


def plain(text: str) -> str:
    """A gateway's page of HTML as its words."""
    words: str = storable(" ".join(MARKUP.sub(" ", text).split())[:300])
    return words


def storable(value: Any) -> Any:
    """What the broker said, as PostgreSQL and a log line can hold it: no NUL, no half of a character."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode().replace("\0", "")
        case dict():
            return {storable(str(key)): storable(each) for key, each in value.items()}
        case list():
            return [storable(each) for each in value]
        case _:
            return value


def _on(day: date, clock_time: str) -> datetime:
    try:
        return datetime.combine(day, time.fromisoformat(clock_time), NEW_YORK)
    except ValueError as error:
        raise UnreadableAnswerError(f"{clock_time!r} is not a time of day") from error
