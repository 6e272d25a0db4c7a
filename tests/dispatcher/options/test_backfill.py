"""Past days' volatilities: from bars of contracts that have ended since, by the definition that takes today's."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from vollib.black_scholes import black_scholes  # type: ignore[import-untyped]  # it ships no types

from contract import events
from contract.options import Options, Volatility
from dispatcher.adapters.greeks import complete
from dispatcher.commands import iv_snapshot
from dispatcher.core.options.chain import Listed, Underlying, years_left
from dispatcher.core.options.past import PastDay, around, grid, volatility
from dispatcher.core.options.volatility import NoVolatility, Thirty
from dispatcher.core.positions.instrument import Contract, contract
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Session
from dispatcher.option_ports import OptionHistory, Source, VolatilityDay, Window
from dispatcher.ports import BrokerRefusedError, BrokerThrottledError, BrokerUnavailableError
from dispatcher.position_ports import NAMES
from dispatcher.shell.backfill import AT_ONCE, fill
from dispatcher.shell.patience import Asker
from dispatcher.shell.snapshot import Job
from tests.dispatcher.cases import NEW_YORK, NOW, limits
from tests.dispatcher.options.chains import symbol_of
from tests.dispatcher.world import World
from tests.fakes.clock import FakeClock

RATE = Decimal("0.04")
SIGMA = 0.35
TOLERANCE = Decimal("0.005")
"""Half a point of volatility between a day as it was taken and as it is filled in: premiums lie on ticks, and a trade
lies somewhere between bid and ask."""
FRIDAY = date(2026, 11, 20)
FRIDAYS = tuple(FRIDAY + timedelta(weeks=weeks) for weeks in range(-20, 12))


def session(day: date) -> Session:
    return Session(
        day, datetime(*day.timetuple()[:3], 9, 30, tzinfo=NEW_YORK), datetime(*day.timetuple()[:3], 16, tzinfo=NEW_YORK)
    )


def weekdays(first: date, last: date) -> tuple[Session, ...]:
    days = (first + timedelta(days=count) for count in range((last - first).days + 1))
    return tuple(session(day) for day in days if day.isoweekday() < 6)


def contracts(expiries: Iterable[date] = FRIDAYS, strikes: Iterable[int] = range(150, 260, 5)) -> tuple[str, ...]:
    both = [(expires, strike) for expires in expiries for strike in strikes]
    return tuple(
        symbol_of(Contract("AAPL", expires, call, Decimal(strike)))
        for expires, strike in both
        for call in (True, False)
    )


def premium(symbol: str, spot: Decimal, at: datetime, sigma: float = SIGMA) -> Decimal:
    named = contract(symbol)
    assert named is not None
    terms = (float(spot), float(named.strike), float(years_left(named, at)), float(RATE), sigma)
    return Decimal(str(black_scholes("c" if named.call else "p", *terms)))


@dataclass
class Remembered:
    """See option_ports.OptionHistory: contracts of AAPL at one volatility, a stock that rises by 30 cents a day."""

    untraded: Callable[[str], bool] = lambda _: False
    errors: list[BrokerUnavailableError] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    @staticmethod
    def spot(day: date) -> Decimal:
        return Decimal(200) + Decimal("0.3") * (day - FRIDAY).days

    def sessions(self, first: date, last: date) -> tuple[Session, ...]:
        return weekdays(first, last)

    def contracts(self, underlying: str, window: Window) -> tuple[str, ...]:
        if self.errors:
            raise self.errors.pop(0)
        expiries = [each for each in FRIDAYS if window.first_expiry <= each <= window.last_expiry]
        return contracts(expiries) if underlying == "AAPL" else ()

    def closes(self, symbols: tuple[str, ...], first: Session, last: Session) -> dict[str, dict[date, Decimal]]:
        self.asked.append(symbols)
        found: dict[str, dict[date, Decimal]] = {}
        for symbol in symbols:
            for each in weekdays(first.day, last.day):
                if (price := self._close(symbol, each)) is not None:
                    found.setdefault(symbol, {})[each.day] = price
        return found

    def _close(self, symbol: str, each: Session) -> Decimal | None:
        named, spot = contract(symbol), self.spot(each.day)
        if named is None:
            return spot if symbol == "AAPL" else None
        return None if self.untraded(symbol) or named.expires < each.day else premium(symbol, spot, each.closes)


@dataclass
class Kept:
    """See option_ports.VolatilityStore."""

    days: dict[tuple[str, date], tuple[VolatilityDay, Source]] = field(default_factory=dict)

    def underlyings(self, recommended_since: datetime) -> frozenset[str]:
        del recommended_since
        return frozenset(underlying for underlying, _ in self.days)

    def recorded(self, day: date) -> frozenset[str]:
        raise NotImplementedError

    def record(self, found: VolatilityDay, at: datetime) -> None:
        raise NotImplementedError

    def backfill(self, days: Any, source: Source, at: datetime) -> int:
        del at
        new = {(each.underlying, each.day): (each, source) for each in days}
        added = new.keys() - self.days.keys()
        self.days = new | self.days
        return len(added)

    def series(self, underlying: str, first: date, last: date) -> tuple[tuple[date, Decimal], ...]:
        ours = sorted((day, each.iv) for (of, day), (each, _) in self.days.items() if of == underlying)
        return tuple((day, iv) for day, iv in ours if first <= day <= last)


@dataclass
class Desk:
    """A backfill about to begin."""

    history: Remembered = field(default_factory=Remembered)
    store: Kept = field(default_factory=Kept)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    said: list[events.Event] = field(default_factory=list)

    def fill(
        self, *underlyings: str, first: date = FRIDAY - timedelta(days=4), last: date = FRIDAY
    ) -> events.VolatilityBackfilled:
        clock, asker, policy = self.clock, Asker(self.clock.pass_by), Volatility(interest_rate=RATE)
        job: Job[OptionHistory] = Job(
            self.history, complete, self.store, policy, self.said.append, clock.broker, asker, clock
        )
        return fill(job, underlyings or ("AAPL",), first, last)

    def whys(self) -> set[str]:
        return {event.why for event in self.said if isinstance(event, events.VolatilityMissing)}


# ---------------------------------------------------------------------------------------------------------- one day


def friday(spot: str = "200") -> PastDay:
    return PastDay(session(FRIDAY), Underlying(Decimal(spot)))


def filled_in(listed: Listed) -> Listed:
    return complete(listed, Underlying(Decimal(200)), RATE, session(FRIDAY).closes)


def closes_of(symbols: Iterable[str], sigma: float = SIGMA, spot: str = "200") -> dict[str, dict[date, Decimal]]:
    at = session(FRIDAY).closes
    return {symbol: {FRIDAY: premium(symbol, Decimal(spot), at, sigma)} for symbol in symbols}


def test_only_what_lies_around_thirty_days_and_the_money_is_looked_at() -> None:
    looked_at = [contract(pair.call) for pair in around(friday("201"), grid(contracts(), "AAPL"))]

    expiries = {each.expires for each in looked_at if each is not None}
    strikes = {each.strike for each in looked_at if each is not None}
    assert sorted((each - FRIDAY).days for each in expiries) == [21, 28, 35, 42]
    assert sorted(strikes) == [195, 200, 205, 210]


def test_the_volatility_that_the_prices_were_made_with_is_found() -> None:
    symbols = contracts()

    found = volatility(friday(), grid(symbols, "AAPL"), closes_of(symbols), filled_in)

    assert isinstance(found, Thirty)
    assert found.far is not None
    assert [found.near.days, found.far.days] == [28, 35]
    assert found.iv == pytest.approx(Decimal(str(SIGMA)), abs=Decimal("0.0001"))
    assert found.modelled == 16, "two strikes on either side, a call and a put each, in two expiries"


def test_a_strike_of_which_one_side_was_not_traded_is_left_out() -> None:
    symbols = contracts()
    closes = closes_of(symbols)
    # Alone, a call at a volatility of 90 % would pull the whole far away.
    closes["AAPL261218C00200000"] = {FRIDAY: premium("AAPL261218C00200000", Decimal(200), session(FRIDAY).closes, 0.9)}
    del closes["AAPL261218P00200000"]

    found = volatility(friday(), grid(symbols, "AAPL"), closes, filled_in)

    assert isinstance(found, Thirty)
    assert found.iv == pytest.approx(Decimal(str(SIGMA)), abs=Decimal("0.002"))


def test_a_last_trade_before_the_stock_moved_on_errs_little_because_call_and_put_err_in_opposite_directions() -> None:
    symbols = contracts()
    stale = closes_of(symbols, spot="199")  # half a per cent before the stock's close

    price = stale["AAPL261218C00200000"][FRIDAY]
    call = Contract("AAPL", date(2026, 12, 18), call=True, strike=Decimal(200))
    alone = filled_in(Listed("AAPL261218C00200000", call, Sight(price, price, session(FRIDAY).closes))).iv
    found = volatility(friday(), grid(symbols, "AAPL"), stale, filled_in)

    assert alone is not None
    assert abs(alone - Decimal(str(SIGMA))) > Decimal("0.02")
    assert isinstance(found, Thirty)
    assert found.iv == pytest.approx(Decimal(str(SIGMA)), abs=Decimal("0.002"))


def test_contracts_that_a_split_has_given_another_root_are_left_out() -> None:
    adjusted = [each.replace("AAPL", "AAPL1") for each in contracts()]

    assert grid(adjusted, "AAPL") == {}
    assert grid(["BRKB261218C00500000", "BRKB261218P00500000"], "BRK.B").keys() == {date(2026, 12, 18)}


def test_a_day_without_trades_around_thirty_days_has_no_volatility() -> None:
    found = volatility(friday(), grid(contracts(), "AAPL"), {}, filled_in)

    assert isinstance(found, NoVolatility)


# -------------------------------------------------------------------------------------------------------------- the job


def test_each_session_gets_its_day_once() -> None:
    desk = Desk()

    first, second = desk.fill(), desk.fill()

    assert [(each.there, each.recorded, each.missing) for each in (first, second)] == [(0, 5, 0), (5, 0, 0)]
    assert second.requests == 1, "only the sessions are asked for"
    assert {source for _, source in desk.store.days.values()} == {Source.BARS}
    assert all(
        each.iv == pytest.approx(Decimal(str(SIGMA)), abs=Decimal("0.002")) for each, _ in desk.store.days.values()
    )


def test_what_was_taken_is_left_alone_and_not_asked_for() -> None:
    desk = Desk()
    taken = VolatilityDay("AAPL", FRIDAY - timedelta(days=1), Decimal("0.5"))
    desk.store.days["AAPL", taken.day] = (taken, Source.SNAPSHOT)

    filled = desk.fill()

    assert (filled.there, filled.recorded) == (1, 4)
    assert desk.store.days["AAPL", taken.day] == (taken, Source.SNAPSHOT)


def test_many_contracts_are_asked_for_in_as_few_requests_as_the_broker_allows() -> None:
    desk = Desk()
    filled = desk.fill(first=FRIDAY - timedelta(days=110))

    assert filled.recorded == len(weekdays(FRIDAY - timedelta(days=110), FRIDAY)) > AT_ONCE
    assert max(len(each) for each in desk.history.asked) == NAMES
    assert filled.requests <= 14


def test_a_day_without_a_volatility_is_named_and_gets_no_row() -> None:
    desk = Desk(Remembered(untraded=lambda _: True))

    filled = desk.fill("AAPL", "NONE")

    assert (filled.recorded, filled.missing, desk.store.days) == (0, 10, {})
    assert "the stock was not traded" in desk.whys()
    assert len(desk.said) == 10


def test_an_underlying_that_the_broker_refuses_is_named_and_the_others_go_on() -> None:
    desk = Desk(Remembered(errors=[BrokerRefusedError("contracts", "no such symbol", 404)]))

    filled = desk.fill(first=FRIDAY - timedelta(days=2))

    assert (filled.missing, filled.recorded) == (3, 0)
    assert desk.whys() == {"contracts: no such symbol"}
    assert desk.fill(first=FRIDAY - timedelta(days=2)).recorded == 3, "asked again it finds them"


def test_without_requests_left_it_waits_and_gives_up_after_an_hour_with_what_it_has() -> None:
    desk = Desk(Remembered(errors=[BrokerThrottledError("contracts", "the budget is spent", 60.0)] * 70))
    began = desk.clock()

    with pytest.raises(BrokerThrottledError):
        desk.fill()

    assert desk.clock() - began == pytest.approx(3_600)


# --------------------------------------------------------------------------------------- the command, at the exchange


def told(capsys: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    return [each for each in map(json.loads, capsys.readouterr().out.splitlines()) if each["event"] == event]


def rows(world: World) -> dict[tuple[str, str], tuple[Decimal, str]]:
    with world.connect() as connection:
        found = connection.execute("SELECT underlying, day::text, iv, source FROM volatility_days").fetchall()
    return {(underlying, day): (iv, source) for underlying, day, iv, source in found}


@pytest.mark.world
def test_what_is_filled_in_later_agrees_with_what_was_taken_on_the_day(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each underlying has a volatility of its own; a month later the nearer contracts of that day have ended."""
    world.limits = limits(options=Options(volatility=Volatility(underlyings=("GOOG", "TSLA", "NVDA", "SPY"))))
    world.exchange.set_clock("2026-11-23T15:59:30-05:00")
    assert iv_snapshot.main([], world.environ()) == 0
    taken = rows(world)
    with world.connect() as connection:
        connection.execute("DELETE FROM volatility_days WHERE underlying <> 'SPY'")
    world.exchange.set_clock("2026-12-22T10:00:00-05:00")
    capsys.readouterr()

    codes = [iv_snapshot.main(["--backfill", "2026-11-20", "2026-11-24"], world.environ()) for _ in range(2)]

    first, second = told(capsys, "volatility_backfilled")
    filled = rows(world)
    assert codes == [0, 0]
    assert (first["there"], first["recorded"], first["missing"]) == (1, 11, 0)
    assert (second["there"], second["recorded"]) == (12, 0)
    apart = {key: abs(filled[key][0] - iv) for key, (iv, _) in taken.items() if filled[key][1] == "bars"}
    assert len(apart) == 3
    assert max(apart.values()) <= TOLERANCE, apart
    assert {key[0]: source for key, (_, source) in filled.items() if key[1] == "2026-11-23"} == {
        "GOOG": "bars",
        "TSLA": "bars",
        "NVDA": "bars",
        "SPY": "snapshot",
    }


@pytest.mark.world
def test_the_budget_of_the_account_pays_for_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.limits = limits(options=Options(volatility=Volatility(underlyings=("GOOG",))))

    assert iv_snapshot.main(["--backfill", "2026-11-19", "2026-11-20"], world.environ()) == 0

    (filled,) = told(capsys, "volatility_backfilled")
    with world.connect() as connection:
        ((drawn,),) = connection.execute("SELECT drawn FROM request_budgets WHERE account = 'large'").fetchall()
    assert drawn >= filled["requests"] > 0


@pytest.mark.world
@pytest.mark.parametrize(
    "days", [("2024-01-31", "2026-11-20"), ("2026-11-20", "2026-11-19"), ("2026-11-20", "2026-11-23")]
)
def test_days_that_cannot_be_filled_in_are_wrong_usage(
    world: World, days: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert iv_snapshot.main(["--backfill", *days], world.environ()) == 2
    said = capsys.readouterr().err
    assert " ".join(days) in said
    assert "next: " in said
