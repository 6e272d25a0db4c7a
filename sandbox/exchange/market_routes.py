"""The trading API's third version of clock and calendar: by market. All markets here keep the hours of XNYS."""

from datetime import timedelta
from typing import NamedTuple

from sandbox.exchange import sessions, wire
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse
from sandbox.exchange.sessions import EASTERN, Session
from sandbox.exchange.text import moment

_DEFAULT_DAYS = 7


class Market(NamedTuple):
    """One market: its code as an operator (MIC), its short and its long name."""

    mic: str
    acronym: str
    name: str


_NYSE = Market("XNYS", "NYSE", "New York Stock Exchange")
_NASDAQ = Market("XNAS", "NASDAQ", "Nasdaq")
MARKETS = {"NYSE": _NYSE, "XNYS": _NYSE, "NASDAQ": _NASDAQ, "XNAS": _NASDAQ}


def clock(call: Call) -> Reply:
    """GET /v3/clock?markets=…&time=…."""
    at = call.instant("time", call.exchange.clock.now())
    if not sessions.is_known(at):
        raise refuse("query_invalid", field="time")
    wanted = call.listed("markets") or ("NYSE",)
    return ok({"clocks": [_clock(_market(name, "markets"), at) for name in wanted]})


def calendar(call: Call) -> Reply:
    """GET /v3/calendar/{market} from `start` to `end`, both included; times as instants."""
    market = _market(call.params["market"], "market")
    zone = call.query.get("timezone")
    if zone not in (None, "", "UTC"):
        raise refuse("query_invalid", field="timezone")
    today = sessions.eastern_day(call.exchange.clock.now())
    first = call.day("start", today)
    last = call.day("end", first + timedelta(days=_DEFAULT_DAYS))
    days = sessions.sessions_between(max(first, sessions.FIRST), min(last, sessions.LAST))
    return ok({"market": _shown(market), "calendar": [_day(session, utc=bool(zone)) for session in days]})


def _market(name: str, field: str) -> Market:
    found = MARKETS.get(name)
    if found is None:
        raise refuse("query_invalid", field=field)
    return found


def _shown(market: Market) -> wire.Json:
    return {"acronym": market.acronym, "mic": market.mic, "name": market.name, "timezone": EASTERN.key}


def _clock(market: Market, at: int) -> wire.Json:
    today = sessions.session_on(sessions.eastern_day(at))
    phase, until = _phase(at, today)
    return {
        "market": _shown(market),
        "timestamp": _written(at),
        "is_market_day": today is not None,
        "next_market_open": _written(sessions.next_open(at)),
        "next_market_close": _written(sessions.next_close(at)),
        "phase": phase,
        "phase_until": _written(until),
    }


def _phase(at: int, today: Session | None) -> tuple[str, int]:
    """Tell the part of the day, and when it ends."""
    if today is not None:
        parts = (("closed", today.early), ("pre", today.opens), ("core", today.closes), ("post", today.late))
        for name, end in parts:
            if at < end:
                return name, end
    return "closed", sessions.trading_session(max(at, today.late if today else at)).early


def _day(session: Session, *, utc: bool) -> wire.Json:
    def shown(at: int) -> str:
        return _written(at, utc=utc)

    return {
        "date": session.day.isoformat(),
        "pre_start": shown(session.early),
        "pre_end": shown(session.opens),
        "core_start": shown(session.opens),
        "core_end": shown(session.closes),
        "post_start": shown(session.closes),
        "post_end": shown(session.late),
        "settlement_date": sessions.settlement(session).isoformat(),
    }


def _written(at: int, *, utc: bool = False) -> str:
    return (moment(at) if utc else moment(at).astimezone(EASTERN)).isoformat()
