"""What an order is, in the words of Alpaca's wire, and which states end it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

ZERO = Decimal(0)


class Side(StrEnum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order lives."""

    DAY = "day"
    GTC = "gtc"
    OPG = "opg"
    CLS = "cls"
    IOC = "ioc"
    FOK = "fok"


class OrderClass(StrEnum):
    """How orders hang together; a simple order's class is the empty string on the wire."""

    SIMPLE = ""
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"
    MLEG = "mleg"


class Status(StrEnum):
    """The states Alpaca documents that this exchange can put an order in."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    PENDING_CANCEL = "pending_cancel"
    ACCEPTED = "accepted"
    PENDING_NEW = "pending_new"
    REJECTED = "rejected"
    HELD = "held"


class Intent(StrEnum):
    """What an order does to the position."""

    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"


class Role(StrEnum):
    """What an order is within its group."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    LEG = "leg"


FINAL = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.REPLACED, Status.REJECTED})


@dataclass(frozen=True, slots=True)
class LegRequest:
    """One leg of a multi-leg option order as it was asked for."""

    symbol: str
    ratio_qty: Decimal
    side: Side | None
    position_intent: Intent | None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it was asked for: every word known, no rule checked. Prices in USD."""

    symbol: str
    side: Side | None
    type: OrderType
    tif: TimeInForce
    order_class: OrderClass = OrderClass.SIMPLE
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    position_intent: Intent | None = None
    legs: tuple[LegRequest, ...] = ()

    @property
    def fractional(self) -> bool:
        """Whether it is for part of a share, by amount or by quantity."""
        return self.notional is not None or (self.qty is not None and self.qty != self.qty.to_integral_value())


class Order(NamedTuple):
    """One order. Prices in USD, quantities in shares or contracts, instants in ns UTC.

    A tuple and not a dataclass: a fill makes three of them, and this is five times faster.
    """

    id: str
    seq: int
    account: str
    client_order_id: str
    asset_id: str
    asset_class: str
    symbol: str
    side: Side | None
    type: OrderType | None
    tif: TimeInForce
    order_class: OrderClass
    role: Role
    status: Status
    created_at: int
    updated_at: int
    expires_at: int | None
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    position_intent: Intent | None = None
    ratio_qty: Decimal | None = None
    multiplier: int = 1
    unit_hold: Decimal = ZERO
    unit_shares: Decimal = ZERO
    covers: str | None = None
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    submitted_at: int | None = None
    filled_at: int | None = None
    expired_at: int | None = None
    canceled_at: int | None = None
    replaced_at: int | None = None
    cancel_due_at: int | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    parent: str | None = None
    legs: tuple[str, ...] = ()
    armed: bool = True
    triggered: bool = False
    converted_limit: Decimal | None = None

    @property
    def final(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in FINAL

    @property
    def remaining(self) -> Decimal:
        """Shares not yet filled (zero for an order by amount: it fills whole)."""
        return ZERO if self.qty is None else self.qty - self.filled_qty

    @property
    def average(self) -> Decimal | None:
        """Average price of what is filled."""
        return self.filled_value / self.filled_qty if self.filled_qty else None

    @property
    def closing(self) -> bool:
        """Whether it reduces a position."""
        return self.position_intent in (Intent.BUY_TO_CLOSE, Intent.SELL_TO_CLOSE)

    @property
    def buys(self) -> bool:
        """Whether it is on the buying side."""
        return self.side is Side.BUY

    @property
    def effective_limit(self) -> Decimal | None:
        """The price it never trades beyond, a converted buy stop's included."""
        return self.converted_limit if self.limit_price is None else self.limit_price

    @property
    def waits_for_stop(self) -> bool:
        """Whether its stop has still to be reached."""
        return not self.triggered and (self.stop_price is not None or self.type is OrderType.TRAILING_STOP)
