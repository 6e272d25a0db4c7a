"""Which option contracts exist: a grid of expirations and strikes around every stock. Pure.

Symbols are written as Alpaca does: root, yymmdd, C or P, strike times 1000 in eight digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from sandbox.exchange import sessions
from sandbox.exchange.assets import Asset, identity

MULTIPLIER = 100
_SYMBOL = re.compile(r"([A-Z]{1,6})(\d{6})([CP])(\d{8})", re.ASCII)
_SHORTEST = 15  # no option's symbol is that short: asked for every quote, so asked cheaply
_WEEKS = 8  # weekly expirations are listed so far ahead
_MONTHS_AHEAD = 400  # days; third-Friday expirations are listed so far ahead
_THIRD_FRIDAY = range(15, 22)
_DAILY = frozenset({"SPY", "QQQ", "IWM"})
_DAILY_AHEAD = 10  # days
_STEPS = (  # (strike below, USD; step, USD)
    (Decimal(5), Decimal("0.5")),
    (Decimal(25), Decimal("0.5")),
    (Decimal(100), Decimal(1)),
    (Decimal(250), Decimal("2.5")),
    (Decimal(1_000), Decimal(5)),
)
_WIDEST_STEP = Decimal(10)
_LOWEST, _HIGHEST = Decimal("0.7"), Decimal("1.3")  # the chain's strikes, as shares of the price
FIRST_DAY = date(2024, 2, 1)
"""The real history of options begins here: nothing is told of earlier days, nor of contracts that had ended by then."""


class Kind(StrEnum):
    """Call or put."""

    CALL = "call"
    PUT = "put"

    @property
    def letter(self) -> str:
        """C or P, as in the symbol."""
        return self.value[0].upper()

    @property
    def flag(self) -> str:
        """What the pricing library calls it: c or p."""
        return self.value[0]


@dataclass(frozen=True, slots=True)
class Contract:
    """One option contract on 100 shares. Strike in USD."""

    symbol: str
    underlying: str
    expires: date
    kind: Kind
    strike: Decimal
    penny: bool
    tradable: bool = True

    @property
    def id(self) -> str:
        """The same contract has the same id in every run."""
        return identity(self.symbol)

    @property
    def asset_class(self) -> str:
        """What Alpaca calls it."""
        return "us_option"

    @property
    def multiplier(self) -> int:
        """Shares of the underlying per contract."""
        return MULTIPLIER

    @property
    def exchange(self) -> str:
        """Options have none on Alpaca's positions."""
        return ""

    @property
    def marginable(self) -> bool:
        """Options are paid in full."""
        return False

    @property
    def ends(self) -> int:
        """When trading in it ends: the close of its last day (ns UTC)."""
        return close_of(self.expires)

    @property
    def increment(self) -> tuple[Decimal, Decimal]:
        """Tick below and from 3 USD. Source: options pricing increments."""
        if self.underlying in _DAILY:
            return Decimal("0.01"), Decimal("0.01")
        return (Decimal("0.01"), Decimal("0.05")) if self.penny else (Decimal("0.05"), Decimal("0.10"))

    def name(self) -> str:
        """Write its name as Alpaca does: AAPL Jun 20 2025 100 Call."""
        return f"{self.underlying} {self.expires:%b %d %Y} {self.strike.normalize():f} {self.kind.capitalize()}"


@lru_cache(maxsize=1024)
def close_of(day: date) -> int:
    """Tell when a trading day ends (ns UTC)."""
    session = sessions.session_on(day)
    if session is None:
        raise ValueError(f"{day} is no trading day")
    return session.closes


def is_contract(symbol: str) -> bool:
    """Tell whether a symbol is written like an option's."""
    return len(symbol) > _SHORTEST and _SYMBOL.fullmatch(symbol) is not None


def written(underlying: str, expires: date, kind: Kind, strike: Decimal) -> str:
    """Write a contract's symbol."""
    return f"{underlying.replace('.', '')}{expires:%y%m%d}{kind.letter}{int(strike * 1000):08d}"


