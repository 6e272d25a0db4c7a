"""Kelly against tables worked by hand, and bounds that nothing gets round."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.options import Contracts
from dispatcher.core.options.kelly import Caps, edge, size

CAPS = Caps(loss=Decimal(1_000), notional=Decimal(25_000), contracts=10)


def trades(wins: int, win: str, losses: int, loss: str) -> list[Decimal]:
    """So many trades that won and lost these fractions of their stake."""
    return [Decimal(win)] * wins + [-Decimal(loss)] * losses


@pytest.mark.parametrize(
    ("history", "fraction"),
    [
        # Kelly 1956: even money, p = 0.6: f = p - q = 0.2
        (trades(60, "1", 40, "1"), "0.2"),
        # Thorp 2006, coin tossing: even money, p = 0.51: f = 0.02
        (trades(51, "1", 49, "1"), "0.02"),
        # Thorp 2006, section 2: odds b = 2 to 1, p = 0.5: f = (bp - q) / b = 0.25
        (trades(50, "2", 50, "1"), "0.25"),
        # The general form: p / L - q / W = 0.6 / 0.5 - 0.4 / 0.5 = 0.4
        (trades(60, "0.5", 40, "0.5"), "0.4"),
        # 0.4 / 0.4 - 0.6 / 0.8 = 0.25: fewer wins than losses, and yet an edge
        (trades(40, "0.8", 60, "0.4"), "0.25"),
        # 0.5 / 0.5 - 0.5 / 0.5: no edge
        (trades(50, "0.5", 50, "0.5"), "0"),
        # 0.286 of 28 trades won, as the original's did: 8 / 28, 0.3 won, 0.34 lost: below 0, so 0
        (trades(8, "0.3", 20, "0.34"), "0"),
        (trades(0, "1", 40, "0.4"), "0"),
    ],
)
def test_the_full_fraction_by_hand(history: list[Decimal], fraction: str) -> None:
    assert edge(history, prior_trades=0).fraction == Decimal(fraction)


def test_an_estimate_is_shrunk_towards_no_edge() -> None:
    # 60 of 100 at even money, beside 100 trades at 0.5: p = (60 + 50) / 200 = 0.55, f = 0.1
    assert edge(trades(60, "1", 40, "1"), prior_trades=100).fraction == Decimal("0.1")


def test_where_nothing_was_lost_a_loss_is_assumed_to_be_the_whole_stake() -> None:
    # W = 0.5, L = 1: no edge at p = 2/3; p = (30 + 30 x 2/3) / 60 = 5/6; f = 5/6 - (1/6) / 0.5 = 0.5
    assert edge(trades(30, "0.5", 0, "1"), prior_trades=30).fraction == Decimal("0.5")


GAINS = st.lists(st.decimals(-1, 5, places=2), max_size=80)


@given(GAINS, st.integers(0, 100))
def test_believing_in_more_trades_without_an_edge_never_raises_the_fraction(gains: list[Decimal], prior: int) -> None:
    assert edge(gains, prior + 1).fraction <= edge(gains, prior).fraction + Decimal("0.000001")


@given(GAINS, st.decimals(1, 5_000, places=2), st.decimals(0, 1_000_000, places=2))
def test_no_size_is_beyond_any_bound(gains: list[Decimal], loss: Decimal, equity: Decimal) -> None:
    policy = Contracts()

    sized = size(gains, policy, CAPS, equity=equity, loss=loss, cost=loss)

    assert 0 <= sized.contracts <= CAPS.contracts
    assert sized.contracts * loss <= CAPS.loss
    assert sized.contracts * loss <= equity * policy.max_fraction


def test_too_short_a_history_is_sized_by_the_fixed_fraction() -> None:
    sized = size(
        trades(20, "1", 9, "1"), Contracts(), CAPS, equity=Decimal(60_000), loss=Decimal(250), cost=Decimal(250)
    )

    assert (sized.by_kelly, sized.contracts, sized.bound_by) == (False, 2, "fixed fraction")  # 600 / 250


def test_a_quarter_of_kelly_is_capped() -> None:
    sized = size(
        trades(60, "1", 40, "1"), Contracts(), CAPS, equity=Decimal(10_000), loss=Decimal(60), cost=Decimal(60)
    )

    # shrunk by 30: p = (60 + 15) / 130 = 0.576923, f = 0.153846, a quarter 0.038461; capped at 0.02: $200
    assert (sized.fraction, sized.contracts) == (Decimal("0.020000"), 3)


def test_no_edge_in_enough_trades_is_no_contract() -> None:
    assert (
        size(
            trades(8, "0.3", 30, "0.34"), Contracts(), CAPS, equity=Decimal(10**6), loss=Decimal(1), cost=Decimal(1)
        ).contracts
        == 0
    )


def test_an_undefined_rank_may_halve_the_size() -> None:
    asked = {"equity": Decimal(100_000), "loss": Decimal(200), "cost": Decimal(200)}

    whole = size((), Contracts(), CAPS, **asked)
    half = size((), Contracts(), CAPS, **asked, share=Decimal("0.5"))

    assert (whole.contracts, half.contracts) == (5, 2)
