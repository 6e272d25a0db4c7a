"""GET /v2/account/portfolio/history: what an account was worth, worked back from its statement."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.exchange import sessions, wire
from sandbox.exchange.account import Account
from sandbox.exchange.activities import Activity
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.engine import Exchange
from sandbox.exchange.errors import refuse
from sandbox.exchange.orders import ZERO
from sandbox.exchange.text import SECOND, rounded

_DAY = 86_400 * SECOND
_STEPS = {"1Min": 60 * SECOND, "5Min": 300 * SECOND, "15Min": 900 * SECOND, "1H": 3_600 * SECOND}
_LONGEST = {"1Min": 7, "5Min": 30, "15Min": 30, "1H": 30}  # days
_PERIOD = re.compile(r"(\d{1,3})([DWMA])", re.ASCII)
_UNITS = {"D": 1, "W": 7, "M": 30, "A": 365}  # days
_REPORTING = ("market_hours", "extended_hours", "continuous")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: from and until (ns UTC), and how fine."""

    start: int
    end: int
    timeframe: str


def history(call: Call) -> Reply:
    """Answer with one value for each moment; amounts in USD."""
    asked = _asked(call)
    moments = list(_moments(call, asked))
    worth = _Worth(call.exchange, call.account)
    base_day = sessions.last_close(moments[0] - 1 if moments else asked.start)
    equity, bases = [], []
    base = worth.at(base_day)
    no_reset = call.choice("pnl_reset", "per_day", ("per_day", "no_reset")) == "no_reset"
    daily = asked.timeframe == "1D"
    for at in moments:
        equity.append(worth.at(_valued(at, call.exchange.clock.now(), daily=daily)))
        bases.append(base if daily or no_reset else worth.at(sessions.last_close(at - 1)))
    gains = [value - before for value, before in zip(equity, bases, strict=True)]
    shares = [gain / before if before else ZERO for gain, before in zip(gains, bases, strict=True)]
    shown: wire.Json = {
        "timestamp": [at // SECOND for at in moments],
        "equity": [rounded(value, 2) for value in equity],
        "profit_loss": [rounded(gain, 2) for gain in gains],
        "profit_loss_pct": [rounded(share, 6) for share in shares],
        "base_value": rounded(base, 2),
        "base_value_asof": sessions.eastern_day(base_day).isoformat(),
        "timeframe": asked.timeframe,
    }
    if call.query.get("cashflow_types", "NONE") != "NONE":
        shown["cashflow"] = {}  # nothing is paid in or out of a paper account
    return ok(shown)


# -- what is asked for -------------------------------------------------------------------------


def _asked(call: Call) -> Asked:
    now = call.exchange.clock.now()
    if all(call.query.get(name) for name in ("start", "end", "period")):
        raise refuse("query_invalid", field="period")
    days = _days(call.query.get("period") or "1M")
    if call.query.get("start") and call.query.get("period"):
        start = call.instant("start", now)
        end = start + days * _DAY
    else:
        end = call.instant("end", now)
        start = call.instant("start", end - days * _DAY)
    timeframe = _timeframe(call, -(-(end - start) // _DAY))
    end = min(end, now)
    start = max(start, call.account.created_at - _DAY)  # there is nothing to tell from before that
    if not (sessions.is_known(start) and start <= end):
        raise refuse("query_invalid", field="start")
    return Asked(start, end, timeframe)


def _days(period: str) -> int:
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise refuse("query_invalid", field="period")
    return int(match.group(1)) * _UNITS[match.group(2)]


def _timeframe(call: Call, days: int) -> str:
    default = next((name for name in ("1Min", "15Min") if days < _LONGEST[name]), "1D")
    given = call.choice("timeframe", default, ("1D", *_STEPS))
    if days > _LONGEST.get(given, days):
        raise refuse("query_invalid", field="timeframe")
    return given


def _moments(call: Call, asked: Asked) -> Iterator[int]:
    # `extended_hours` is the older word for the same.
    default = "extended_hours" if call.flag("extended_hours") else "market_hours"
    reporting = call.choice("intraday_reporting", default, _REPORTING)
    days = sessions.sessions_between(sessions.eastern_day(asked.start), sessions.eastern_day(asked.end))
    if asked.timeframe == "1D":
        yield from (session.opens for session in days if session.opens <= asked.end)
        return
    step = _STEPS[asked.timeframe]
    stretches: Sequence[tuple[int, int]] = [(s.opens, s.closes) for s in days]
    if reporting == "extended_hours":
        stretches = [(s.early, s.late) for s in days]
    elif reporting == "continuous":
        stretches = [(asked.start, asked.end)]
    for first, last in stretches:
        yield from range(-(-max(first, asked.start) // step) * step, min(last, asked.end) + 1, step)


def _valued(at: int, now: int, *, daily: bool) -> int:
    """A day is worth what it was at its close, today what it is now."""
    return min(now, sessions.trading_session(at).closes) if daily else at


# -- what it was worth -------------------------------------------------------------------------


class _Worth:
    """Cash and holdings at past moments: today's, with what happened since taken back."""

    def __init__(self, exchange: Exchange, account: Account) -> None:
        self._exchange = exchange
        self._account = account
        self._lines = exchange.statements[account.number].since(0)
        self._known: dict[int, Decimal] = {}

    def at(self, moment: int) -> Decimal:
        """Give the equity in USD at a moment."""
        if moment not in self._known:
            self._known[moment] = self._worked_back(moment)
        return self._known[moment]

    def _worked_back(self, moment: int) -> Decimal:
        cash = self._account.cash
        held = {symbol: position.qty for symbol, position in self._account.positions.items()}
        for line in reversed(self._lines):
            if line.at <= moment:
                break
            paid, symbol, qty = self._effect(line)
            cash -= paid
            held[symbol] = held.get(symbol, ZERO) - qty
        return cash + sum((self._value(symbol, qty, moment) for symbol, qty in held.items() if qty), ZERO)

    def _value(self, symbol: str, qty: Decimal, moment: int) -> Decimal:
        instruments = self._exchange.instruments
        return qty * instruments.quote(symbol, moment).last * instruments.find(symbol).multiplier

    def _effect(self, line: Activity) -> tuple[Decimal, str, Decimal]:
        """Read from a line what it did: USD received, and how many of what."""
        facts = line.facts
        symbol, qty = str(facts["symbol"]), Decimal(str(facts["qty"]))
        if line.kind != "FILL":
            return Decimal(str(facts["net_amount"])), symbol, qty
        signed = qty if facts["side"] == "buy" else -qty
        multiplier = self._exchange.instruments.find(symbol).multiplier
        return -signed * Decimal(str(facts["price"])) * multiplier, symbol, signed
