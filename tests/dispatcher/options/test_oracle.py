"""Our volatilities and greeks against QuantLib.

Stated tolerances: a volatility within 0.000002 of the one the price was made with, where the premium has at least a
cent of time value; greeks within 0.00001. Against an American model (no dividends, 4 % a year) the European
volatility, 30 days and within 2.5 % of the money, is the same for calls and at most 0.007 too high for puts: the right
to exercise early is priced as volatility. The broker's own volatilities are used wherever it gives them.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
import QuantLib as ql  # noqa: N813  as its own documentation calls it

from dispatcher.adapters.greeks import complete
from dispatcher.core.options.chain import Listed, Underlying, years_left
from dispatcher.core.positions.instrument import Contract
from dispatcher.core.positions.sight import Sight

RATE = 0.04
SPOT = 200.0
AT_THE_CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
"""16:00 in New York: whole days are left of every contract."""
CENT = 0.01
WHOLE = product((160, 190, 200, 210, 240), (7, 30, 90), (0.15, 0.40, 0.90), (True, False))


def quoted(strike: int, days: int, premium: float, *, call: bool) -> Listed:
    """A contract whose quote's middle is the premium, of which the broker told nothing else."""
    contract = Contract("AAPL", date(2026, 11, 23) + timedelta(days=days), call, Decimal(strike))
    amount = Decimal(repr(premium))
    return Listed("AAPL", contract, Sight(amount, amount, AT_THE_CLOSE))


def european(strike: int, years: float, sigma: float, *, call: bool) -> "ql.BlackCalculator":
    """QuantLib's Black-Scholes."""
    kind = ql.Option.Call if call else ql.Option.Put
    discount = ql.YieldTermStructureHandle(ql.FlatForward(ql.Date(23, 11, 2026), RATE, ql.Actual365Fixed())).discount(
        years
    )
    return ql.BlackCalculator(ql.PlainVanillaPayoff(kind, strike), SPOT / discount, sigma * years**0.5, discount)


def time_value(strike: int, days: int, sigma: float, *, call: bool) -> float:
    """What a premium has beyond exercise at the end, USD."""
    sure = european(strike, days / 365, 1e-9, call=call).value()
    return float(european(strike, days / 365, sigma, call=call).value() - sure)


GRID = [each for each in WHOLE if time_value(*each[:3], call=each[3]) >= CENT]


@pytest.mark.parametrize(("strike", "days", "sigma", "call"), GRID)
def test_volatility_and_greeks_are_quantlibs(strike: int, days: int, sigma: float, *, call: bool) -> None:
    years = days / 365
    model = european(strike, years, sigma, call=call)
    listed = quoted(strike, days, model.value(), call=call)

    found = complete(listed, Underlying(Decimal(SPOT)), Decimal(str(RATE)), AT_THE_CLOSE)

    assert found.modelled
    assert found.iv is not None
    assert found.greeks is not None
    assert float(found.iv) == pytest.approx(sigma, abs=2e-6)
    given = found.greeks
    theirs = (model.delta(SPOT), model.gamma(SPOT), model.thetaPerDay(SPOT, years), model.vega(years) / 100)
    ours = tuple(float(each) for each in (given.delta, given.gamma, given.theta, given.vega))
    assert ours == pytest.approx(theirs, abs=1e-5)


def american(strike: int, days: int, sigma: float, *, call: bool) -> float:
    """QuantLib's American price, by a binomial tree of 801 steps."""
    today = ql.Date(23, 11, 2026)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(SPOT)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, count)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), sigma, count)),
    )
    kind = ql.Option.Call if call else ql.Option.Put
    option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), ql.AmericanExercise(today, today + days))
    option.setPricingEngine(ql.BinomialVanillaEngine(process, "crr", 801))
    return float(option.NPV())


@pytest.mark.parametrize(("strike", "sigma", "call"), list(product((195, 200, 205), (0.15, 0.30, 0.60), (True, False))))
def test_what_a_european_model_costs_at_the_money_is_within_less_than_a_point(
    strike: int, sigma: float, *, call: bool
) -> None:
    listed = quoted(strike, 30, american(strike, 30, sigma, call=call), call=call)

    found = complete(listed, Underlying(Decimal(SPOT)), Decimal(str(RATE)), AT_THE_CLOSE)

    assert found.iv is not None
    assert -0.001 <= float(found.iv) - sigma <= 0.007


def test_what_the_broker_told_is_kept() -> None:
    told = quoted(200, 30, 5.0, call=True)
    whole = complete(told, Underlying(Decimal(200)), Decimal("0.04"), AT_THE_CLOSE)

    assert complete(whole, Underlying(Decimal(250)), Decimal("0.04"), AT_THE_CLOSE) is whole


@pytest.mark.parametrize("premium", [0.0, 200.0, 39.0])
def test_a_price_that_holds_no_volatility_gets_none(premium: float) -> None:
    listed = quoted(160, 30, premium, call=True)

    found = complete(listed, Underlying(Decimal(200)), Decimal("0.04"), AT_THE_CLOSE)

    assert (found.iv, found.greeks, found.modelled) == (None, None, False)


def test_a_contract_that_is_over_has_no_time() -> None:
    over = quoted(200, -1, 5.0, call=True)

    assert years_left(over.contract, AT_THE_CLOSE) == 0
    assert complete(over, Underlying(Decimal(200)), Decimal("0.04"), AT_THE_CLOSE) is over