def taken_apart(symbol: str) -> tuple[str, date, Kind, Decimal] | None:
    """Read underlying, expiration, kind and strike from a symbol; None when it is none."""
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        return None
    root, day, letter, strike = match.groups()
    try:
        expires = datetime.strptime(day, "%y%m%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None
    return root, expires, Kind.CALL if letter == "C" else Kind.PUT, Decimal(strike) / 1000


def contract(asset: Asset, expires: date, kind: Kind, strike: Decimal) -> Contract:
    """Make a contract on a stock."""
    symbol = written(asset.symbol, expires, kind, strike)
    return Contract(symbol, asset.symbol, expires, kind, strike, asset.penny_options, asset.tradable)


def exists(asset: Asset, expires: date, strike: Decimal, today: date) -> bool:
    """Tell whether a contract is or was listed: a strike on the grid, an expiration once offered."""
    on_grid = strike > 0 and strike % step(strike) == 0 and asset.optionable
    return on_grid and (expires in expirations(asset.symbol, today) or _once_offered(asset.symbol, expires, today))


def _once_offered(underlying: str, expires: date, today: date) -> bool:
    return FIRST_DAY <= expires < today and expires in past_expirations(underlying, expires, expires)


def is_offered(contract: Contract, day: date) -> bool:
    """Tell whether a contract could be traded on a day: its expiration was offered, and had not passed."""
    return FIRST_DAY <= day <= contract.expires and contract.expires in expirations(contract.underlying, day)


def step(strike: Decimal) -> Decimal:
    """Give the distance between strikes near a strike, USD."""
    return next((by for below, by in _STEPS if strike < below), _WIDEST_STEP)


def expirations(underlying: str, today: date) -> tuple[date, ...]:
    """List the expirations offered on a day, nearest first."""
    return _expirations(today, daily=underlying in _DAILY)


def past_expirations(underlying: str, first: date, last: date) -> tuple[date, ...]:
    """List every expiration there ever was between two days, both included."""
    days = sessions.sessions_between(max(first, FIRST_DAY), last)
    return tuple(s.day for s in days if underlying in _DAILY or s.day == _last_session_of_week(s.day))


@lru_cache(maxsize=2048)
def _expirations(today: date, *, daily: bool) -> tuple[date, ...]:
    days = set(_weekly(today, _WEEKS * 7)) | set(_monthly(today))
    if daily:
        ahead = sessions.sessions_between(today, today + timedelta(days=_DAILY_AHEAD))
        days |= {session.day for session in ahead}
    return tuple(sorted(days))


def _weekly(today: date, ahead: int) -> Iterator[date]:
    for offset in range(0, ahead, 7):
        day = _last_session_of_week(today + timedelta(days=offset))
        if day is not None and day >= today:
            yield day


def _monthly(today: date) -> Iterator[date]:
    for offset in range(0, _MONTHS_AHEAD, 7):
        friday = today + timedelta(days=offset + 4 - today.weekday())
        day = _last_session_of_week(friday)
        if friday.day in _THIRD_FRIDAY and day is not None and day >= today:
            yield day


def _last_session_of_week(day: date) -> date | None:
    monday = day - timedelta(days=day.weekday())
    week = sessions.sessions_between(monday, monday + timedelta(days=4))
    return week[-1].day if week else None


def strikes(price: Decimal) -> Iterator[Decimal]:
    """List the strikes a chain shows around a price, lowest first."""
    strike = (price * _LOWEST) // step(price * _LOWEST) * step(price * _LOWEST)
    while strike <= price * _HIGHEST:
        if strike > 0:
            yield strike
        strike += step(strike)


def chain(asset: Asset, price: Decimal, today: date) -> Iterator[Contract]:
    """List a stock's contracts as they are offered today at this price, by symbol."""
    if asset.optionable:
        for expires in expirations(asset.symbol, today):
            yield from _of_expiration(asset, expires, price)


def past_chain(asset: Asset, expires: date, price: Decimal) -> Iterator[Contract]:
    """List the contracts of an expiration that has passed, around the price (USD) of its last day."""
    if asset.optionable:
        yield from _of_expiration(asset, expires, price)


def _of_expiration(asset: Asset, expires: date, price: Decimal) -> Iterator[Contract]:
    for kind in Kind:
        for strike in strikes(price):
            yield contract(asset, expires, kind, strike)
