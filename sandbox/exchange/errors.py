"""Everything the exchange refuses, as one table: HTTP status, Alpaca's code, its words.

Codes and statuses are Alpaca's stable contract, its message texts are not; both are kept
word for word where they are documented or were recorded by others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

SHAPE, RULE, FUNDS, ABSENT = 40010001, 42210000, 40310000, 40410000


class Row(NamedTuple):
    """One line of the table; the message is a template."""

    http: int
    code: int | str | None
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What goes back to the client: HTTP status and the JSON body's fields."""

    http: int
    code: int | str | None
    message: str
    extra: Mapping[str, object] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Give the JSON object as it stands on the wire; no code key when there is none."""
        code = {} if self.code is None else {"code": self.code}
        return {**code, "message": self.message, **self.extra}


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Carries a refusal from the rule that made it to the edge that answers."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the refusal; its message is the exception's text."""
        super().__init__(refusal.message)
        self.refusal = refusal


def _shape(message: str) -> Row:
    return Row(422, SHAPE, message)


def _rule(message: str) -> Row:
    return Row(422, RULE, message)


def _funds(message: str) -> Row:
    return Row(403, FUNDS, message)


def _absent(message: str) -> Row:
    return Row(404, ABSENT, message)


TABLE: Mapping[str, Row] = {
    # the edge
    "unauthorized": Row(401, None, "unauthorized."),
    "too_many_requests": Row(429, None, "too many requests."),
    "internal": Row(500, 50010000, "internal server error occurred"),
    "endpoint_not_found": _absent("endpoint not found"),
    "method_not_allowed": Row(405, 40510000, "method not allowed"),
    "body_invalid": Row(400, 40010000, "request body format is invalid"),
    "body_too_large": Row(413, 41310000, "request body is too large"),
    "query_invalid": _shape("invalid {field}"),
    "not_served": Row(501, 50110000, "{operation} is not served by this exchange"),
    "sip_forbidden": Row(403, None, "subscription does not permit querying recent SIP data"),
    "opra_forbidden": Row(403, None, "OPRA agreement is not signed"),
    # shape
    "field_required": _shape("{field} is required"),
    "field_invalid": _shape("invalid {field}"),
    "order_type_invalid": _shape("invalid order type"),
    "qty_not_positive": _shape("qty must be > 0"),
    "price_not_positive": _shape("{field} must be > 0"),
    "qty_or_notional": _shape("qty or notional is required"),
    "qty_and_notional": _shape("only one of qty or notional is accepted"),
    "limit_needs_price": _shape("limit orders require a limit price"),
    "stop_needs_price": _shape("stop orders require a stop price"),
    "stop_limit_needs_prices": _shape("stop limit orders require both stop and limit price"),
    "market_takes_no_price": _shape("market orders require no stop or limit price"),
    "limit_takes_no_stop": _shape("limit orders require no stop price"),
    "stop_takes_no_limit": _shape("stop orders require no limit price"),
    "trail_needs_one": _shape("trailing stop orders must specify one of trail_price or trail_percent"),
    "client_order_id_long": _shape("client_order_id must be no more than 128 characters"),
    "client_order_id_taken": _shape("client_order_id must be unique"),
    "bracket_needs": _shape("bracket orders require {field}"),
    "must_be_entry": _shape("{order_class} orders must be entry orders"),
    "oto_needs_one": _shape("oto orders require one of take_profit or stop_loss"),
    "oco_needs": _shape("oco orders require {field}"),
    "oco_must_be_limit": _shape("oco orders must be limit orders"),
    "bracket_type": _shape("{order_class} orders must be market or limit orders"),
    "simple_takes_no_legs": _shape("{order_class} orders do not accept take_profit or stop_loss"),
    # prices and classes
    "sub_penny": _rule("invalid {field} {value}. sub-penny increment does not fulfill minimum pricing criteria"),
    "notional_decimals": _rule("notional amount must be limited to 2 decimal places"),
    "qty_decimals": _rule("qty must be limited to 9 decimal places"),
    "notional_minimum": _rule("notional must be >= 1.00"),
    "cost_basis_minimum": _funds("cost basis must be >= minimal amount of order 1"),
    "fractional_simple": _rule("fractional orders must be simple orders"),
    "fractional_day": _rule("fractional orders must be DAY orders"),
    "fractional_short": _rule("fractional orders cannot be sold short"),
    "fractional_type": _rule("fractional orders must be market, limit, stop or stop limit orders"),
    "notional_type": _rule("notional orders must be market orders"),
    "not_fractionable": _funds('asset "{symbol}" is not fractionable'),
    "not_shortable": _rule('asset "{symbol}" cannot be sold short'),
    "legs_crossed": _rule("take_profit.limit_price must be {sign} stop_loss.stop_price"),
    "stop_too_near": _rule("stop_loss.stop_price must be {sign} base_price {offset} 0.01"),
    "profit_too_near": _rule("take_profit.limit_price must be {sign} base_price {offset} 0.01"),
    "stop_limit_crossed": _rule("stop_loss.limit_price must be {sign} stop_loss.stop_price"),
    "complex_tif": _rule("{order_class} orders must be DAY or GTC orders"),
    "complex_extended": _rule("extended hours order must be simple orders"),
    "extended_day": _rule("extended hours order must be DAY limit orders"),
    "extended_shape": _rule("extended hours order must be DAY or GTC limit orders"),
    "opg_window": _rule("opg orders must be submitted after 7:00pm and before 9:28am"),
    "cls_window": _rule("cls orders must be submitted after 7:00pm and before 3:50pm"),
    "auction_type": _rule("{tif} orders must be market or limit orders"),
    "immediate_tif": _rule("{type} orders must be DAY or GTC orders"),
    "hard_to_borrow_tif": _rule("only day orders are allowed for hard-to-borrow asset {symbol}"),
    "not_located": _funds(
        "insufficient located qty for hard-to-borrow asset {symbol} (requested: {requested}, available: {available})"
    ),
    "trail_simple": _rule("trailing stop orders must be simple orders"),
    # assets
    "asset_not_found": _rule('asset "{symbol}" not found'),
    "asset_ipo": _rule("only limit orders are allowed for asset {symbol} before its first trade"),
    "asset_not_active": _rule("asset {symbol} is not active"),
    "asset_not_tradable": _rule("asset {symbol} is not tradable"),
    # money, shares and other orders
    "buying_power": _funds("insufficient buying power"),
    "qty_available": _funds("insufficient qty available for order (requested: {requested}, available: {available})"),
    "wash_trade": _funds("potential wash trade detected. use complex orders"),
    "long_while_short": _funds("cannot open a long buy while a short sell order is open"),
    "short_while_long": _funds("cannot open a short sell while a long buy order is open"),
    "pattern_day_trading": Row(403, 40310100, "trade denied due to pattern day trading protection"),
    "notional_off_hours": _funds("unable to open new notional orders while having open closing position orders"),
    "intraday_margin": _funds("account is restricted due to an intraday margin deficit"),
    "may_not_trade_fractions": _funds("account is not allowed to trade fractional shares"),
    "may_not_trade_overnight": _funds("account is not allowed to trade in the overnight session"),
    "may_not_trade_partnerships": _funds("account is not allowed to open positions in PTP symbol {symbol}"),
    "may_not_short": _funds("account is not allowed to short"),
    "may_not_trade": _funds("account is not authorized to trade"),
    "closing_only": _funds("account is restricted to liquidation only"),
    "position_intent": _rule("position intent mismatch, inferred: {inferred}, specified: {specified}"),
    # locates: their codes are words
    "locate_lot": Row(400, "invalid_input", "invalid input: quantity must be in round lots of 100"),
    "locate_limit": Row(400, "invalid_limit_price", "invalid limit_price"),
    "locate_body": Row(400, "invalid_request_body", "invalid request body"),
    "locate_symbols": Row(400, "invalid_symbols", "symbols must contain at most 100 unique symbols"),
    "locate_symbol": Row(422, "symbol_not_found", "symbol not found"),
    "locate_easy": Row(422, "easy_to_borrow", "security is easy-to-borrow and does not require a locate"),
    "locate_unavailable": Row(422, "quote_unavailable", "locate quote is unavailable for this symbol"),
    "locate_power": Row(422, "insufficient_buying_power", "insufficient buying power to cover locate fee"),
    "locate_key": Row(422, "idempotency_key_conflict", "idempotency key was already used with a different request"),
    "locate_not_found": Row(404, None, "locate not found"),
    # options
    "option_complex": _rule("complex orders not supported for options trading"),
    "option_qty": _rule("qty must be integer for options trading"),
    "option_notional": _rule("notional orders not supported for options trading"),
    "option_tif": _rule("order_time_in_force provided not supported for options trading"),
    "option_type": _rule("order_type provided not supported for options trading"),
    "option_extended": _rule("extended hours orders not supported for options trading"),
    "option_market_hours": _rule("options market orders are only allowed during market hours"),
    "option_decimals": _rule("limit price must be limited to 2 decimal places"),
    "option_increment": _rule("limit price must be a multiple of {tick} for contract {symbol}"),
    "contract_not_found": _rule('contract "{symbol}" is not found'),
    "contract_expired": _rule('contract "{symbol}" is expired'),
    "contract_not_tradable": _rule('contract "{symbol}" is not tradable'),
    "contract_expires_soon": _rule('contract "{symbol}" expires soon, unable to open new positions'),
    "option_level": _funds("account not eligible for level{level} options trading"),
    "option_long": _funds("account not eligible to trade long option contracts"),
    "option_uncovered": _funds("account not eligible to trade uncovered option contracts"),
    "option_power": _funds("insufficient options buying power (required: {required}, available: {available})"),
    "option_secured_put": _funds(
        "insufficient options buying power for cash-secured put (required: {required}, available: {available})"
    ),
    "option_covered_call": _funds(
        "insufficient underlying qty available for covered call (required: {required}, available: {available})"
    ),
    "option_expiring_limit": _funds(
        "exceeded account limit for contracts expiring today "
        "(requested: {requested}, held+open: {held}, limit: {limit})"
    ),
    "mleg_legs": _rule("mleg orders require 2 to 4 legs"),
    "mleg_head": _rule("mleg orders take no {field}; it belongs to the legs"),
    "mleg_type": _rule("mleg orders must be market or limit orders"),
    "mleg_needs_qty": _shape("qty is required"),
    "mleg_intent": _shape("position_intent is required for every leg"),
    "mleg_side": _rule("side {side} of leg {symbol} does not match its position_intent {intent}"),
    "mleg_ratio": _rule("legs.ratio_qty must be integers whose greatest common divisor is 1"),
    "mleg_unique": _rule("legs must have unique symbols"),
    "mleg_underlying": _rule("legs must have the same underlying"),
    "mleg_shares": _rule("equity leg {symbol} must be matched by calls on the other side, 100 shares for each"),
    "mleg_decimals": _rule("limit price must be limited to 2 decimal places"),
    "contract_unknown": _absent("option contract {symbol} not found"),
    "exercise_none": _funds("no available position for the specified contract"),
    "exercise_symbol": _rule("invalid symbol"),
    "exercise_short": Row(403, 40310001, "cannot exercise short position"),
    "dne_short": Row(403, 40310001, "cannot submit DNE for short position"),
    # life of an order
    "order_not_found": _absent("order not found for {order}"),
    "position_not_found": _absent("position does not exist"),
    "contract_position_not_found": _absent("position not found: {symbol}"),
    "symbol_not_found": _absent("symbol not found: {symbol}"),
    "announcement_not_found": _absent("announcement not found for {announcement}"),
    "watchlist_not_found": _absent("watchlist not found for {watchlist}"),
    "watchlist_name_taken": _shape("watchlist name must be unique"),
    "watchlist_name_long": _shape("watchlist name must be no more than 64 characters"),
    "watchlist_symbol_taken": _shape("duplicate symbol: {symbol}"),
    "asset_unknown": _absent("asset not found for {symbol}"),
    "cancel_finished": _rule('order is already in "{status}" state'),
    "replace_state": _rule("cannot replace order in {status} status"),
    "replace_again": _rule("order already replaced"),
    "replace_nothing": _shape("order parameters are not changed"),
    "replace_filled": _rule("qty must be > filled_qty"),
    "replace_notional": _rule("notional orders cannot be replaced"),
    "replace_fraction": _rule("fractional orders cannot change qty"),
    "replace_mleg_leg": _rule("legs of an mleg order cannot be replaced; replace the order itself"),
    "replace_oto": _rule("oto orders cannot be replaced"),
    "replace_leg_qty": _rule("qty of an order's leg cannot be replaced"),
    "replace_price": _shape("{type} orders take no {field}"),
}


def refusal(row: str, /, extra: Mapping[str, object] | None = None, **words: object) -> Refusal:
    """Fill in one line of the table."""
    http, code, message = TABLE[row]
    return Refusal(http, code, message.format(**words), extra or {})


def throttled(code: int) -> Refusal:
    """Make the refusal of too many requests; whether its body carries a code is a switch."""
    return replace(refusal("too_many_requests"), code=code or None)


def refuse_as(row: str, /, *, code: int, **words: object) -> Refused:
    """Make the exception for a line whose code is a switch, because sources differ about it."""
    return Refused(replace(refusal(row, None, **words), code=code or None))


def refuse(row: str, /, extra: Mapping[str, object] | None = None, **words: object) -> Refused:
    """Make the exception that carries one line of the table."""
    return Refused(refusal(row, extra, **words))
