"""The broker's JSON about options: snapshots and contracts, joined. What is missing is None, never 0."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

from dispatcher.adapters import fields, wire
from dispatcher.core.options.chain import Greeks, Listed
from dispatcher.core.order import NEW_YORK
from dispatcher.core.positions.instrument import contract
from dispatcher.core.standing import Session
from dispatcher.option_ports import Window

T = TypeVar("T")

CONTRACTS = 10_000
"""Contracts a page answers with at most."""
GREEKS = ("delta", "gamma", "theta", "vega")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the trading host says of a contract; snapshots, on the data host, have none of it."""

    tradable: bool
    penny: bool | None
    open_interest: int | None


def query(window: Window) -> dict[str, str]:
    """A window as the broker's paths ask for it."""
    return {
        "expiration_date_gte": window.first_expiry.isoformat(),
        "expiration_date_lte": window.last_expiry.isoformat(),
        "strike_price_gte": str(window.lowest_strike),
        "strike_price_lte": str(window.highest_strike),
    }


def contracts(underlying: str, window: Window) -> dict[str, str]:
    """A stock's contracts within a window, as the broker's path asks for them."""
    return query(window) | {"underlying_symbols": underlying, "limit": str(CONTRACTS)}


def span(first: Session, last: Session) -> dict[str, str]:
    """The daily bars of two sessions and all between them, as the broker's paths ask for them.

    Nothing is adjusted for later splits unless that is asked for: a strike is of its day, and so are the prices.
    """
    begins = datetime.combine(first.day, time(), NEW_YORK)  # what a daily bar is stamped with
    return {"timeframe": "1Day", "start": begins.isoformat(), "end": last.closes.isoformat()}


def closes(bars: Any) -> dict[str, dict[date, Decimal]]:
    """The close of each day by symbol; what was not traded on a day has none."""
    return {symbol: dict(map(_close, fields.rows(each))) for symbol, each in fields.table(bars or {}).items()}


def _close(bar: Any) -> tuple[date, Decimal]:
    table = fields.table(bar)
    at = fields.moment(table.get("t"))
    if at is None:
        raise fields.UnreadableAnswerError("t of a bar is not a time")
    return at.astimezone(NEW_YORK).date(), fields.amount(table, "c")


def page(document: Any, key: str, parse: Callable[[Any], T]) -> tuple[T, str | None]:
    """The inner part of a page, read, and the token of the next one."""
    table = fields.table(document)
    token = table.get("next_page_token")
    return parse(table.get(key)), token if isinstance(token, str) and token else None


def terms(listed: Any) -> dict[str, Terms]:
    """Contracts by symbol."""
    return {fields.text(each, "symbol"): _terms(each) for each in map(fields.table, fields.rows(listed or []))}


def _terms(each: Mapping[str, Any]) -> Terms:
    penny = each.get("ppind")
    return Terms(
        tradable=bool(each.get("tradable")) and each.get("status", "active") == "active",
        penny=penny if isinstance(penny, bool) else None,
        open_interest=_count(each.get("open_interest")),
    )


def listed(snapshots: Any, known: Mapping[str, Terms], today: date) -> tuple[Listed, ...]:
    """Snapshots with what is known of their contracts. A contract that the trading host does not list is not traded."""
    found = (_listed(symbol, each, known.get(symbol), today) for symbol, each in fields.table(snapshots or {}).items())
    return tuple(each for each in found if each is not None)


def _listed(symbol: str, snapshot: Any, known: Terms | None, today: date) -> Listed | None:
    named = contract(symbol)
    if named is None:
        return None
    table = fields.table(snapshot)
    quote = table.get("latestQuote")
    return Listed(
        symbol=symbol,
        contract=named,
        quote=None if not isinstance(quote, Mapping) else wire.sight(quote),
        volume=_volume(table.get("dailyBar"), today),
        open_interest=None if known is None else known.open_interest,
        iv=_positive(table.get("impliedVolatility")),
        greeks=_greeks(table.get("greeks")),
        tradable=known is not None and known.tradable,
        penny=None if known is None else known.penny,
    )


def _volume(bar: Any, today: date) -> int | None:
    """Contracts traded today. The bar of an earlier day says that today nothing was; without a bar nobody knows."""
    if not isinstance(bar, Mapping):
        return None
    at = fields.moment(bar.get("t"))
    if at is None:
        return None
    return _count(bar.get("v")) if at.astimezone(NEW_YORK).date() == today else 0


def _greeks(table: Any) -> Greeks | None:
    if not isinstance(table, Mapping):
        return None
    values = [fields.decimal(table.get(name)) for name in GREEKS]
    if any(value is None for value in values):
        return None
    delta, gamma, theta, vega = (value or Decimal(0) for value in values)
    return Greeks(delta, gamma, theta, vega)


def _positive(value: Any) -> Decimal | None:
    """A volatility of 0 is none."""
    amount = fields.decimal(value)
    return amount if amount is not None and amount > 0 else None


def _count(value: Any) -> int | None:
    amount = fields.decimal(value)
    return None if amount is None or amount < 0 else int(amount)
