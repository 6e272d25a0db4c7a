"""Good values to change one thing of: a row, a recommendation, what the broker says, a case, an intent, an order."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from contract.limits import Action, Limits, Sizing, TradingState
from dispatcher.core.entries import Entry
from dispatcher.core.gates import Case
from dispatcher.core.held import Flight, Holdings
from dispatcher.core.order import ENTRY, Intent, Order, Side, client_order_id
from dispatcher.core.outcome import BrokerOrder
from dispatcher.core.price import Price
from dispatcher.core.recommendation import Plan, Recommendation
from dispatcher.core.standing import Account, Asset, History, Market, Quote, Session, Standing

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""A Monday, 10:00 in New York."""


def limits(**changes: Any) -> Limits:
    """Limits of a test account, changed where a test needs it."""
    sizing = Sizing(
        risk_fraction=Decimal("0.01"),
        stop_volatility_multiple=Decimal(2),
        daily_volatility=Decimal("0.015"),
        target_risk_multiple=Decimal(2),
        max_equity_fraction=Decimal("0.20"),
    )
    declared: dict[str, Any] = {
        "trading_state": TradingState.ACTIVE,
        "allowed_actions": (Action.BUY_STOCK, Action.SELL_STOCK),
        "allow_shorting": True,
        "max_notional_per_order": Decimal(25_000),
        "max_contracts_per_order": 10,
        "max_open_positions": 30,
        "max_exposure": Decimal(300_000),
        "max_daily_loss": Decimal(2_000),
        "max_orders_per_symbol_per_day": 4,
        "symbol_cooldown_minutes": 15,
        "min_confidence_stock": Decimal("0.35"),
        "min_confidence_option": Decimal("0.55"),
        "max_recommendation_age_seconds": 300,
        "max_standing_age_seconds": 5,
        "entry_after_open_minutes": 5,
        "entry_before_close_minutes": 30,
        "entry_life_seconds": 3600,
        "absence_grace_seconds": 1,
        "halt_after_rejections": 5,
        "halt_window_seconds": 600,
        "halt_after_unknown_seconds": 120,
        "sizing": sizing,
        "requests_per_minute": 100_000,
    }
    return Limits(**declared | changes)


def row(**changes: Any) -> dict[str, Any]:
    """A row as the database gives it: a good one for AAPL, made just now."""
    good = {
        "id": 7,
        "created_at": NOW,
        "ticker": "AAPL",
        "action": "BUY",
        "instrument_type": "STOCK",
        "strategy_type": "swing_trade",
        "confidence": 0.6,
        "reason": {"plan": plan()},
        "features_snapshot": {"vol_ratio": Decimal("1.0")},
    }
    return good | changes


def plan(**changes: Any) -> dict[str, Any]:
    """A plan as upstream writes it, changed where a test needs it."""
    return {"entry": Decimal("200.0"), "stop_loss": Decimal("195.0"), "take_profit": Decimal("210.0")} | changes


def recommendation(**changes: Any) -> Recommendation:
    """A good one for AAPL with a plan for ten shares."""
    good: dict[str, Any] = {
        "id": 7,
        "created_at": NOW,
        "symbol": "AAPL",
        "action": Action.BUY_STOCK,
        "confidence": Decimal("0.6"),
        "plan": Plan(Decimal(200), Decimal(195), Decimal(210), quantity=10),
        "volatility": Decimal(1),
    }
    return Recommendation(**good | changes)


def session(day: date = MONDAY, *, opens: str = "09:30", closes: str = "16:00") -> Session:
    """A day's session, in New York's time."""
    first, last = (
        datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=NEW_YORK) for clock in (opens, closes)
    )
    return Session(day, first, last)


def account(**changes: Any) -> Account:
    """An account of $100,000 that may trade."""
    good: dict[str, Any] = {
        "number": "PA3LARGE",
        "equity": Decimal(100_000),
        "last_equity": Decimal(100_000),
        "buying_power": Decimal(100_000),
        "blocked": False,
    }
    return Account(**good | changes)


def standing(**changes: Any) -> Standing:
    """The broker's truth of just now: nothing held, nothing open, the market open."""
    good: dict[str, Any] = {
        "taken_at": NOW,
        "account": account(),
        "session": session(),
    }
    holdings = Holdings(changes.pop("positions", {}), changes.pop("resting", ()))
    flight = Flight.over(holdings, dict(enumerate(changes.pop("in_flight", ()))))
    return Standing(**good | {"holdings": holdings, "flight": flight} | changes)


def market(bid: str = "199.98", ask: str = "200.02", *, symbol: str = "AAPL") -> Market:
    """A symbol that trades, quoted on both sides."""
    return Market(Quote(Decimal(bid), Decimal(ask)), Asset(symbol, tradable=True, shortable=True))


def case(**changes: Any) -> Case:
    """A case in which every gate passes."""
    good: dict[str, Any] = {
        "recommendation": recommendation(),
        "standing": standing(),
        "market": market(),
        "history": History(),
        "limits": limits(),
        "state": TradingState.ACTIVE,
        "now": NOW,
    }
    said = good | changes
    return Case(**{"state": said["limits"].trading_state} | said)


def intent(**changes: Any) -> Intent:
    """Ten AAPL at 200, stop 195, target 210."""
    good: dict[str, Any] = {
        "recommendation": recommendation(),
        "side": Side.BUY,
        "quantity": 10,
        "entry": Decimal(200),
        "stop_loss": Decimal(195),
        "take_profit": Decimal(210),
        "quote": Quote(Decimal("199.98"), Decimal("200.02")),
    }
    return Intent(**good | changes)


def order(**changes: Any) -> Order:
    """The order that the good recommendation becomes for the account `large`."""
    good: dict[str, Any] = {
        "client_order_id": client_order_id(recommendation(), "large", ENTRY),
        "symbol": "AAPL",
        "side": Side.BUY,
        "quantity": 10,
        "limit": cents("200"),
        "take_profit": cents("210"),
        "stop_loss": cents("195"),
    }
    return Order(**good | changes)


def cents(amount: str) -> Price:
    """A price of a dollar or more."""
    return Price(Decimal(amount), Decimal("0.01"))


def at_broker(placed: Entry | None = None, **changes: Any) -> BrokerOrder:
    """The order as the broker tells it, resting since just now."""
    meant = placed or order()
    told: dict[str, Any] = {
        "id": f"broker-{meant.client_order_id}",
        "client_order_id": meant.client_order_id,
        "status": "new",
        "symbol": meant.symbol,
        "side": meant.side.value,
        "quantity": Decimal(meant.quantity),
        "limit_price": meant.limit.amount,
        "submitted_at": NOW,
    }
    return BrokerOrder(**told | changes)


def seconds(number: float) -> timedelta:
    """A span, short to say."""
    return timedelta(seconds=number)
