"""What is held is counted as a trader counts it: a spread is one position, at what it can still lose."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contract.limits import Action
from dispatcher.core import gates
from dispatcher.core.held import Flight, Holdings, InFlight, Position, Resting, held
from dispatcher.core.positions.instrument import Contract
from tests.dispatcher.cases import limits, standing
from tests.dispatcher.options.chains import option_case, symbol_of

EXPIRES = date(2026, 12, 18)
NEAR, FAR = "AAPL261218C00200000", "AAPL261218C00210000"
PUT_NEAR, PUT_FAR = "AAPL261218P00200000", "AAPL261218P00190000"
OTHER_EXPIRY, OTHER_STOCK = "AAPL261224C00210000", "MSFT261218C00210000"


def position(quantity: int, premium: str) -> Position:
    """Contracts at a premium in USD per share."""
    return Position(Decimal(quantity), Decimal(premium) * 100 * quantity)


def spread(bought: str, sold: str, units: int = 1, *, worth: str = "5.00", owed: str = "2.00") -> dict[str, Position]:
    return {bought: position(units, worth), sold: position(-units, owed)}


@pytest.mark.parametrize(
    ("bought", "sold", "worth", "owed", "loses"),
    [
        (NEAR, FAR, "5.00", "2.00", "300"),  # paid for: what it is worth, (5.00 - 2.00) x 100
        (FAR, NEAR, "2.00", "5.00", "700"),  # brought a credit: the width of 10 less 3.00 to buy it back, x 100
        (PUT_NEAR, PUT_FAR, "4.00", "1.50", "250"),
        (PUT_FAR, PUT_NEAR, "1.50", "4.00", "750"),
        (FAR, NEAR, "0.10", "0.15", "995"),  # nearly won, and still able to lose nearly all of its width
    ],
)
def test_a_spread_is_one_position_at_what_it_can_still_lose(
    bought: str, sold: str, worth: str, owed: str, loses: str
) -> None:
    (found,) = held(spread(bought, sold, worth=worth, owed=owed))

    assert found.symbols == (bought, sold)
    assert found.exposure == Decimal(loses)


def test_what_a_spread_leaves_over_is_a_position_of_its_own() -> None:
    positions = spread(NEAR, FAR, units=2) | {NEAR: position(3, "5.00")}

    assert {each.symbols: each.exposure for each in held(positions)} == {
        (NEAR, FAR): Decimal(600),
        (NEAR,): Decimal(500),
    }


@pytest.mark.parametrize("stranger", [OTHER_EXPIRY, OTHER_STOCK, PUT_FAR])
def test_contracts_of_another_expiry_kind_or_stock_are_two_positions(stranger: str) -> None:
    assert len(held(spread(NEAR, stranger))) == 2


def test_a_contract_sold_alone_counts_with_what_it_can_owe() -> None:
    (put,) = held({PUT_NEAR: position(-1, "4.00")})

    assert put.exposure == Decimal(20_000 - 400), "the strike, less what was received and is still worth"


def test_what_rests_or_is_in_flight_counts_once_and_an_exit_not_at_all() -> None:
    there = standing(
        positions=spread(NEAR, FAR) | {"KO": Position(Decimal(10), Decimal(600))},
        resting=(
            Resting((FAR, NEAR), buys=False, cost=Decimal(0)),  # the spread's own exit
            Resting(("KO",), buys=False, cost=Decimal(600)),
            Resting((PUT_NEAR, PUT_FAR), buys=True, cost=Decimal(250)),
            Resting(("T",), buys=True, cost=Decimal(200)),
        ),
        in_flight=(InFlight((PUT_FAR, PUT_NEAR), Decimal(250)), InFlight(("F",), Decimal(90))),
    )

    assert there.positions == 5  # the spread, KO, the spread of puts, T, F
    assert there.exposure == 300 + 600 + 250 + 200 + 250 + 90


SYMBOLS = st.sampled_from(["T", "F", "KO"]).map(lambda name: (name,)) | st.permutations([PUT_FAR, PUT_NEAR]).map(tuple)


@given(
    st.lists(st.builds(InFlight, SYMBOLS, st.decimals(1, 1_000, places=2)), max_size=8),
    st.lists(SYMBOLS.map(lambda symbols: Resting(symbols, buys=True, cost=Decimal(1))), max_size=3),
)
def test_orders_that_join_one_by_one_count_as_all_at_once(orders: list[InFlight], resting: list[Resting]) -> None:
    holdings = Holdings({"KO": Position(Decimal(10), Decimal(600))}, tuple(resting))
    flight = Flight()
    for number, order in enumerate(orders):
        flight = flight.joined(holdings, number, order)

    assert flight == Flight.over(holdings, dict(enumerate(orders)))


# ------------------------------------------------------------------------------------------------------- at the gates


def test_the_gates_count_a_held_spread_once_and_at_its_loss() -> None:
    crowded = option_case(Action.BUY_PUT)
    crowded = replace(
        crowded,
        standing=replace(crowded.standing, holdings=Holdings(spread(FAR, NEAR, worth="2.00", owed="5.00"), ())),
        limits=limits(max_open_positions=2, max_exposure=Decimal(1_000)),
    )

    few = gates.positions_few(crowded)
    fits, too_much = gates.exposure(Decimal(300), crowded), gates.exposure(Decimal("300.01"), crowded)

    assert (few.passed, few.observed) == (True, "1")
    assert (fits.passed, too_much.passed) == (True, False)


# --------------------------------------------------------------------------------------------------------- properties

STRIKES = st.sampled_from([Decimal(strike) for strike in range(180, 225, 5)])
CONTRACTS = st.builds(lambda call, strike: symbol_of(Contract("AAPL", EXPIRES, call, strike)), st.booleans(), STRIKES)
QUANTITIES = st.integers(-5, 5).filter(bool)
PREMIUMS = st.integers(1, 2_000).map(lambda cents: str(Decimal(cents) / 100))
POSITIONS = st.builds(position, QUANTITIES, PREMIUMS)
BOOKS = st.dictionaries(CONTRACTS, POSITIONS, max_size=6)


@given(BOOKS)
def test_no_contract_is_counted_twice_or_forgotten(positions: dict[str, Position]) -> None:
    found = held(positions)

    singles = [each.symbols[0] for each in found if len(each.symbols) == 1]
    assert set(positions) == {symbol for each in found for symbol in each.symbols}
    assert len(singles) == len(set(singles)), "what is left of a contract is left once"
    assert len(found) <= len(positions) + min(
        sum(each.quantity > 0 for each in positions.values()), sum(each.quantity < 0 for each in positions.values())
    )
    assert all(each.exposure >= 0 for each in found)


@given(BOOKS, st.randoms())
def test_the_order_in_which_the_broker_tells_them_says_nothing(positions: dict[str, Position], chance: object) -> None:
    shuffled = list(positions.items())
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random

    assert sorted(held(dict(shuffled)), key=str) == sorted(held(positions), key=str)


@given(st.sampled_from("CP"), st.tuples(STRIKES, STRIKES), st.integers(1, 50), st.tuples(PREMIUMS, PREMIUMS))
def test_a_spread_is_one_and_loses_its_price_or_what_its_credit_leaves_of_the_width(
    kind: str,
    strikes: tuple[Decimal, Decimal],
    units: int,
    premiums: tuple[str, str],
) -> None:
    bought, sold = strikes
    assume(bought != sold)
    long, short = (symbol_of(Contract("AAPL", EXPIRES, kind == "C", strike)) for strike in strikes)

    (found,) = held(spread(long, short, units, worth=premiums[0], owed=premiums[1]))

    paid_for = bought < sold if kind == "C" else bought > sold
    net = Decimal(premiums[0]) - Decimal(premiums[1])
    per_share = net if paid_for else abs(bought - sold) + net
    assert found.exposure == max(Decimal(0), per_share) * 100 * units


@given(st.dictionaries(CONTRACTS, st.builds(position, st.integers(1, 5), PREMIUMS), max_size=6))
def test_what_is_only_bought_is_counted_by_symbol_at_its_worth(positions: dict[str, Position]) -> None:
    found = held(positions)

    assert len(found) == len(positions)
    assert sum((each.exposure for each in found), Decimal(0)) == sum(
        (each.market_value for each in positions.values()), Decimal(0)
    )
