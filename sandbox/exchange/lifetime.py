"""How long an order lives. Times are ns UTC. Source: Alpaca's time-in-force rules."""

from datetime import datetime, time, timedelta

from sandbox.exchange import sessions
from sandbox.exchange.orders import Order, Status, TimeInForce
from sandbox.exchange.sessions import EASTERN, Phase
from sandbox.exchange.text import nanoseconds

GTC_DAYS = 90  # then the exchange cancels, at 16:15 Eastern
_GTC_JOB = time(16, 15)


def expires_at(tif: TimeInForce, at: int, *, extended: bool) -> int:
    """Tell when an order sent at `at` ends by itself."""
    if tif is TimeInForce.GTC:
        last = sessions.eastern_day(at) + timedelta(days=GTC_DAYS)
        return nanoseconds(datetime.combine(last, _GTC_JOB, EASTERN))
    if extended:
        return sessions.extended_session(at).late
    if tif is TimeInForce.OPG:
        return sessions.next_close(sessions.next_open(at))
    return sessions.trading_session(at).closes


def first_status(tif: TimeInForce, at: int, *, extended: bool) -> Status:
    """Tell an order's first state: at work, or accepted and queued for the session."""
    if tif in (TimeInForce.OPG, TimeInForce.CLS):
        return Status.ACCEPTED
    phase = sessions.phase(at)
    works = phase is Phase.CORE or (extended and phase is Phase.EXTENDED)
    return Status.NEW if works else Status.ACCEPTED


def auction_at(order: Order) -> int:
    """Tell when an opg or cls order meets its auction."""
    if order.tif is TimeInForce.OPG:
        return sessions.next_open(order.created_at)
    return sessions.trading_session(order.created_at).closes
