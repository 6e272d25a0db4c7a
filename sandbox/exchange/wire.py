"""What the exchange's facts look like as Alpaca's JSON: numbers as strings, ns timestamps."""

from decimal import Decimal

import orjson

from sandbox.exchange.account import Account
from sandbox.exchange.admission import money
from sandbox.exchange.assets import Asset
from sandbox.exchange.config import Settings
from sandbox.exchange.engine import Exchange
from sandbox.exchange.market import Bar, Quote
from sandbox.exchange.orders import ZERO, Order, Role
from sandbox.exchange.portfolio import Position
from sandbox.exchange.text import instant, instant_or_none, plain, plain_or_none, rounded

Json = dict[str, object]
_RATIO_DIGITS = 16


def render(value: object) -> bytes:
    """Write JSON."""
    return orjson.dumps(value, default=_decimal)


def _decimal(value: object) -> float:
    # Market data carries JSON numbers, as the real data API does; money never passes here.
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place on the wire")


def order(value: Order, legs: list[Json] | None = None) -> Json:
    """Show an order; `legs` are shown when they are rolled up under it."""
    kind = "" if value.type is None else value.type.value
    average = value.average
    shown: Json = {
        "id": value.id,
        "client_order_id": value.client_order_id,
        "created_at": instant(value.created_at),
        "updated_at": instant(value.updated_at),
        "submitted_at": instant_or_none(value.submitted_at),
        "filled_at": instant_or_none(value.filled_at),
        "expired_at": instant_or_none(value.expired_at),
        "expires_at": instant_or_none(value.expires_at),
        "canceled_at": instant_or_none(value.canceled_at),
        "failed_at": None,
        "replaced_at": instant_or_none(value.replaced_at),
        "replaced_by": value.replaced_by,
        "replaces": value.replaces,
        "asset_id": value.asset_id,
        "symbol": value.symbol,
        "asset_class": value.asset_class,
        "notional": plain_or_none(value.notional),
        "qty": plain_or_none(value.qty),
        "filled_qty": plain(value.filled_qty),
        "filled_avg_price": None if average is None else plain(rounded(average, 6)),
        "order_class": value.order_class.value,
        "order_type": kind,
        "type": kind,
        "side": "" if value.side is None else value.side.value,
        "time_in_force": value.tif.value,
        "limit_price": plain_or_none(value.limit_price),
        "stop_price": plain_or_none(value.stop_price),
        "status": value.status.value,
        "extended_hours": value.extended_hours,
        "legs": legs,
        "trail_percent": plain_or_none(value.trail_percent),
        "trail_price": plain_or_none(value.trail_price),
        "hwm": plain_or_none(value.hwm),
        "ratio_qty": plain_or_none(value.ratio_qty),
        "subtag": None,
        "source": None,
    }
    if value.position_intent is not None:
        shown["position_intent"] = value.position_intent.value
    return shown


def group(exchange: Exchange, value: Order) -> Json:
    """Show an order with its legs rolled up under it."""
    legs = [order(exchange.book.orders[leg]) for leg in value.legs]
    return order(value, legs or None)


def answered(exchange: Exchange, value: Order) -> Json:
    """Show an order as the answer to placing it: legs with it, as nested queries show them."""
    return order(value) if not value.legs else group(exchange, value)


def account(exchange: Exchange, value: Account) -> Json:
    """Show an account; all amounts in USD."""
    held = value.valuation(exchange.prices)
    equity, exposure = value.cash + held.net, held.gross
    power = value.buying_power(exchange.prices)
    free = value.free_cash(exchange.prices)
    overnight = max(ZERO, 2 * equity - exposure - value.held_cash)
    shown: Json = {
        "id": value.id,
        "account_number": value.number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": money(power),
        "regt_buying_power": money(min(power, overnight)),
        "options_buying_power": money(free),
        "non_marginable_buying_power": money(free),
        "cash": plain(rounded(value.cash, 4)),
        "accrued_fees": "0",
        "pending_reg_taf_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": plain(rounded(equity, 4)),
        "equity": plain(rounded(equity, 4)),
        "last_equity": plain(rounded(value.last_equity, 4)),
        "long_market_value": plain(rounded(held.long, 4)),
        "short_market_value": plain(rounded(held.short, 4)),
        "initial_margin": plain(rounded(exposure / 2, 4)),
        "maintenance_margin": plain(rounded(exposure * 3 / 10, 4)),
        "last_maintenance_margin": "0",
        "sma": "0",
        "multiplier": plain(value.leverage(equity)),
        "balance_asof": exchange.last_session_day().isoformat(),
        "created_at": instant(value.created_at),
        "trading_blocked": value.trading_blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": value.suspended,
        "shorting_enabled": value.shorting_enabled,
        "options_approved_level": value.options_level,
        "options_trading_level": value.options_trading_level,
        "intraday_adjustments": "0",
    }
    if exchange.settings.day_trading_fields:
        shown |= {"pattern_day_trader": False, "daytrade_count": 0, "daytrading_buying_power": shown["buying_power"]}
    return shown


