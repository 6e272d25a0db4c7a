"""Each contract of a chain gets a score or every reason against it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from contract.options import Choice
from dispatcher.core.options.chain import Listed
from dispatcher.core.options.choice import Exclusion, best, counts, judge
from dispatcher.core.positions.sight import Sight
from tests.dispatcher.cases import MONDAY, NOW, seconds
from tests.dispatcher.options.chains import SPOT, listed

OLD = Sight(Decimal("4.9"), Decimal(5), NOW - seconds(61))
AHEAD = Sight(Decimal("4.9"), Decimal(5), NOW + seconds(6))


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (listed(tradable=False), Exclusion.NOT_TRADABLE),
        (listed(expires=MONDAY + timedelta(days=6)), Exclusion.TOO_SOON),
        (listed(expires=MONDAY + timedelta(days=61)), Exclusion.TOO_LATE),
        (listed("231"), Exclusion.STRIKE_TOO_FAR),
        (listed("169"), Exclusion.STRIKE_TOO_FAR),
        (listed(quote=None), Exclusion.NO_QUOTE),
        (listed(bid="0"), Exclusion.NO_QUOTE),
        (listed(bid="5.10"), Exclusion.NO_QUOTE),
        (listed(quote=OLD), Exclusion.QUOTE_STALE),
        (listed(quote=AHEAD), Exclusion.QUOTE_STALE),
        (listed(bid="4.50"), Exclusion.SPREAD_TOO_WIDE),
        (listed(volume=9), Exclusion.VOLUME_TOO_LOW),
        (listed(volume=None), Exclusion.VOLUME_TOO_LOW),
        (listed(open_interest=99), Exclusion.OPEN_INTEREST_TOO_LOW),
        (listed(open_interest=None), Exclusion.OPEN_INTEREST_TOO_LOW),
        (listed(delta=None), Exclusion.DELTA_UNKNOWN),
        (listed(delta="0.24"), Exclusion.DELTA_OUT_OF_RANGE),
        (listed(delta="-0.66", call=False), Exclusion.DELTA_OUT_OF_RANGE),
        (listed(bid="0.28", ask="0.30"), Exclusion.PREMIUM_TOO_LOW),
    ],
)
def test_what_does_not_suit_is_excluded_by_name(contract: Listed, reason: Exclusion) -> None:
    (candidate,) = judge([contract], SPOT, Choice(), NOW)

    assert (candidate.exclusions, candidate.score) == ((reason,), None)


def test_every_reason_against_a_contract_is_kept_and_counted() -> None:
    bad = listed("231", volume=0, open_interest=0)

    (candidate,) = judge([bad], SPOT, Choice(), NOW)

    assert counts([candidate]) == {
        Exclusion.STRIKE_TOO_FAR: 1,
        Exclusion.VOLUME_TOO_LOW: 1,
        Exclusion.OPEN_INTEREST_TOO_LOW: 1,
    }


def test_a_perfect_contract_scores_100_less_its_spread() -> None:
    (candidate,) = judge([listed()], SPOT, Choice(), NOW)

    # The spread is 0.10 of 4.95, 2.02 % where 10 % are allowed: 40 x (1 - 0.202) + 30 + 15 + 15
    assert candidate.score == Decimal("91.9")


@pytest.mark.parametrize(
    "worse",
    [
        listed("205", bid="4.80"),
        listed("205", delta="0.30"),
        listed("205", expires=MONDAY + timedelta(days=50)),
        listed("205", volume=20),
        listed("205", open_interest=150),
    ],
)
def test_each_quality_alone_decides_between_two_contracts(worse: Listed) -> None:
    better = listed()

    ranked = best(judge([worse, better], SPOT, Choice(), NOW))

    assert [each.listed for each in ranked] == [better, worse]


def test_equal_scores_are_ordered_by_symbol_so_that_the_choice_is_the_same_tomorrow() -> None:
    chain = [listed("205"), listed("200"), listed("195")]

    assert [each.listed.contract.strike for each in best(judge(chain, SPOT, Choice(), NOW))] == [195, 200, 205]


def test_the_further_leg_of_a_spread_may_be_cheap_and_far_from_the_money() -> None:
    cheap = listed(bid="0.19", ask="0.20", delta="0.08")

    (alone,) = judge([cheap], SPOT, Choice(), NOW)
    (partner,) = judge([cheap], SPOT, Choice(), NOW, partner=True)

    assert alone.score is None
    assert partner.score is not None
