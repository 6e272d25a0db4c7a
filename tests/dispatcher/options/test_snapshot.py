"""The day's volatilities: taken from the exchange's chains, kept once a day, filled in for days that are past."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contract import events
from contract.options import Options, Volatility
from contract.strict import DocumentError
from dispatcher.adapters.greeks import complete
from dispatcher.adapters.volatility import PostgresVolatility
from dispatcher.commands import iv_snapshot
from dispatcher.core.options.chain import Listed
from dispatcher.core.options.volatility_file import read
from dispatcher.core.positions.sight import Sight
from dispatcher.core.standing import Quote
from dispatcher.option_ports import Complete, Source, VolatilityDay, Window
from dispatcher.ports import BrokerRefusedError, BrokerThrottledError, BrokerUnavailableError
from dispatcher.shell.patience import PATIENCE_SECONDS, TRIES, Asker
from dispatcher.shell.snapshot import Job, take
from tests.dispatcher.books import Books
from tests.dispatcher.cases import MONDAY, NOW, limits
from tests.dispatcher.options.chains import listed
from tests.dispatcher.world import World
from tests.fakes.broker import FakeBroker
from tests.fakes.chains import FakeChains, as_told
from tests.fakes.clock import FakeClock

KEEP = Options(volatility=Volatility(underlyings=("AAPL", "MSFT")))


@dataclass
class Chains(FakeChains):
    """Chains that are away for so many askings of an underlying."""

    fails: dict[str, list[BrokerUnavailableError]] = field(default_factory=dict)

    def snapshots(self, underlying: str, window: Window) -> tuple[Listed, ...]:
        if self.fails.get(underlying):
            raise self.fails[underlying].pop(0)
        return self.chain(underlying, window)


@dataclass
class Store:
    """See option_ports.VolatilityStore."""

    kept: dict[tuple[str, date], VolatilityDay] = field(default_factory=dict)

    def underlyings(self, recommended_since: datetime) -> frozenset[str]:
        del recommended_since
        return frozenset(underlying for underlying, _ in self.kept)

    def recorded(self, day: date) -> frozenset[str]:
        return frozenset(underlying for underlying, kept in self.kept if kept == day)

    def record(self, found: VolatilityDay, at: datetime) -> None:
        del at
        self.kept[found.underlying, found.day] = found

    def backfill(self, days: Any, source: Source, at: datetime) -> int:
        raise NotImplementedError

    def series(self, underlying: str, first: date, last: date) -> tuple[tuple[date, Decimal], ...]:
        raise NotImplementedError


@dataclass
class Desk:
    """A snapshot about to be taken."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    store: Store = field(default_factory=Store)
    complete: Complete = as_told
    said: list[events.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = FakeBroker(self.clock.broker)
        both = [listed("200", expires=MONDAY + timedelta(days=days)) for days in (20, 40)]
        self.chains = Chains(self.broker, both)

    def take(self, *underlyings: str, again: bool = False) -> events.VolatilityRecorded:
        job = Job(
            self.chains,
            self.complete,
            self.store,
            Volatility(),
            self.said.append,
            self.clock.broker,
            Asker(self.clock.pass_by),
            self.clock,
        )
        return take(job, underlyings, again=again)


def test_a_day_is_taken_once_and_again_only_when_asked() -> None:
    desk = Desk()

    first, second, again = desk.take("AAPL"), desk.take("AAPL"), desk.take("AAPL", again=True)

    assert [(each.there, each.recorded) for each in (first, second, again)] == [(0, 1), (1, 0), (0, 1)]
    assert desk.store.kept["AAPL", MONDAY].iv == Decimal("0.300000")


def test_what_has_no_volatility_gets_no_row_and_is_named() -> None:
    desk = Desk()

    taken = desk.take("AAPL", "NONE")

    assert (taken.recorded, taken.missing, set(desk.store.kept)) == (1, 1, {("AAPL", MONDAY)})
    assert [event.underlying for event in desk.said if isinstance(event, events.VolatilityMissing)] == ["NONE"]


def test_a_broker_that_is_away_is_asked_again_in_its_own_time_and_a_no_is_not() -> None:
    desk = Desk()
    desk.chains.fails = {
        "AAPL": [BrokerUnavailableError("chain", "429", 30.0)],
        "GONE": [BrokerRefusedError("chain", "no such symbol", 404)],
    }
    began = desk.clock()

    taken = desk.take("AAPL", "GONE")

    assert (taken.recorded, taken.missing, taken.requests) == (1, 1, 4)
    assert desk.clock() - began == pytest.approx(30)


def test_without_a_request_left_over_it_waits_as_long_as_others_need_them_and_counts_none() -> None:
    desk = Desk()
    desk.chains.fails = {"AAPL": [BrokerThrottledError("chain", "the budget is spent", 40.0)] * (2 * TRIES)}
    began = desk.clock()

    taken = desk.take("AAPL")

    assert (taken.recorded, taken.requests) == (1, 2)
    assert desk.clock() - began == pytest.approx(2 * TRIES * 40)


def test_it_does_not_wait_for_ever() -> None:
    desk = Desk()
    desk.chains.fails = {"AAPL": [BrokerThrottledError("chain", "the budget is spent", 60.0)] * 1_000}
    began = desk.clock()

    assert desk.take("AAPL").missing == 1
    assert desk.clock() - began <= PATIENCE_SECONDS


def test_a_quote_of_yesterday_says_nothing_of_today() -> None:
    desk = Desk()
    yesterday = Sight(Decimal("4.9"), Decimal(5), NOW - timedelta(days=1))
    desk.chains.listed = [listed("200", expires=MONDAY + timedelta(days=days), quote=yesterday) for days in (20, 40)]

    assert desk.take("AAPL").missing == 1


def test_where_the_broker_gives_no_volatility_ours_is_computed_from_the_quote_and_counted() -> None:
    desk = Desk(complete=complete)
    both = (MONDAY + timedelta(days=days) for days in (20, 40))
    desk.chains.listed = [listed("200", expires=expires, iv=None, delta=None) for expires in both]

    desk.take("AAPL")

    kept = desk.store.kept["AAPL", MONDAY]
    assert kept.modelled == 2
    # A call at the money costs 0.4 x price x volatility x root of time, and half the interest of its time: the middle
    # of 4.95 is dear at 20 days and cheap at 40.
    assert kept.near_iv is not None
    assert kept.far_iv is not None
    assert Decimal("0.25") < kept.near_iv < Decimal("0.27")
    assert Decimal("0.16") < kept.far_iv < Decimal("0.18")


def test_a_stock_without_a_quote_is_not_asked_for_its_chain() -> None:
    desk = Desk()
    desk.broker.quoted = Quote(Decimal(0), Decimal(200))

    taken = desk.take("AAPL")

    assert (taken.missing, desk.chains.windows) == (1, [])


# --------------------------------------------------------------------------------------------------------- past days


def test_past_days_are_read_from_a_table() -> None:
    rows = read(["underlying,day,iv", "AAPL,2026-11-20,0.31", "BRK.B,2026-11-19,0.2"], name="f", before=MONDAY)

    assert rows == (("AAPL", date(2026, 11, 20), Decimal("0.31")), ("BRK.B", date(2026, 11, 19), Decimal("0.2")))


def test_everything_wrong_with_a_table_is_told_at_once_by_its_line() -> None:
    table = [
        "underlying,day,iv",
        "aapl,2026-11-20,0.3",
        "AAPL,yesterday,0.3",
        "AAPL,2026-11-23,0.3",
        "AAPL,2026-11-20,31",
    ]

    with pytest.raises(DocumentError) as error:
        read(table, name="past.csv", before=MONDAY)

    assert [problem.path for problem in error.value.problems] == ["line 2", "line 3", "line 4", "line 5"]
    with pytest.raises(DocumentError, match="the header must be underlying,day,iv"):
        read(["day,iv"], name="past.csv", before=MONDAY)


@pytest.mark.world
def test_a_day_that_was_taken_is_never_overwritten_by_a_backfill(books: Books) -> None:
    store = PostgresVolatility(books.connect())
    days = [VolatilityDay("AAPL", MONDAY - timedelta(days=back), Decimal("0.2")) for back in range(1, 4)]
    store.record(VolatilityDay("AAPL", MONDAY - timedelta(days=1), Decimal("0.3")), NOW)

    assert (store.backfill(days, Source.FILE, NOW), store.backfill(days, Source.BARS, NOW)) == (2, 0)
    assert [iv for _, iv in store.series("AAPL", date.min, MONDAY)] == [Decimal("0.2"), Decimal("0.2"), Decimal("0.3")]
    assert store.recorded(MONDAY - timedelta(days=2)) == frozenset()


# --------------------------------------------------------------------------------------------------------- the command


@pytest.mark.world
def test_the_command_takes_the_day_from_the_exchange(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.limits = limits(options=KEEP)
    world.recommend(ticker="ADBE")

    codes = [iv_snapshot.main([], world.environ()) for _ in range(2)]

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    recorded = [line for line in told if line["event"] == "volatility_recorded"]
    assert codes == [0, 0], told
    assert [(each["underlyings"], each["there"], each["recorded"]) for each in recorded] == [(3, 0, 3), (3, 3, 0)]
    with world.connect() as connection:
        rows = dict(connection.execute("SELECT underlying, iv FROM volatility_days").fetchall())
        ((drawn,),) = connection.execute("SELECT drawn FROM request_budgets WHERE account = 'large'").fetchall()
    assert drawn > 0, "what it asks counts in the budget of the account"
    assert set(rows) == {"AAPL", "ADBE", "MSFT"}
    assert all(Decimal("0.1") < iv < Decimal("0.6") for iv in rows.values())


@pytest.mark.world
def test_the_command_fills_in_past_days(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "past.csv"
    file.write_text("underlying,day,iv\nAAPL,2026-11-20,0.31\nAAPL,2026-11-19,0.3\n", encoding="utf-8")

    assert iv_snapshot.main(["--import", str(file)], world.environ()) == 0
    assert iv_snapshot.main(["--import", str(file)], world.environ()) == 0
    assert capsys.readouterr().out == "2 days read, 2 were new\n2 days read, 0 were new\n"


@pytest.mark.world
def test_on_a_day_without_a_session_nothing_is_taken(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.exchange.set_clock("2026-11-26T12:00:00-05:00")

    assert iv_snapshot.main([], world.environ()) == 0
    assert "no session yet on 2026-11-26" in capsys.readouterr().err


def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert iv_snapshot.main(["--yesterday"], {}) == 2
    assert "--yesterday" in capsys.readouterr().err