def position(exchange: Exchange, owner: Account, value: Position) -> Json:
    """Show a position."""
    price = exchange.prices.of(value)
    before = exchange.close_price(value.symbol)
    worth = value.worth(price)
    gain = worth - value.cost
    today = exchange.opened_today(value)
    intraday = gain if today else worth - value.worth(before)
    basis = value.cost if today else value.worth(before)
    return {
        "asset_id": value.asset_id,
        "symbol": value.symbol,
        "exchange": value.exchange,
        "asset_class": value.asset_class,
        "asset_marginable": value.marginable,
        "qty": plain(value.qty),
        "qty_available": plain(value.qty - owner.held(value.symbol) * (1 if value.qty > 0 else -1)),
        "avg_entry_price": plain(rounded(value.average, 6)),
        "side": "long" if value.qty > 0 else "short",
        "market_value": plain(rounded(worth, 4)),
        "cost_basis": plain(rounded(value.cost, 4)),
        "unrealized_pl": plain(rounded(gain, 4)),
        "unrealized_plpc": _ratio(gain, abs(value.cost)),
        "unrealized_intraday_pl": plain(rounded(intraday, 4)),
        "unrealized_intraday_plpc": _ratio(intraday, abs(basis)),
        "current_price": plain(price),
        "lastday_price": plain(before),
        "change_today": _ratio(price - before, before),
    }


def _ratio(part: Decimal, whole: Decimal) -> str:
    return plain(rounded(part / whole, _RATIO_DIGITS)) if whole else "0"


def asset(value: Asset, settings: Settings) -> Json:
    """Show an asset. Whether both borrow fields are still sent is a switch: sources differ."""
    shown: Json = {
        "id": value.id,
        "class": "us_equity",
        "exchange": value.exchange,
        "symbol": value.symbol,
        "name": value.name,
        "status": value.status,
        "tradable": value.tradable,
        "marginable": value.marginable,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "shortable": value.shortable,
        "fractionable": value.fractionable,
        "attributes": value.attributes,
    }
    if settings.asset_easy_to_borrow:
        shown["easy_to_borrow"] = value.easy_to_borrow
    if settings.asset_borrow_status:
        shown["borrow_status"] = "easy_to_borrow" if value.easy_to_borrow else "hard_to_borrow"
    return shown


def quote(value: Quote) -> Json:
    """Show a stock's quote as the data API does."""
    return {
        "t": instant(value.at),
        "ax": "Q",
        "ap": value.ask,
        "as": 2,
        "bx": "Q",
        "bp": value.bid,
        "bs": 2,
        "c": ["R"],
        "z": "C",
    }


def trade(value: Quote) -> Json:
    """Show a stock's last trade as the data API does."""
    return {
        "t": instant(value.at),
        "x": "Q",
        "p": value.last,
        "s": 100,
        "c": ["@"],
        "i": value.at // 1_000_000,
        "z": "C",
    }


def bar(value: Bar) -> Json:
    """Show a stretch of trading as the data API does."""
    return {
        "t": instant(value.at),
        "o": value.open,
        "h": value.high,
        "l": value.low,
        "c": value.close,
        "v": value.volume,
        "n": max(1, value.volume // 50),
        "vw": (value.high + value.low + value.close) / 3,
    }


def rolled_up(value: Order) -> bool:
    """Tell whether a nested listing shows this order at the top."""
    return value.parent is None


def is_hidden(value: Order) -> bool:
    """Tell whether a flat listing of open orders leaves this one out: a held leg."""
    return value.role is not Role.ENTRY and value.status.value == "held"
